import { describe, expect, test } from "vitest";
import {
  type Fault,
  type PluginConfig,
  loadConfig,
  parseConfig,
  plugin,
  prepareConfig,
  secret,
} from "../../src/config/index.ts";
import { Secret } from "../../src/core/index.ts";
import { fakePorts, now, sha256 } from "./fake-ports.ts";

const context = { sha256, now };
const weather = { url: "http://127.0.0.1:9101/mcp" };
const clients = { web: { auth: "anonymous", allow: { tools: ["*"] } } } as const;

function withPlugins(...plugins: readonly object[]): object {
  return { upstreams: { weather }, clients, plugins };
}
function toText({ level, path, message, suggestion }: Fault): string {
  return `${level} ${path}: ${message}${suggestion === undefined ? "" : ` (${suggestion})`}`;
}
function faultsOf(...plugins: readonly object[]): readonly string[] {
  return parseConfig(withPlugins(...plugins), context).faults.map(toText);
}
function pluginOf(settings: object): PluginConfig | undefined {
  return parseConfig(withPlugins({ use: "./p/x.ts", ...settings }), context).config?.plugins[0];
}

const jsonError = "Must be JSON, with numbers that JavaScript holds exactly";
const belowError = "Must be a path in the config's folder or below it";

describe("plugins", () => {
  test("are none by default, and one has every limit by default", () => {
    expect(parseConfig({}, context).config?.plugins).toEqual([]);
    expect(pluginOf({})).toEqual({
      use: "./p/x.ts",
      grants: {},
      match: {},
      limits: {
        cpuMs: 50,
        wallMs: 1_000,
        loadMs: 500,
        memoryMb: 16,
        stackKb: 128,
        maxInputKb: 4_096,
        maxOutputKb: 1_024,
        maxInstances: 8,
      },
      mode: "enforce",
      onError: "deny",
    });
  });

  test.each([
    ["cpuMs", 1, 1_000],
    ["wallMs", 1, 30_000],
    ["loadMs", 1, 10_000],
    ["memoryMb", 1, 256],
    ["stackKb", 16, 128],
    ["maxInputKb", 1, 16_384],
    ["maxOutputKb", 1, 4_096],
    ["maxInstances", 1, 32],
  ])("have a %s from %d to %d", (key, least, most) => {
    for (const good of [least, most]) {
      expect(pluginOf({ limits: { [key]: good } })?.limits).toMatchObject({ [key]: good });
    }
    for (const bad of [least - 1, most + 1, least + 0.5]) {
      expect(faultsOf({ use: "x.ts", limits: { [key]: bad } })).toEqual([
        `error plugins[0].limits.${key}: Must be a whole number from ${least} to ${most}, is ${bad}`,
      ]);
    }
  });

  test.each(["./x.ts", "x.mts", "./a/b/../x.js", "a/./x.mjs", "..x/y.ts"])(
    "may be the file %s",
    (use) => {
      expect(faultsOf({ use })).toEqual([]);
    },
  );

  test.each([
    ["../x.ts", belowError],
    ["a/../../x.ts", belowError],
    ["a/../../a/x.ts", belowError],
    ["/tmp/x.ts", belowError],
    ["C:/x.ts", belowError],
    ["..\\x.ts", belowError],
    ["https://x.example/x.ts", belowError],
    ["./x.json", "Must end in .ts, .mts, .js or .mjs"],
    ["./x", "Must end in .ts, .mts, .js or .mjs"],
  ])("cannot be the file %s", (use, message) => {
    expect(faultsOf({ use })).toEqual([`error plugins[0].use: ${message}`]);
  });

  test.each<[object, readonly string[]]>([
    [{}, [`error plugins[0].use: "use" is missing (write use: "./plugins/x.ts")`]],
    [
      { use: "x.ts", kv: "client" },
      [`error plugins[0].kv: "kv" is not a key of plugins[0] (write grants: { kv: "client" })`],
    ],
    [
      { use: "x.ts", limit: {} },
      [`error plugins[0].limit: "limit" is not a key of plugins[0] (did you mean "limits"?)`],
    ],
    [
      { use: "x.ts", mode: "shaddow" },
      [`error plugins[0].mode: Must be one of "enforce", "shadow" (did you mean "shadow"?)`],
    ],
    [
      { use: "x.ts", onError: "pass" },
      [`error plugins[0].onError: Must be one of "deny", "allow"`],
    ],
    [
      { use: "x.ts", grants: { kv: "all" } },
      [`error plugins[0].grants.kv: Must be one of "client", "shared"`],
    ],
    [
      { use: "x.ts", sha256: "A".repeat(64) },
      ["error plugins[0].sha256: Must be 64 lower-case hex digits"],
    ],
    [{ use: "x.ts", config: { at: new Date(0) } }, [`error plugins[0].config: ${jsonError}`]],
    [{ use: "x.ts", config: [2 ** 60] }, [`error plugins[0].config: ${jsonError}`]],
    [{ use: "x.ts", match: { on: [] } }, ["error plugins[0].match.on: Must not be empty"]],
    [
      { use: "x.ts", match: { on: ["wether/*"] } },
      [
        `error plugins[0].match.on[0]: "wether/*" names the unknown upstream "wether" (did you mean "weather"?)`,
      ],
    ],
    [
      { use: "x.ts", match: { methods: ["tool/call", "resources/*"] } },
      [
        `warning plugins[0].match.methods[0]: "tool/call" is no method that is known here, so it matches nothing (did you mean "tools/call"?)`,
      ],
    ],
    [
      { use: "x.ts", onError: "allow" },
      [
        `warning plugins[0].onError: What this plugin fails on passes: whoever can make it fail gets past it (leave it out for "deny")`,
      ],
    ],
    [{ use: "x.ts", onError: "allow", mode: "shadow" }, []],
  ])("are told what is wrong and what was meant (%#)", (settings, expected) => {
    expect(faultsOf(settings)).toEqual(expected);
  });

  test.each([
    "https://api.example.com",
    "https://api.example.com:8443",
    "http://127.0.0.1:9000",
    "http://[::1]:9000",
    "https://192.0.2.1",
  ])("may fetch from %s", (origin) => {
    expect(faultsOf({ use: "x.ts", grants: { fetch: [{ origin }] } })).toEqual([]);
  });

  const noOrigin = "Must be an origin such as https://api.example.com";
  const noHttps =
    "Must begin with https://, and with http:// for an address such as 127.0.0.1 alone";
  test.each([
    ["https://api.example.com/", `${noOrigin} (write "https://api.example.com")`],
    ["https://API.example.com/v1", `${noOrigin} (write "https://api.example.com")`],
    ["https://api.example.com:443", `${noOrigin} (write "https://api.example.com")`],
    ["api.example.com", noOrigin],
    ["https://*.example.com", `${noOrigin}, and "*" stands for nothing here`],
    [
      "https://u:p@api.example.com",
      `${noOrigin} (write headers: { authorization: secret("NAME") })`,
    ],
    ["http://api.example.com", `${noHttps} (write "https://api.example.com")`],
    ["http://localhost:9000", `${noHttps} (write "https://localhost:9000")`],
    ["http://10.0.0.1", `${noHttps} (write "https://10.0.0.1")`],
    ["ftp://127.0.0.1", noHttps],
  ])("cannot fetch from %s", (origin, message) => {
    expect(faultsOf({ use: "x.ts", grants: { fetch: [{ origin }] } })).toEqual([
      `error plugins[0].grants.fetch[0].origin: ${message}`,
    ]);
  });

  test("have headers that a request can carry, and each origin once", () => {
    const origin = "https://a.example";
    const headers = { Host: "b.example", "a b": "1", ok: new Secret("x\ny") };
    expect(faultsOf({ use: "x.ts", grants: { fetch: [{ origin, headers }, { origin }] } })).toEqual(
      [
        `error plugins[0].grants.fetch[0].headers.Host: "Host" is set by the gateway itself`,
        `error plugins[0].grants.fetch[0].headers["a b"]: Is not a header name`,
        "error plugins[0].grants.fetch[0].headers.ok: Holds characters that no header can carry",
        "error plugins[0].grants.fetch[1].origin: Is listed twice",
      ],
    );
  });

  test("get no secret in their config", () => {
    expect(faultsOf({ use: "x.ts", config: { list: [{ key: secret("KEY") }] } })).toEqual([
      `error plugins[0].config.list[0].key: A plugin gets no secret, since anybody's code could send it on (write grants: { fetch: [{ origin, headers: { authorization: secret("NAME") } }] })`,
    ]);
  });

  test("have at most 256 KiB of config", () => {
    expect(faultsOf({ use: "x.ts", config: "x".repeat(262_142) })).toEqual([]);
    expect(faultsOf({ use: "x.ts", config: "x".repeat(262_143) })).toEqual([
      "error plugins[0].config: Must be at most 262144 bytes, is 262145",
    ]);
  });

  test("of one file have names of their own", () => {
    expect(faultsOf({ use: "./a/x.ts" }, { use: "a/b/../x.ts", config: { other: true } })).toEqual([
      'error plugins[1].use: Is the file of plugins[0] too, so both have one name (give one of them a name: "…" of its own)',
    ]);
    expect(faultsOf({ use: "x.ts" }, { use: "x.ts", name: "x-2" })).toEqual([]);
    expect(faultsOf({ use: "x.ts", name: "a" }, { use: "y.ts", name: "a" })).toEqual([
      "error plugins[1].name: Is the name of plugins[0] too",
    ]);
    expect(faultsOf({ use: "x.ts", name: "a b" })).toEqual([
      expect.stringContaining("error plugins[0].name: Must be at most 64 letters"),
    ]);
  });

  test("are checked against each other although one before them is wrong", () => {
    expect(faultsOf({ use: 1 }, { use: "x.ts" }, { use: "x.ts" })).toEqual([
      "error plugins[0].use: Must be a string, is a number",
      'error plugins[2].use: Is the file of plugins[1] too, so both have one name (give one of them a name: "…" of its own)',
    ]);
  });

  test("of several parts come one after the other", async () => {
    const parts = [{ plugins: [{ use: "a.ts" }] }, { plugins: [{ use: "b.ts" }, { use: "c.ts" }] }];
    const { defineConfig } = await import("../../src/config/index.ts");
    const options = { folder: "/gw", env: {}, ports: fakePorts(), now };
    const { config } = await prepareConfig(defineConfig(...parts), options);
    expect(config?.plugins.map(({ use }) => use)).toEqual(["a.ts", "b.ts", "c.ts"]);
  });
});

