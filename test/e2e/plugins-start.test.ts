/** A gateway whose plugin files are not what they should be does not start, and says why, all at once. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check } from "../../src/cli/check.ts";
import { type Fault, loadConfig } from "../../src/config/index.ts";
import { ConfigError, createGateway, defineConfig } from "../../src/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { PluginsError } from "../../src/sandbox/index.ts";
import { startGateway } from "../../src/serve.ts";
import { start } from "../cli/processes.ts";
import { startMs } from "./plugins-rig.ts";

const hook = "onToolCall: () => allow(),";
const entry = 'import { allow } from "mcp-gw/plugin";';
const plugin = (name: string, more = hook): string =>
  `${entry}\nexport default {\n  name: "${name}",\n  version: "1.0.0",\n  ${more}\n};\n`;

interface Bad {
  readonly file: string;
  readonly text: string;
  /** Of the file; of a default export that is wrong, the one where it begins. */
  readonly line: number;
  readonly says: RegExp;
  /** What to do. */
  readonly advice?: RegExp;
  readonly settings?: object;
}
/** What an author may get wrong, each in a file of its own. */
const bad: readonly Bad[] = [
  {
    file: "syntax.js",
    text: `${entry}\n\nexport default {{ ;\n`,
    line: 3,
    says: /./,
  },
  {
    file: "syntax.ts",
    text: `${entry}\n\nexport default {{ ;\n`,
    line: 3,
    says: /not valid TypeScript/,
  },
  {
    file: "no-default.ts",
    text: `${entry}\nexport const onToolCall = () => allow();\n`,
    line: 1,
    says: /no default export: write "export default/,
  },
  {
    file: "getter.ts",
    text: `${entry}\nexport default {\n  name: "x",\n  version: "1",\n  get onToolCall() { return () => allow(); },\n};\n`,
    line: 2,
    says: /"onToolCall" is a getter: write it as a plain property/,
  },
  {
    file: "plugins/outside.ts",
    text: `${entry}\nimport { x } from "../beside.ts";\n${plugin("outside")}`,
    line: 2,
    says: /"\.\.\/beside\.ts", which is outside of the plugin's folder/,
    advice: /put a copy beside the plugin/,
  },
  {
    file: "node.ts",
    text: `import { readFileSync } from "node:fs";\n${plugin("node", "onToolCall: () => readFileSync('/etc/passwd'),")}`,
    line: 1,
    says: /"node:fs"/,
    advice: /ctx/,
  },
  {
    file: "package.ts",
    text: `import "lodash";\n${plugin("package")}`,
    line: 1,
    says: /"lodash"/,
    advice: /bundle the package/,
  },
  {
    file: "enum.ts",
    text: `${entry}\nenum Kind { A }\n${plugin("enum").replace(entry, "")}`,
    line: 2,
    says: /enum/,
    advice: /as const/,
  },
  {
    file: "missing-part.ts",
    text: `import "./part.ts";\n${plugin("missing-part")}`,
    line: 1,
    says: /"\.\/part\.ts": there is no such file/,
  },
  {
    file: "throws.ts",
    text: `${plugin("throws")}\nthrow new Error("at once");\n`,
    line: 8,
    says: /at once/,
  },
  {
    file: "loops.ts",
    text: `${plugin("loops")}\nfor (;;);\n`,
    line: 2,
    says: /./,
    settings: { limits: { loadMs: 50 } },
  },
];
/** Where the plugin is good, and the config gives it too little or the wrong thing. */
const badSettings: readonly (Omit<Bad, "line"> & { readonly path: string })[] = [
  {
    file: "wants-kv.ts",
    text: plugin("wants-kv", `permissions: { kv: "client" }, ${hook}`),
    path: "grants.kv",
    says: /asks for kv: "client", which is not granted/,
    advice: /grants: \{ kv: "client" \}/,
  },
  {
    file: "wants-fetch.ts",
    text: plugin("wants-fetch", `permissions: { fetch: ["https://a.example"] }, ${hook}`),
    settings: { grants: { fetch: [{ origin: "https://b.example" }] } },
    path: "grants.fetch",
    says: /asks for fetch to "https:\/\/a\.example", which is not granted/,
    advice: /grants: \{ fetch/,
  },
  {
    file: "schema.ts",
    text: plugin(
      "schema",
      `configSchema: { type: "object", properties: { max: { type: "integer" } } }, ${hook}`,
    ),
    settings: { config: { max: "many" } },
    path: "config.max",
    says: /must be integer, as "schema" says/i,
  },
  {
    file: "pinned.ts",
    text: plugin("pinned"),
    settings: { sha256: "0".repeat(64) },
    path: "sha256",
    says: /another hash: [0-9a-f]{64}/,
    advice: /look at what has changed/,
  },
];

/** What fails with the config that it is given alone; nothing is, where another fault is known. */
const setup = plugin("setup", `setup() {\n    throw new Error("no setup");\n  },\n  ${hook}`);

const files: Readonly<Record<string, string>> = {
  "setup.ts": setup,
  "beside.ts": "export const x = 1;\n",
  ...Object.fromEntries([...bad, ...badSettings].map(({ file, text }) => [file, text])),
};
const entries = [...bad, ...badSettings].map(({ file, settings }) => ({
  use: `./${file}`,
  ...settings,
}));
const config = { listen: { port: 0 }, plugins: entries };

let folder: string;
let faults: readonly Fault[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plugins-start-"));
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    // oxlint-disable-next-line no-await-in-loop -- a few small files
    await mkdir(dirname(path), { recursive: true });
    // oxlint-disable-next-line no-await-in-loop -- a few small files
    await writeFile(path, text);
  }
  await writeFile(join(folder, "gateway.config.json"), JSON.stringify(config, undefined, 2));
  const runtime = await openRuntime();
  const loaded = await loadConfig({
    file: join(folder, "gateway.config.json"),
    env: {},
    ports: runtime.config,
    now: Date.now(),
    missingSecrets: "fault",
  });
  if (loaded.config === undefined) throw new Error(JSON.stringify(loaded.faults));
  const error = await startGateway({ loaded, runtime, port: 0 }).catch((why: unknown) => why);
  if (!(error instanceof PluginsError)) throw new Error(`It started, or broke: ${String(error)}`);
  ({ faults } = error);
}, startMs);
afterAll(() => rm(folder, { recursive: true }));

