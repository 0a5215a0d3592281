import { describe, expect, test } from "vitest";
import { loadPluginFile } from "../../../src/sandbox/index.ts";
import { fakeFiles, sha256 } from "./fake-files.ts";

const folder = "/gw";
const entry = "/gw/plugins/x.ts";

async function load(
  files: Readonly<Record<string, string>>,
  links: Readonly<Record<string, string>> = {},
  use = "./plugins/x.ts",
) {
  return await loadPluginFile({ use, folder }, fakeFiles(files, links).ports);
}
/** `file:line: fault (hint)` of each. */
async function faultsOf(
  files: Readonly<Record<string, string>>,
  links: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const loaded = await load(files, links);
  if (loaded.code !== undefined) return [];
  return loaded.faults.map(
    ({ file, line, fault, hint }) =>
      `${file.replace("/gw/", "")}${line === undefined ? "" : `:${line}`}: ${fault}${
        hint === undefined ? "" : ` (${hint})`
      }`,
  );
}

describe("a plugin's file", () => {
  test("is stripped of its types, each line where it stood, and of imports of types", async () => {
    const source = [
      `import { definePlugin, type Ctx } from "mcp-gw/plugin";`,
      `import type { Rule } from "./no-such-file.ts";`,
      `interface Config { max: number }`,
      `export default definePlugin<Config>({ name: "x" as string, version: "1" });`,
      `type Late = import("./nor-this.ts").Late;`,
    ].join("\n");
    const { code } = await load({ [entry]: source });
    expect(code?.modules).toHaveLength(1);
    const lines = code?.modules[0]?.source.split("\n").map((line) => line.trimEnd());
    expect(lines).toEqual([
      `import { definePlugin,          } from "mcp-gw/plugin";`,
      "",
      "",
      `export default definePlugin        ({ name: "x"          , version: "1" });`,
      "",
    ]);
  });

  test("of JavaScript is taken as it is, without its byte-order mark", async () => {
    const { code } = await load({ "/gw/p.mjs": "\uFEFFexport default 1;" }, {}, "p.mjs");
    expect(code?.modules).toEqual([{ name: "p.mjs", source: "export default 1;" }]);
    expect(code?.file).toBe("p.mjs");
  });

  test("alone has the hash that sha256sum prints, and with others one of all names and texts", async () => {
    const alone = await load({ [entry]: "export default 1;" });
    expect(alone.code?.sha256).toBe(sha256("export default 1;"));
    const two = { [entry]: `import "./a.ts"; import "./b.ts";`, "/gw/plugins/a.ts": "1" };
    const hash = async (b: string, more: Readonly<Record<string, string>> = {}) =>
      (await load({ ...two, "/gw/plugins/b.ts": b, ...more })).code?.sha256;
    const first = await hash("2");
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await hash("2", { "/gw/plugins/unused.ts": "" })).toBe(first);
    expect(await hash("2 ")).not.toBe(first);
    const swapped = { ...two, "/gw/plugins/a.ts": "2", "/gw/plugins/b.ts": "1" };
    expect((await load(swapped)).code?.sha256).not.toBe(first);
  });

  test("brings what it imports, by names from its own folder, in circles too", async () => {
    const { code, files } = await load({
      [entry]: `import { a } from "./lib/a.ts";\nexport { b } from "./b.js";`,
      "/gw/plugins/lib/a.ts": `import * as b from "../b.js"; export const a: number = 1;`,
      "/gw/plugins/b.js": `import x from "./x.ts"; import "./lib/../lib/a.ts"; export let b;`,
    });
    expect(code?.modules.map(({ name }) => name)).toEqual(["x.ts", "lib/a.ts", "b.js"]);
    expect(files).toEqual([entry, "/gw/plugins/lib/a.ts", "/gw/plugins/b.js"]);
  });

  test.each([
    ["node:fs", "what the sandbox has besides the language is in ctx: kv, fetch, log"],
    ["zod", "bundle the package into a .js file beside the plugin"],
    ["mcp-gw", "bundle the package into a .js file beside the plugin"],
    ["https://x.example/a.js", "put a copy beside the plugin"],
    ["file:///etc/passwd", "put a copy beside the plugin"],
    ["data:text/javascript,1", "put a copy beside the plugin"],
  ])("cannot import %s", async (from, hint) => {
    const faults = await faultsOf({ [entry]: `\n\nimport a from "${from}";` });
    const what = `Imports "${from}", and a plugin can import "mcp-gw/plugin" and files beside it`;
    expect(faults).toEqual([`plugins/x.ts:3: ${what} (${hint})`]);
  });

  test.each(["../a.ts", "./b/../../a.ts", "/gw/plugins/a.ts", "../plugins/a.ts"])(
    "cannot import %s from outside of its folder, and nothing of it is read",
    async (from) => {
      const fake = fakeFiles({
        [entry]: `import a from "${from}";`,
        "/gw/a.ts": "",
        "/gw/plugins/a.ts": "",
      });
      const loaded = await loadPluginFile({ use: "plugins/x.ts", folder }, fake.ports);
      expect(loaded).toMatchObject({
        faults: [
          {
            file: entry,
            line: 1,
            fault: `Imports "${from}", which is outside of the plugin's folder`,
          },
        ],
      });
      expect(fake.read).toEqual([entry]);
    },
  );

  test.each([
    [{ "/gw/plugins/a.ts": "/etc/a.ts" }, "/etc/a.ts"],
    [{ "/gw/plugins/lib": "/gw/other" }, "/gw/other/b.ts"],
  ])(
    "cannot import through a link that leads out, and nothing of it is read (%#)",
    async (links, target) => {
      const fake = fakeFiles(
        {
          [entry]: `import "./a.ts";\nimport "./lib/b.ts";`,
          "/gw/plugins/a.ts": "1",
          "/gw/plugins/lib/b.ts": "2",
          [target]: "secret",
        },
        links,
      );
      const loaded = await loadPluginFile({ use: "plugins/x.ts", folder }, fake.ports);
      expect(JSON.stringify(loaded)).toContain("is a link that leads out of the plugin's folder");
      expect(fake.read).not.toContain(target);
    },
  );

  test("is taken through links that stay in the config's folder, and refused through others", async () => {
    const mounted = { "/gw/..2026/x.ts": "1" };
    const good = await load(mounted, { [entry]: "/gw/..2026/x.ts" });
    expect(good.code?.modules[0]?.source).toBe("1");
    expect(await faultsOf({ ...mounted, "/tmp/x.ts": "1" }, { [entry]: "/tmp/x.ts" })).toEqual([
      "plugins/x.ts: Is a link that leads out of the config's folder (put the file itself there)",
    ]);
  });

  test.each([
    [
      "enum A { B }",
      `Has an enum, which is more than types (write const Kind = { A: "a" } as const)`,
    ],
    [
      "namespace A { export const b = 1 }",
      "Has a namespace declaration, which is more than types (write a module of its own)",
    ],
    [
      "class A { constructor(private b: number) {} }",
      "Has a parameter property, which is more than types (write a field, and assign to it in the constructor)",
    ],
    [
      "@dec class A {}",
      "Has a decorator, which the sandbox does not have (call the function yourself)",
    ],
    [
      "const a = await import('./a.ts');",
      "Imports with import(…), which the sandbox does not have (write import … from at the top)",
    ],
    ["let a: = ;", /Is not valid TypeScript: /],
    ["let a = '\0';", "Holds the character U+0000"],
    [
      "import './a';",
      `Imports "./a", which is not the name of a script (write it with its ending: .ts, .mts, .js or .mjs)`,
    ],
    [
      "import a from './a.json' with { type: 'json' };",
      `Imports "./a.json", which is not the name of a script (write it with its ending: .ts, .mts, .js or .mjs)`,
    ],
    [
      "import './a.ts?b.ts';",
      `Imports "./a.ts?b.ts", which is not the name of a script (write it with its ending: .ts, .mts, .js or .mjs)`,
    ],
    ["import './gone.ts';", `Imports "./gone.ts": there is no such file`],
  ])("says where %j stands and what to do", async (line, expected) => {
    const [fault, ...more] = await faultsOf({ [entry]: `const one: number = 1;\n\n${line}\n` });
    expect(more).toEqual([]);
    expect(fault).toMatch(/^plugins\/x\.ts:3: /);
    if (typeof expected === "string") expect(fault).toBe(`plugins/x.ts:3: ${expected}`);
    else expect(fault).toMatch(expected);
  });

  test("says where a fault stands in a file of one line", async () => {
    expect(await faultsOf({ [entry]: "enum A { B }" })).toEqual([
      expect.stringMatching(/^plugins\/x\.ts:1: Has an enum/),
    ]);
  });

  test("has all its faults told at once, those of the files that it imports too", async () => {
    const faults = await faultsOf({
      [entry]: `import "./a.ts";\nimport "node:fs";`,
      "/gw/plugins/a.ts": `\nenum A { B }`,
    });
    expect(faults.map((fault) => fault.split(": ")[0])).toEqual([
      "plugins/x.ts:2",
      "plugins/a.ts:2",
    ]);
  });

  test("that is missing or too large is refused by name", async () => {
    expect(await faultsOf({})).toEqual(["plugins/x.ts: There is no such file"]);
    expect(await faultsOf({ [entry]: "x".repeat(524_289) })).toEqual([
      `plugins/x.ts: Cannot be read: "${entry}" has more than 524288 bytes`,
    ]);
  });

  test("of nothing but imports is told a few of its faults, and few files are followed", async () => {
    const names = Array.from({ length: 5_000 }, (_, index) => index);
    const refused = names.map((index) => `import "node:a${index}";`).join("");
    expect(await faultsOf({ [entry]: refused })).toHaveLength(20);
    const missing = names.map((index) => `import "./a${index}.js";`).join("");
    const { files } = await load({ [entry]: missing });
    expect(files.length).toBeLessThan(70);
  });

  test("has at most 64 files, and 1 MiB in all of them", async () => {
    const many = Array.from({ length: 70 }, (_, index) => `import "./f${index}.js";`).join("\n");
    const files = (text: string) =>
      Object.fromEntries(Array.from({ length: 70 }, (_, at) => [`/gw/plugins/f${at}.js`, text]));
    expect(await faultsOf({ [entry]: many, ...files("1") })).toEqual([
      `plugins/x.ts:64: Imports "./f63.js": a plugin has at most 64 files`,
    ]);
    const three = `import "./f0.js";\nimport "./f1.js";\nimport "./f2.js";`;
    expect(await faultsOf({ [entry]: three, ...files("1;".repeat(200_000)) })).toEqual([
      `plugins/x.ts:3: Imports "./f2.js": the files of a plugin have at most 1048576 characters together`,
    ]);
  });

  test("names the files that are not there among those to look at", async () => {
    const { files } = await load({ [entry]: `import "./gone.ts";` });
    expect(files).toEqual([entry, "/gw/plugins/gone.ts"]);
  });

  test("is a file of Windows as well", async () => {
    const fake = fakeFiles({});
    const text = `import "./b.ts"`;
    const known = new Map([
      ["C:\\gw\\plugins\\x.ts", text],
      ["C:\\gw\\plugins\\b.ts", "1"],
    ]);
    const files = {
      ...fake.ports.files,
      realPath: async (path: string) => path,
      readOwn: async (path: string) => known.get(path),
    };
    const loaded = await loadPluginFile(
      { use: "./plugins/x.ts", folder: "C:\\gw" },
      { ...fake.ports, files },
    );
    expect(loaded.code?.modules.map(({ name }) => name)).toEqual(["x.ts", "b.ts"]);
  });
});
