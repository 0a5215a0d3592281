import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { check } from "../../src/cli/check.ts";
import { lockTools } from "../../src/cli/lock.ts";
import { type TypesOptions, writeTypes } from "../../src/cli/types.ts";
import { openRuntime } from "../../src/runtime/index.ts";

const root = resolve(import.meta.dirname, "../..");
const tsc = join(root, "node_modules/typescript/bin/tsc");
const { resolve: find } = createRequire(import.meta.url);
const runtime = await openRuntime();

/** A folder with the package in `node_modules`, as npm lays it out. */
let home = "";
let folder = "";
let made = 0;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "mcp-gw-types-"));
  const own = join(home, "node_modules/mcp-gw");
  await mkdir(own, { recursive: true });
  await writeFile(join(own, "package.json"), await readFile(join(root, "package.json")));
  await symlink(join(root, "node_modules"), join(own, "node_modules"));
  const build = ["-p", join(root, "tsconfig.build.json"), "--emitDeclarationOnly"];
  await compile([...build, "--outDir", join(own, "dist")]);
}, 120_000);
beforeEach(async () => {
  folder = join(home, `config-${made++}`);
  await mkdir(folder);
});
afterAll(() => rm(home, { recursive: true }));

function compile(args: readonly string[]): Promise<string> {
  return new Promise((done) => {
    execFile(process.execPath, [tsc, ...args], (_, stdout) => done(stdout));
  });
}