/** Of one entry of the config. */
const faultsOf = (file: string): readonly Fault[] => {
  const at = `plugins[${entries.findIndex(({ use }) => use === `./${file}`)}]`;
  return faults.filter(
    ({ path, level }) => level === "error" && (path === at || path.startsWith(`${at}.`)),
  );
};

describe("a start is refused", () => {
  test.each(bad)("with the place in $file and what is wrong", ({ file, line, says, advice }) => {
    const [fault, ...others] = faultsOf(file);
    expect(others).toEqual([]);
    expect(fault).toMatchObject({ level: "error", file: join(folder, file), line });
    expect(fault?.message).toMatch(says);
    if (advice !== undefined) expect(fault?.suggestion).toMatch(advice);
  });

  test.each(badSettings)("with the place of $path for $file in the config", (one) => {
    const [fault, ...others] = faultsOf(one.file);
    expect(others).toEqual([]);
    expect(fault?.path.endsWith(`.${one.path}`)).toBe(true);
    expect(fault).toMatchObject({ file: join(folder, "gateway.config.json") });
    expect(fault?.line).toEqual(expect.any(Number));
    expect(fault?.message).toMatch(one.says);
    if (one.advice !== undefined) expect(fault?.suggestion).toMatch(one.advice);
  });

  test("and every plugin is told of at once", () => {
    expect(new Set(faults.map(({ path }) => path.split(".")[0])).size).toBe(entries.length);
  });
});

async function runCheck(file: string): Promise<{ code: number; lines: readonly string[] }> {
  const runtime = await openRuntime();
  const out: string[] = [];
  const code = await check(
    { config: file, json: false, strict: false },
    { ...runtime, cwd: () => folder, env: {} },
    { out: (text) => out.push(text), err: (text) => out.push(text) },
  );
  return { code, lines: out.join("\n").split("\n") };
}

describe("mcp-gw check", () => {
  test(
    "says the same, a line for each with file and line",
    async () => {
      const { code, lines } = await runCheck("gateway.config.json");
      expect(code).toBe(1);
      for (const { file, line } of bad) {
        const place = `${file}:${line}: error: plugins[`;
        expect(lines.some((each) => each.startsWith(place))).toBe(true);
      }
      for (const { path } of badSettings) {
        const found = lines.find((each) => each.includes(`.${path}: `));
        expect(found).toMatch(/^gateway\.config\.json:\d+: error: plugins\[\d+\]/);
      }
    },
    startMs,
  );

  test(
    "sets the plugins up with their config, as a start does",
    async () => {
      const plugins = [{ use: "./setup.ts", limits: { loadMs: 5_000 } }];
      await writeFile(join(folder, "setup.config.json"), JSON.stringify({ plugins }));
      const { code, lines } = await runCheck("setup.config.json");
      expect(code).toBe(1);
      expect(lines.find((line) => line.includes("error"))).toMatch(
        /^setup\.ts:6: error: plugins\[0\]: .*no setup/,
      );
      const made = createGateway(defineConfig({ plugins }), { folder });
      await expect(made).rejects.toThrow(/plugins\[0\]: .*no setup/);
    },
    startMs,
  );
});

test(
  "createGateway rejects with a ConfigError of the same faults",
  async () => {
    const { plugins } = config;
    const made = createGateway(defineConfig({ plugins: plugins.slice(0, 6) } as never), { folder });
    const error = await made.catch((why: unknown) => why);
    expect(error).toBeInstanceOf(ConfigError);
    const found = (error as ConfigError).faults;
    expect(found.map(({ message }) => message)).toEqual(
      bad.slice(0, 6).map(({ file }) => faultsOf(file)[0]?.message),
    );
    expect(found[0]).toMatchObject({ file: join(folder, "syntax.js"), line: 3 });
    // Its lock is free again, so nothing of it is left.
    const good = await createGateway(defineConfig({}), { folder });
    await good.close();
  },
  startMs,
);

test(
  "the program ends with code 1 and the faults, and listens nowhere",
  async () => {
    const program = start("--config", join(folder, "gateway.config.json"));
    expect(await program.exited).toBe(1);
    expect(program.output()).toContain('getter.ts:2: error: plugins[3]: "onToolCall" is a getter');
    expect(program.output()).toMatch(/syntax\.ts:3: error: plugins\[1\]/);
    expect(program.output()).not.toMatch(/listen|http:\/\//i);
  },
  startMs,
);
