import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const registered = `export {};
declare module "mcp-gw" {
  interface Register {
    upstreams: {
      weather: {
        tools: {
          forecast: {
            args: { city: string; days?: number; unit?: "c" | "f" };
            annotations: { readOnlyHint: true };
          };
          current: { args: { city: string }; annotations: {} };
        };
        prompts: { brief: { args: { tone?: string } } };
      };
      files: {
        tools: {
          read_file: { args: { path: string; tags?: readonly string[] }; annotations: {} };
          any_thing: { args: { id: number; [name: string]: unknown }; annotations: {} };
        };
      };
    };
  }
}
`;
const imports = `import { defineConfig, rule } from "mcp-gw";\n`;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcp-gw-register-"));
  const compilerOptions = {
    paths: { "mcp-gw": [join(root, "src/index.ts")] },
    typeRoots: [join(root, "node_modules/@types")],
  };
  const config = { extends: join(root, "tsconfig.json"), compilerOptions, include: ["*.ts"] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
});
afterAll(() => rm(folder, { recursive: true }));

/** The faults of `config.ts` alone, beside these declarations. */
async function compile(config: string, declared: string): Promise<readonly string[]> {
  await writeFile(join(folder, "config.ts"), config);
  await writeFile(join(folder, "gateway.types.d.ts"), declared);
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const out = await new Promise<string>((done) => {
    execFile(process.execPath, [tsc, "-p", folder, "--pretty", "false"], (_, text) => done(text));
  });
  return out.split("\n").filter((line) => /^config\.ts|gateway\.types/.test(line));
}

const good = `${imports}export default defineConfig({
  clients: { a: { auth: "anonymous", allow: { tools: ["weather/forecast", "weather/*", "*", "*/forecast", "files/read_*", "wea*/forecast"], prompts: ["weather/brief", "files/x", "weather/b*"], resources: ["files/file:///x/*", "*"], input: ["sampling", "weather/elicitation", "*/roots"] } } },
  roles: { r: { allow: { tools: ["files/read_file"] } } },
  rules: [
    rule("a", { on: "weather/forecast", when: { args: { city: "Bern", days: { max: 3 }, unit: ["c"] , "/city": "x"} }, then: "deny" }),
    rule("b", { on: ["weather/*", "files/*"], unless: { args: { path: { glob: "/x*" }, city: { maxLength: 3 } } }, then: "deny" }),
    rule("c", { on: { tools: ["weather/forecast"] }, set: { unit: "c", days: 3 }, defaults: { city: "Bern" } }),
    rule("d", { on: "weather/forecast", when: ({ args, now }) => args.days !== undefined && args.days > now && args.unit === "c", then: "deny" }),
    rule("e", { on: "files/any_thing", when: { args: { whatever: 1, id: 2 } }, set: { x: [1], id: 3 } }),
    rule("f", { on: { resources: ["files/file:///a*"] }, then: "deny" }),
    rule("g", { on: "*", then: "deny", unless: { annotations: { readOnlyHint: true } } }),
    rule("h", { on: { prompts: ["weather/brief"] }, when: { args: { tone: "x" } }, then: "deny" }),
    rule("i", { on: { prompts: ["files/brief"] }, when: { args: { tone: "x" } }, then: "deny" }),
    rule("j", { on: "files/read_file", set: { tags: ["a"] } }),
    { name: "k", on: "weather/*", then: "deny" },
  ],
});
`;
/** Each of them wrong in one word. */
const wrong: readonly string[] = [
  `defineConfig({ clients: { a: { auth: "anonymous", allow: { tools: ["wether/*"] } } } });`,
  `defineConfig({ clients: { a: { auth: "anonymous", allow: { tools: ["weather/forcast"] } } } });`,
  `defineConfig({ clients: { a: { auth: "anonymous", allow: { resources: ["wether/x:y"] } } } });`,
  `defineConfig({ clients: { a: { auth: "anonymous", allow: { prompts: ["weather/brif"] } } } });`,
  `defineConfig({ clients: { a: { auth: "anonymous", allow: { input: ["wether/sampling"] } } } });`,
  `defineConfig({ roles: { a: { allow: { tools: ["weather/forcast"] } } } });`,
  `defineConfig({ rules: [{ name: "x", on: "wether/*", then: "deny" }] });`,
  `rule("a", { on: "wether/forecast", then: "deny" });`,
  `rule("a", { on: "weather/forcast", then: "deny" });`,
  `rule("a", { on: ["weather/forecast", "weather/forcast"], then: "deny" });`,
  `rule("a", { on: { tools: ["weather/forcast"] }, then: "deny" });`,
  `rule("a", { on: "weather/forecast", when: { args: { citty: "x" } }, then: "deny" });`,
  `rule("a", { on: "weather/forecast", when: { args: { city: 3 } }, then: "deny" });`,
  `rule("a", { on: "weather/forecast", when: { args: { city: { max: 3 } } }, then: "deny" });`,
  `rule("a", { on: "weather/forecast", when: { args: { days: { glob: "x" } } }, then: "deny" });`,
  `rule("a", { on: "weather/forecast", when: { args: { "/citty": "x" } }, then: "deny" });`,
  `rule("a", { on: "weather/forecast", unless: { args: { unit: "k" } }, then: "deny" });`,
  `rule("a", { on: "weather/*", unless: { args: { path: "k" } }, then: "deny" });`,
  `rule("a", { on: "weather/forecast", set: { citty: "k" } });`,
  `rule("a", { on: "weather/forecast", set: { city: 3 } });`,
  `rule("a", { on: "weather/forecast", defaults: { unit: "k" } });`,
  `rule("a", { on: "weather/forecast", when: ({ args }) => args.citty === "x", then: "deny" });`,
  `rule("a", { on: "weather/forecast", when: ({ args }) => args.city === 3, then: "deny" });`,
  `rule("a", { on: "files/any_thing", when: { args: { id: "x" } }, then: "deny" });`,
  `rule("a", { on: "files/read_file", set: { tags: [1] } });`,
  `rule("a", { on: "weather/forcas*", then: "deny" });`,
  `rule("a", { on: ["weather/*", "weather/forcas*"], then: "deny" });`,
  `rule("a", { on: { tools: ["weather/*", "weather/forcas*"] }, then: "deny" });`,
];