/** The lines of the config that do not compile, each with its message. */
async function compileConfig(text: string): Promise<readonly string[]> {
  await writeFile(join(folder, "gateway.config.ts"), text);
  const compilerOptions = {
    module: "nodenext",
    target: "es2023",
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  const out = await compile(["-p", folder, "--pretty", "false"]);
  return out.split("\n").filter((line) => /^\S/.test(line));
}

async function types(options: Partial<TypesOptions> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await writeTypes(
    { offline: false, check: false, ...options },
    { ...runtime, cwd: () => folder },
    { out: (text) => out.push(text), err: (text) => err.push(text) },
  );
  return { code, out: out.join("\n"), err: err.join("\n") };
}

function serverOf(name: string, ...args: readonly string[]): string {
  const file = find(`@modelcontextprotocol/${name}/dist/index.js`);
  return JSON.stringify({ command: process.execPath, args: [file, ...args] });
}

function configOf(allowed: string, ruled: string): string {
  return `import { defineConfig, rule } from "mcp-gw";
export default defineConfig({
  upstreams: {
    files: ${serverOf("server-filesystem", folder)},
    memory: ${serverOf("server-memory")},
    everything: ${serverOf("server-everything")},
  },
  clients: { local: { auth: "anonymous", allow: {
    ${allowed}
  } } },
  rules: [
    ${ruled}
  ],
});
`;
}
const allowed = 'tools: ["files/read_*", "memory/*", "everything/echo"],';
const ruled = `rule("a", { on: "files/read_text_file", when: { args: { head: { min: 10 } } }, then: "deny" }),
    rule("b", { on: "everything/echo", when: ({ args }) => args.message === "x", then: "deny" }),
    rule("c", { on: "memory/search_nodes", set: { query: "x" } }),
    rule("d", { on: { prompts: ["everything/*"] }, then: "deny" }),`;

test("types make a config for real servers compile, and each misspelling of it not", async () => {
  const good = configOf(allowed, ruled);
  expect(await compileConfig(good)).toEqual([]);
  const written = await types();
  expect(written).toMatchObject({ code: 0, err: "" });
  expect(await compileConfig(good)).toEqual([]);
  for (const [what, text, line] of [
    ["an upstream", good.replace('"memory/*"', '"memry/*"'), 9],
    ["a tool", good.replace('"everything/echo"]', '"everything/ecko"]'), 9],
    ["an upstream of a rule", good.replace('on: "files/', 'on: "file/'), 12],
    ["a tool of a rule", good.replace("search_nodes", "serch_nodes"), 14],
    ["an argument's name", good.replace("head:", "haed:"), 12],
    ["an argument's type", good.replace("{ min: 10 }", '"10"'), 12],
    ["an argument of a function", good.replace("args.message", "args.massage"), 13],
    ["the type of a value that is set", good.replace('query: "x"', "query: 1"), 14],
    ["a prompt", good.replace("everything/*", "evrything/*"), 15],
  ] as const) {
    const faults = await compileConfig(text);
    expect(faults, what).toHaveLength(1);
    expect(faults[0], what).toMatch(new RegExp(`gateway.config.ts\\(${line},`));
  }
}, 120_000);

test("types --check fails where something differs, and --upstream leaves the others alone", async () => {
  await writeFile(join(folder, "gateway.config.ts"), configOf(allowed, ruled));
  const file = join(folder, "gateway.types.d.ts");
  expect((await types({ check: true })).code).toBe(1);
  await expect(readFile(file)).rejects.toThrow("ENOENT");
  expect((await types({ upstream: "memory" })).err).toContain("files, everything are not known");
  await types();
  const text = await readFile(file, "utf8");
  expect(await types({ check: true })).toMatchObject({ code: 0, err: "" });
  await writeFile(file, text.replace('"echo"', '"gone"').replace('"search_nodes"', '"gone"'));
  expect((await types({ check: true })).code).toBe(1);
  await types({ upstream: "memory" });
  expect(await readFile(file, "utf8")).toBe(text.replace('"echo"', '"gone"'));
}, 60_000);

test("types --offline takes what the lock holds, and asks nobody", async () => {
  const config = configOf(allowed, ruled);
  await writeFile(join(folder, "gateway.config.ts"), config);
  expect(await types({ offline: true })).toMatchObject({ code: 1 });
  const quiet = { out: () => undefined, err: () => undefined };
  await lockTools({ check: false, json: false }, { ...runtime, cwd: () => folder }, quiet);
  expect(await types()).toMatchObject({ code: 0 });
  // The lock holds no prompts: those that are written stay.
  expect(await types({ offline: true, check: true })).toMatchObject({ code: 0 });
  const dead = config.replaceAll(JSON.stringify(process.execPath), '"/nowhere"');
  await writeFile(join(folder, "gateway.config.ts"), dead);
  expect(await types({ offline: true })).toMatchObject({ code: 0, err: "" });
  expect(await compileConfig(dead)).toEqual([]);
  expect(await compileConfig(dead.replace("head:", "haed:"))).toHaveLength(1);
}, 60_000);

test("types name the upstream that was meant, and those that do not answer", async () => {
  await writeFile(
    join(folder, "gateway.config.json"),
    JSON.stringify({ upstreams: { files: { command: "/nowhere" } } }),
  );
  expect(await types({ upstream: "fils" })).toMatchObject({
    code: 2,
    err: 'There is no upstream "fils" (did you mean "files"?)',
  });
  const { code, err } = await types();
  expect(code).toBe(1);
  expect(err).toContain("Nothing is written, since the tools of files are not known");
});

test("check says offline what types say, by what the lock holds", async () => {
  const quiet = { out: () => undefined, err: () => undefined };
  const silent = { ...runtime, cwd: () => folder };
  const good = configOf(allowed, ruled);
  const file = join(folder, "gateway.config.ts");
  await writeFile(file, good);
  await lockTools({ check: false, json: false }, silent, quiet);
  const checked = async (text: string) => {
    await writeFile(file, text);
    const out: string[] = [];
    const options = { json: false, strict: true };
    const code = await check(options, silent, { ...quiet, out: (line) => out.push(line) });
    const lines = out.join("\n").split("\n");
    return { code, faults: lines.filter((line) => /: (?:rules|clients)/.test(line)) };
  };
  expect((await checked(good)).faults).toEqual([]);
  for (const [text, message] of [
    [
      good.replace('"everything/echo"]', '"everything/ecko"]'),
      `9: warning: clients.local.allow.tools[2]: "everything/ecko" matches no tool that is locked (did you mean "everything/echo"?)`,
    ],
    [
      good.replace("search_nodes", "serch_*"),
      `14: warning: rules[2].on: "memory/serch_*" matches no tool that is locked`,
    ],
    [
      good.replace("head:", "haed:"),
      `12: warning: rules[0].when.args.haed: No tool that the rule "a" is for has an argument "haed" (did you mean "head"?)`,
    ],
    [
      good.replace("{ min: 10 }", '"10"'),
      `12: warning: rules[0].when.args.head: The argument "head" must be`,
    ],
    [good.replace("{ min: 10 }", '{ glob: "1*" }'), `The argument "head" is never a string`],
    [
      good.replace('query: "x"', "query: 1"),
      `14: warning: rules[2].set.query: The argument "query" must be`,
    ],
  ] as const) {
    const { code, faults } = await checked(text);
    expect(faults).toEqual([expect.stringContaining(message)]);
    expect(code).toBe(1);
  }
}, 60_000);
