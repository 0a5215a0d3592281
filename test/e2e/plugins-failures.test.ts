/** What becomes of a call where a plugin file fails, through a whole gateway. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createThreads } from "../../src/runtime/threads.ts";
import { type TimerClock, timerClock } from "../sessions/hand-timers.ts";
import { openServer } from "../sandbox/host/server.ts";
import { type PluginsRig, anyTool, openPluginsRig, startMs, ways } from "./plugins-rig.ts";

/** Fails as the arguments, or the text of the result, say. */
const failing = `import { allow, deny } from "mcp-gw/plugin";

const ways = {
  throw: () => { throw new Error("own words"); },
  loop: () => { for (;;); },
  memory: () => { const all = []; for (;;) all.push(new Uint8Array(4000000)); },
  recursion: () => { const deeper = () => deeper() + 1; return deeper(); },
  nothing: () => undefined,
  strange: () => ({ action: "allowed" }),
  rename: () => ({ action: "redact", spans: [] }),
  waits: () => new Promise(() => {}),
  large: () => ({ action: "modify", arguments: { say: "own words".repeat(10000) } }),
  deny: () => deny("not this"),
  modify: () => ({ action: "modify", arguments: { say: "changed" } }),
};
const act = (way) => (Object.hasOwn(ways, way) ? ways[way]() : allow());

export default {
  name: "failing",
  version: "1.0.0",
  onToolCall: (call) => act(call.arguments?.call),
  onToolResult: (result) => act(result.content[0]?.text),
};
`;
const codes: Readonly<Record<string, string>> = {
  throw: "threw",
  loop: "timeout",
  memory: "memory",
  recursion: "threw",
  nothing: "bad_verdict",
  strange: "bad_verdict",
  rename: "bad_verdict",
  waits: "never_settles",
  large: "output_too_large",
};
const use = "./failing.js";
/** So that no other limit is met before the one that a test is about. */
const limits = { cpuMs: 200, maxOutputKb: 8 };

let rig: PluginsRig;
let clock: TimerClock;
beforeAll(async () => {
  clock = timerClock();
  rig = await openPluginsRig({
    clock,
    files: { "failing.js": failing },
    plugins: [
      { use, name: "strict", match: { on: ["*/strict"] }, limits },
      { use, name: "lenient", match: { on: ["*/lenient"] }, limits, onError: "allow" },
      { use, name: "shadowed", match: { on: ["*/shadowed"] }, mode: "shadow" },
      { use, name: "small", match: { on: ["*/small"] }, limits: { maxInputKb: 1 } },
      { use, name: "ill", match: { on: ["*/ill"] } },
      { use, name: "ill-lenient", match: { on: ["*/ill-lenient"] }, onError: "allow" },
    ],
    tools: ["strict", "lenient", "shadowed", "small", "ill", "ill-lenient"].map((name) =>
      anyTool(name),
    ),
  });
}, startMs);
afterAll(() => rig.close());

/** So that what failed before this does not count for a quarantine. */
const minute = (): void => clock.advance(61_000);

describe.each(Object.entries(codes))("a plugin that fails by %s, as %s", (how, verdict) => {
  test.each(ways.filter(({ client, server }) => client === server))(
    "refuses the call of a $client client, which is told nothing of it",
    async (way) => {
      minute();
      const before = rig.reached();
      const { code, text, result } = await rig.call("strict", { call: how }, { way });
      expect(code).toBe("PLUGIN_FAILED");
      expect(result?.isError).toBe(true);
      expect(text).not.toMatch(/own words|strict|failing|onToolCall|Error:|deeper/);
      expect(text).not.toContain(verdict);
      expect(rig.reached()).toBe(before);
      expect(await rig.last()).toMatchObject({
        decision: "denied",
        stage: "consult",
        code: "PLUGIN_FAILED",
        plugins: [
          { name: "strict", hook: "onToolCall", verdict, why: expect.any(String) as string },
        ],
      });
    },
  );

  test("withholds a result", async () => {
    minute();
    const { code, said } = await rig.call("strict", { say: how });
    expect(code).toBe("PLUGIN_FAILED");
    expect(said).not.toMatch(/own words|"fine"/);
    expect(said).not.toContain(`"text":"${how}"`);
  });

  test("lets the call pass under onError allow, and the record says so", async () => {
    minute();
    const before = rig.reached();
    const { code } = await rig.call("lenient", { call: how });
    expect(code).toBeUndefined();
    expect(rig.reached()).toBe(before + 1);
    expect(rig.got()).toBe(JSON.stringify({ call: how }));
    expect(await rig.last()).toMatchObject({
      decision: "allowed",
      plugins: [
        { name: "lenient", hook: "onToolCall", verdict },
        { hook: "onToolResult", verdict: "allow" },
      ],
    });
  });
});

