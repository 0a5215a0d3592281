import { describe, expect, test } from "vitest";
import { type ConfigInput, type Fault, parseConfig } from "../../../src/config/index.ts";
import { Secret } from "../../../src/core/index.ts";
import {
  type LoadFault,
  type LoadedPlugins,
  type PluginTraits,
  loadPlugins,
} from "../../../src/sandbox/index.ts";
import { fakeFiles, sha256 } from "./fake-files.ts";

const guard: PluginTraits = {
  name: "guard",
  version: "1.0.0",
  hooks: ["onToolCall"],
  hasSetup: false,
  permissions: {},
  match: {},
  configSchema: undefined,
};
const source = "export default 1;";
const file = "/gw/gateway.config.ts";

interface Wish {
  readonly plugins: NonNullable<ConfigInput["plugins"]>;
  /** By what the config calls the file; its source is that of every plugin. */
  readonly says?: Readonly<Record<string, Partial<PluginTraits> | LoadFault>>;
  readonly config?: string;
}
async function load({ plugins, says = {}, config = "" }: Wish): Promise<LoadedPlugins> {
  const parsed = parseConfig({ plugins }, { sha256, now: 0 });
  if (parsed.config === undefined) throw new Error(JSON.stringify(parsed.faults));
  const files = Object.fromEntries(
    plugins.map(({ use }) => [`/gw/${use.replace("./", "")}`, source]),
  );
  return await loadPlugins({
    loaded: { config: parsed.config, file: config === "" ? "" : file, folder: "/gw" },
    ports: fakeFiles({ ...files, [file]: config }).ports,
    inspect: async (code) => {
      const said = says[code.file] ?? {};
      return "fault" in said ? (said as LoadFault) : { ...guard, ...said };
    },
  });
}
async function faultsOf(wish: Wish): Promise<readonly string[]> {
  return (await load(wish)).faults.map(toText);
}
function toText({ level, path, message, suggestion, line }: Fault): string {
  const at = line === undefined ? "" : `${line}: `;
  return `${at}${level} ${path}: ${message}${suggestion === undefined ? "" : ` (${suggestion})`}`;
}