test("a config that names what is registered compiles", async () => {
  expect(await compile(good, registered)).toEqual([]);
}, 60_000);

test("each config that names what is not registered does not compile", async () => {
  // A directive above a line without a fault would be a fault itself.
  const lines = wrong.map((each) => `// @ts-expect-error\n${each}`);
  expect(await compile(imports + lines.join("\n"), registered)).toEqual([]);
}, 60_000);

test("without a register each name is a string", async () => {
  expect(await compile(good + wrong.join("\n"), "export {};")).toEqual([]);
}, 60_000);

test("20 upstreams of 50 tools are registered without an effort that the compiler refuses", async () => {
  const tools = Array.from({ length: 50 }, (_, at) => {
    const args = `{ id: string; limit?: number; own_${at}?: { a: string }; mode?: "x" | "y" }`;
    return `"get_customer_record_${at}": { args: ${args}; annotations: {} };`;
  });
  const upstreams = Array.from({ length: 20 }, (_, at) => {
    return `"upstream-${at}": { tools: { ${tools.join("\n")} }; prompts: {} };`;
  });
  const rules = Array.from({ length: 20 }, (_, at) => {
    const on = at % 4 === 0 ? "*" : `upstream-${at}/get_*`;
    return `rule("r${at}", { on: "${on}", when: ({ args }) => args.id === "x", then: "deny" });
rule("s${at}", { on: "${on}", when: { args: { id: { glob: "x*" } } }, then: "deny" });`;
  });
  const allow = 'tools: ["upstream-1/get_*", "*", "upstream-3/get_customer_record_7"]';
  const client = `defineConfig({ clients: { a: { auth: "anonymous", allow: { ${allow} } } } });`;
  const declared = `export {};
declare module "mcp-gw" { interface Register { upstreams: { ${upstreams.join("\n")} } } }`;
  expect(await compile(imports + client + rules.join("\n"), declared)).toEqual([]);
}, 120_000);