describe("a plugin in shadow", () => {
  test.each([
    ["deny", "deny"],
    ["modify", "modify"],
    ["throw", "threw"],
  ])("that would %s is recorded, and nothing of it applied", async (how, verdict) => {
    minute();
    const { code } = await rig.call("shadowed", { call: how });
    expect(code).toBeUndefined();
    expect(rig.got()).toBe(JSON.stringify({ call: how }));
    expect((await rig.call("shadowed", { say: how })).text).toContain(`"text":"${how}"`);
    const [asked, answered] = (await rig.exchanges()).slice(-2);
    expect(asked).toMatchObject({
      decision: "allowed",
      plugins: [{ name: "shadowed", verdict, mode: "shadow" }, { verdict: "allow" }],
    });
    expect(answered?.plugins?.[1]).toMatchObject({ hook: "onToolResult", mode: "shadow" });
  });
});

describe("a payload over the limit", () => {
  const large = "x".repeat(2048);

  test("refuses a call that is too large to be shown to the plugin", async () => {
    const before = rig.reached();
    expect((await rig.call("small", { large })).code).toBe("PLUGIN_FAILED");
    expect(rig.reached()).toBe(before);
    expect(await rig.last()).toMatchObject({
      plugins: [{ name: "small", verdict: "input_too_large" }],
    });
  });

  test("withholds a result that is too large to be shown to the plugin", async () => {
    const { code, said } = await rig.call("small", { say: "x".repeat(990) });
    expect([code, said.includes("xxx")]).toEqual(["PLUGIN_FAILED", false]);
  });

  test("puts no plugin into quarantine, however often a client sends it", async () => {
    for (let time = 0; time < 10; time++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await rig.call("small", { large });
    }
    expect((await rig.call("small", {})).code).toBeUndefined();
  });
});

describe("a plugin that failed five times within a minute", () => {
  const fail = async (tool: string): Promise<void> => {
    for (let time = 0; time < 5; time++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await rig.call(tool, { call: "throw" });
    }
  };
  const verdicts = async () => (await rig.last()).plugins?.map(({ verdict }) => verdict);

  test("is not asked for half a minute, and refuses all the same, also what it would allow", async () => {
    await fail("ill");
    const before = rig.reached();
    expect((await rig.call("ill", {})).code).toBe("PLUGIN_FAILED");
    expect(await verdicts()).toEqual(["quarantined"]);
    clock.advance(29_000);
    expect((await rig.call("ill", {})).code).toBe("PLUGIN_FAILED");
    expect(rig.reached()).toBe(before);
    expect(rig.logged.join("\n")).toContain('Plugin \\"ill\\" failed 5 times'.replaceAll("\\", ""));
  });

  test("is asked once more then, and stays out where that fails too", async () => {
    clock.advance(2_000);
    expect((await rig.call("ill", { call: "throw" })).code).toBe("PLUGIN_FAILED");
    expect(await verdicts()).toEqual(["threw"]);
    expect((await rig.call("ill", {})).code).toBe("PLUGIN_FAILED");
    expect(await verdicts()).toEqual(["quarantined"]);
  });

  test("is asked as before once it answers again", async () => {
    clock.advance(31_000);
    expect((await rig.call("ill", {})).code).toBeUndefined();
    expect((await rig.call("ill", { call: "deny" })).code).toBe("PLUGIN_DENIED");
  });

  test("lets pass under onError allow, and a neighbour is asked all the while", async () => {
    await fail("ill-lenient");
    expect((await rig.call("ill-lenient", { call: "deny" })).code).toBeUndefined();
    expect(await verdicts()).toEqual(["quarantined", "quarantined"]);
    minute();
    expect((await rig.call("strict", { call: "deny" })).code).toBe("PLUGIN_DENIED");
  });
});