const options = { env: { GEO_KEY: "Bearer hidden" }, now, missingSecrets: "fault" as const };

describe("a config file with plugins", () => {
  test("may be JSON, and its secrets are read", async () => {
    const file = "/gw/gateway.config.json";
    const fetch = [
      { origin: "https://geo.example", headers: { authorization: { secret: "GEO_KEY" }, a: "b" } },
    ];
    const text = JSON.stringify({ clients, plugins: [{ use: "./geo.ts", grants: { fetch } }] });
    const loaded = await loadConfig({ ...options, file, ports: fakePorts({ [file]: text }) });
    expect(loaded.faults).toEqual([]);
    const [grant] = loaded.config?.plugins[0]?.grants.fetch ?? [];
    const { authorization, a } = grant?.headers ?? {};
    expect(a).toBe("b");
    expect(authorization instanceof Secret && authorization.reveal()).toBe("Bearer hidden");
    expect(JSON.stringify(loaded)).not.toContain("hidden");
  });

  test("has its faults told with their lines, also inside of plugin(…)", async () => {
    const file = "/gw/gateway.config.ts";
    const text = `import { defineConfig, plugin } from "mcp-gw";
export default defineConfig({
  clients: ${JSON.stringify(clients)},
  plugins: [
    plugin("./a.ts", { mode: "shadow" }),
    plugin<typeof import("./b.ts")>("./b.ts", {
      limits: { cpuMs: 0 },
    }),
  ],
});
`;
    const loaded = await loadConfig({ ...options, file, ports: fakePorts({ [file]: text }) });
    expect(loaded.faults).toEqual([
      {
        level: "error",
        path: "plugins[1].limits.cpuMs",
        message: "Must be a whole number from 1 to 1000, is 0",
        file,
        line: 7,
      },
    ]);
  });

  test("looks at a plugin's file where its type is named, and runs nothing of it", async () => {
    const file = "/gw/gateway.config.ts";
    const text = `import { defineConfig, plugin } from "mcp-gw";
import type b from "./b.ts";
export default defineConfig({
  clients: ${JSON.stringify(clients)},
  plugins: [plugin<typeof import("./a.ts")>("./a.ts"), plugin<typeof b>("./b.ts")],
});
`;
    const ran = "globalThis.pluginRan = true;";
    const ports = fakePorts({ [file]: text, "/gw/a.ts": ran, "/gw/b.ts": ran });
    const loaded = await loadConfig({ ...options, file, ports });
    expect(loaded.config?.plugins).toHaveLength(2);
    expect(loaded.watched.sources).toContain("/gw/a.ts");
    expect("pluginRan" in globalThis).toBe(false);
  });
});

test("plugin gives plain data, the form that JSON writes", () => {
  expect(plugin("./x.ts")).toEqual({ use: "./x.ts" });
  expect(plugin("./x.ts", { config: { a: 1 }, mode: "shadow" })).toEqual({
    use: "./x.ts",
    config: { a: 1 },
    mode: "shadow",
  });
});