describe("the plugins of a config", () => {
  test("are loaded in its order, with all that opening them takes", async () => {
    const headers = { authorization: new Secret("Bearer x") };
    const { ready, faults, watched } = await load({
      plugins: [
        {
          use: "./a.ts",
          config: { max: 3 },
          grants: { kv: "client", fetch: [{ origin: "https://a.example", headers }] },
          match: { on: ["*"] },
          limits: { cpuMs: 20 },
        },
        { use: "b.js", name: "other", mode: "shadow", onError: "allow" },
      ],
      says: {
        "./a.ts": {
          permissions: { kv: "client", fetch: ["https://a.example"] },
          match: { methods: ["tools/call"] },
        },
      },
    });
    expect(faults).toEqual([]);
    expect(watched).toEqual(["/gw/a.ts", "/gw/b.js"]);
    const [first, second] = ready ?? [];
    expect(first).toMatchObject({
      plugin: { name: "guard", version: "1.0.0", file: "./a.ts", mode: "enforce", onError: "deny" },
      config: `{"max":3}`,
      limits: { cpuMs: 20, wallMs: 1_000, memoryMb: 16, stackKb: 128, maxInstances: 8 },
      grants: { kv: "client", fetch: [{ origin: "https://a.example", headers }] },
    });
    expect(first?.plugin.hooks).toEqual(new Set(["onToolCall"]));
    expect(first?.plugin.sha256).toBe(first?.code.sha256);
    const about = { upstream: "x", name: "y" };
    expect(first?.plugin.fits({ method: "tools/call", ...about })).toBe(true);
    expect(first?.plugin.fits({ method: "prompts/get", ...about })).toBe(false);
    expect(second).toMatchObject({
      plugin: { name: "other", mode: "shadow", onError: "allow" },
      config: "{}",
      grants: { kv: undefined, fetch: undefined },
    });
  });

  test("get nothing that was granted and not asked for, and the operator hears of it", async () => {
    const plugins: Wish["plugins"] = [
      {
        use: "a.ts",
        grants: {
          kv: "shared",
          fetch: [{ origin: "https://a.example" }, { origin: "https://b.example" }],
        },
      },
    ];
    const none = await load({ plugins });
    expect(none.faults.map(toText)).toEqual([
      `warning plugins[0].grants.kv: "guard" does not ask for kv (leave it out)`,
      `warning plugins[0].grants.fetch[0]: "guard" does not ask for fetch to "https://a.example" (leave it out)`,
      `warning plugins[0].grants.fetch[1]: "guard" does not ask for fetch to "https://b.example" (leave it out)`,
    ]);
    expect(none.ready?.[0]?.grants).toEqual({ kv: undefined, fetch: undefined });
    const less = await load({
      plugins,
      says: { "a.ts": { permissions: { kv: "client", fetch: ["https://b.example"] } } },
    });
    expect(less.faults.map(toText)[0]).toBe(
      `warning plugins[0].grants.kv: "guard" asks for kv: "client", and gets no more (leave it out)`,
    );
    expect(less.ready?.[0]?.grants).toEqual({
      kv: "client",
      fetch: [{ origin: "https://b.example", headers: {} }],
    });
  });

  test.each([
    [true, undefined, true],
    [true, true, true],
    [true, false, false],
    [false, undefined, false],
    [undefined, undefined, false],
    [undefined, false, false],
    [undefined, true, false],
  ])(
    "see keys where they ask for it (%j) and the config does not deny it (%j): %j",
    async (asked, given, sees) => {
      const keys = (value: boolean | undefined) => (value === undefined ? {} : { keys: value });
      const { ready, faults } = await load({
        plugins: [{ use: "a.ts", match: keys(given) }],
        says: { "a.ts": { hooks: ["onText"], match: keys(asked) } },
      });
      expect(ready?.[0]?.plugin.seesKeys).toBe(sees);
      expect(faults.map(toText)).toEqual(
        given === true && asked !== true
          ? [`warning plugins[0].match.keys: "guard" does not ask for keys (leave it out)`]
          : [],
      );
    },
  );

  test("that ask for what is not granted are refused, by the line and the key to write", async () => {
    const config = `export default {\n  plugins: [\n    { use: "a.ts",\n      grants: { kv: "client" } },\n  ],\n};`;
    const loaded = await load({
      plugins: [{ use: "a.ts", grants: { kv: "client" } }],
      says: { "a.ts": { permissions: { kv: "shared", fetch: ["https://a.example"] } } },
      config,
    });
    expect(loaded.ready).toBeUndefined();
    expect(loaded.faults.map(toText)).toEqual([
      `4: error plugins[0].grants.kv: "guard" asks for kv: "shared", which is not granted (write grants: { kv: "shared" } where it may keep state)`,
      `4: error plugins[0].grants.fetch: "guard" asks for fetch to "https://a.example", which is not granted (write grants: { fetch: [{ origin: "https://a.example" }] } where it may send)`,
    ]);
    expect(loaded.faults.map((fault) => fault.file)).toEqual([file, file]);
  });

  test("have their config held against their own schema", async () => {
    const configSchema = JSON.stringify({
      type: "object",
      properties: { max: { type: "integer" }, list: { type: "array", items: { type: "string" } } },
      required: ["max"],
      additionalProperties: false,
    });
    const says = { "a.ts": { configSchema } };
    expect(await faultsOf({ plugins: [{ use: "a.ts", config: { max: 1 } }], says })).toEqual([]);
    expect(
      await faultsOf({ plugins: [{ use: "a.ts", config: { max: "1", list: ["a", 2] } }], says }),
    ).toEqual([
      `error plugins[0].config.max: Must be integer, as "guard" says`,
      `error plugins[0].config.list[1]: Must be string, as "guard" says`,
    ]);
    expect(await faultsOf({ plugins: [{ use: "a.ts" }], says })).toHaveLength(1);
  });

  test.each<[Partial<PluginTraits>, string]>([
    [{ hooks: [] }, "Has no hook, so it would do nothing (write one, such as onToolCall)"],
    [
      { name: "a b" },
      'Its name: Must be at most 64 letters, digits, ".", "_" or "-" that begin with a letter or digit',
    ],
    [
      { version: "1\n2" },
      'Its version must be at most 64 visible characters (write version: "1.0.0")',
    ],
    [
      { match: { on: ["fs"] } },
      'Its match.on has "fs", which is no pattern (write "upstream/name", where "*" stands for any run of characters)',
    ],
    [
      { match: { methods: [] } },
      "Its match.methods is empty, so it is never asked (leave it out for everything)",
    ],
    [{ match: { keys: true } }, "Its match.keys is for onText, which it has not"],
    [
      { permissions: { fetch: ["https://a.example/x"] } },
      'Asks for fetch to "https://a.example/x", which is no origin (write "https://api.example.com", without a path)',
    ],
    [{ configSchema: `{"$ref":"https://a.example/schema"}` }, "Its configSchema cannot be used: "],
    [{ configSchema: `{"type":"nothing"}` }, "Its configSchema cannot be used: "],
  ])("that say something impossible are refused in their own file (%#)", async (says, message) => {
    const { faults, ready } = await load({ plugins: [{ use: "a.ts" }], says: { "a.ts": says } });
    expect(ready).toBeUndefined();
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject({ level: "error", path: "plugins[0]", file: "/gw/a.ts" });
    expect(faults.map(toText)[0]).toContain(message);
  });

  test("have all their faults told at once", async () => {
    const plugins = [{ use: "a.ts", sha256: "0".repeat(64) }, { use: "b.ts" }, { use: "c.ts" }];
    const faults = await faultsOf({
      plugins,
      says: {
        "b.ts": { fault: "Unexpected token", line: 7 },
        "c.ts": { hooks: [], permissions: { kv: "client" } },
      },
    });
    expect(faults).toEqual([
      "7: error plugins[1]: Unexpected token",
      "1: error plugins[2]: Has no hook, so it would do nothing (write one, such as onToolCall)",
      `error plugins[0].sha256: The files of "a.ts" have another hash: ${sha256(source)} (look at what has changed, and write that hash here)`,
      `error plugins[2].grants.kv: "guard" asks for kv: "client", which is not granted (write grants: { kv: "client" } where it may keep state)`,
    ]);
  });

  test("that are refused by their hash are not evaluated, and the others are", async () => {
    const plugins = [{ use: "a.ts" }, { use: "b.ts" }];
    const parsed = parseConfig({ plugins }, { sha256, now: 0 });
    if (parsed.config === undefined) throw new Error("The config is wrong");
    const inspected: string[] = [];
    const { ready, faults, watched } = await loadPlugins({
      loaded: { config: parsed.config, file: "", folder: "/gw" },
      ports: fakeFiles({ "/gw/a.ts": source, "/gw/b.ts": `${source}\n` }).ports,
      inspect: async ({ file: use }) => {
        inspected.push(use);
        return { ...guard, name: use };
      },
      refuse: (code) =>
        code.sha256 === sha256(source)
          ? { message: "Is not locked", suggestion: "look at it" }
          : undefined,
    });
    expect(inspected).toEqual(["b.ts"]);
    expect(ready).toBeUndefined();
    expect(faults.map(toText)).toEqual(["error plugins[0].use: Is not locked (look at it)"]);
    expect(watched).toEqual(["/gw/a.ts", "/gw/b.ts"]);
  });

  test("that are pinned to another hash are not even evaluated", async () => {
    const parsed = parseConfig(
      { plugins: [{ use: "a.ts", sha256: "0".repeat(64) }] },
      { sha256, now: 0 },
    );
    let inspected = 0;
    const look = async (pin: string) =>
      await loadPlugins({
        loaded: {
          config: { plugins: parsed.config!.plugins.map((one) => ({ ...one, sha256: pin })) },
          file: "",
          folder: "/gw",
        },
        ports: fakeFiles({ "/gw/a.ts": source }).ports,
        inspect: async () => {
          inspected++;
          return guard;
        },
      });
    expect((await look("0".repeat(64))).ready).toBeUndefined();
    expect(inspected).toBe(0);
    expect((await look(sha256(source))).ready).toHaveLength(1);
    expect(inspected).toBe(1);
  });

  test("cannot have one name, by which the one would read what the other keeps", async () => {
    const faults = await faultsOf({ plugins: [{ use: "a.ts" }, { use: "b.ts" }] });
    expect(faults).toEqual([
      'error plugins[1].name: "guard" is the name of plugins[0] too (write name: "…" with another one)',
    ]);
    const named = [{ use: "a.ts" }, { use: "a.ts", name: "guard-2" }];
    expect(await faultsOf({ plugins: named })).toEqual([]);
    expect(await faultsOf({ plugins: [{ use: "a.ts" }, { use: "b.ts", name: "guard" }] })).toEqual([
      expect.stringContaining('"guard" is the name of plugins[0] too'),
    ]);
  });
});