/** On Deno nothing can end a thread that burns, and the test would go on with it. */
test.runIf(!("Deno" in globalThis))(
  "a plugin that hangs its thread fails its calls, stays out after the third, and the gateway goes on",
  async () => {
    const module = new URL("../sandbox/pool/fixtures/stuck-thread.ts", import.meta.url);
    const own = await openPluginsRig({
      files: { "any.js": "" },
      plugins: [{ use: "./any.js" }],
      threads: () => createThreads({ module }),
    });
    const deed = async (what: string) => {
      const { code } = await own.ask("tools/call", `"name":"echo","arguments":{},"do":"${what}"`, {
        name: "echo",
      });
      return [code, (await own.last()).plugins?.[0]?.["verdict"]];
    };
    expect(await deed("allow")).toEqual([undefined, "allow"]);
    for (let time = 0; time < 3; time++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await deed("hang")).toEqual(["PLUGIN_FAILED", "worker_lost"]);
    }
    expect(await deed("allow")).toEqual(["PLUGIN_FAILED", "quarantined"]);
    const { text } = await own.started.instance.operations.metrics();
    // Both clients, although one alone has called.
    expect(text).toMatch(/^mcp_gw_plugin_quarantined\{plugin="[^"]+"\} 2$/m);
    expect(
      (await own.ask("prompts/get", '"name":"greet"', { name: "greet" })).code,
    ).toBeUndefined();
    await own.write({ ...own.config, plugins: [{ use: "./any.js", limits: { cpuMs: 51 } }] });
    expect(await own.reload()).toMatchObject({ result: "reloaded" });
    expect(await deed("allow")).toEqual([undefined, "allow"]);
    expect(own.servers.modern.calls.filter(({ method }) => method === "tools/call")).toHaveLength(
      2,
    );
    await own.close();
  },
  startMs,
);

test(
  "a thread that dies in the middle of a call fails that call, and the gateway goes on",
  async () => {
    let crash = (): void => undefined;
    let asked = (): void => undefined;
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const silent = await openServer(() => asked());
    const waiting = `import { allow } from "mcp-gw/plugin";
    export default {
      name: "waiting",
      version: "1.0.0",
      permissions: { fetch: ["${silent.origin}"] },
      async onToolCall(call, ctx) {
        if (call.arguments.wait) await ctx.fetch("${silent.origin}");
        return allow();
      },
    };`;
    const own = await openPluginsRig({
      files: { "waiting.js": waiting },
      plugins: [
        {
          use: "./waiting.js",
          grants: { fetch: [{ origin: silent.origin }] },
          limits: { wallMs: 20_000 },
        },
      ],
      threads: (threads) => ({
        ...threads,
        start: (ears) => {
          const thread = threads.start(ears);
          crash = () => {
            thread.terminate();
            ears.ended("own words");
          };
          return thread;
        },
      }),
    });
    const waits = own.call("echo", { wait: true });
    await isAsked;
    crash();
    const { code, text } = await waits;
    expect(code).toBe("PLUGIN_FAILED");
    expect(text).not.toContain("own words");
    expect(own.reached()).toBe(0);
    expect(await own.last()).toMatchObject({ plugins: [{ verdict: "worker_lost" }] });
    expect((await own.call("echo", {})).code).toBeUndefined();
    silent.close();
    await own.close();
  },
  startMs,
);
