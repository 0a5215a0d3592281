/** What plugins say of a request, through the whole gateway. */
import { afterEach, expect, test } from "vitest";
import { allow, deny, redact } from "../../src/plugin.ts";
import type { Ctx, ToolCallParams } from "../../src/plugin.ts";
import type { FakePlugin } from "./fake-plugins.ts";
import { type PluginsRig, openPluginsRig } from "./plugins-rig.ts";

let rig: PluginsRig;
afterEach(() => rig.close());

const open = async (
  plugins: readonly FakePlugin[],
  more: Parameters<typeof openPluginsRig>[1] = {},
): Promise<PluginsRig> => (rig = await openPluginsRig(plugins, more));
const modify = (args: Record<string, unknown>) => ({ action: "modify", arguments: args }) as const;
const sent = (): string =>
  /"arguments":(\{.*?\})[,}]/.exec(rig.upstream.calls[0]?.body ?? "")?.[1] ?? "";
const textOf = (answer: Awaited<ReturnType<PluginsRig["call"]>>): string =>
  answer.result?.content?.[0]?.text ?? "";

test("a deny of onToolCall keeps the call from the upstream and tells its reason", async () => {
  await open([{ name: "guard", hooks: { onToolCall: () => deny("no <such> path") } }]);
  const answer = await rig.call({ path: "../x" });
  expect(answer.result).toMatchObject({
    isError: true,
    content: [{ type: "text", text: "PLUGIN_DENIED: no <such> path" }],
  });
  expect(rig.upstream.calls).toHaveLength(0);
  expect(await rig.records()).toMatchObject([
    {
      decision: "denied",
      stage: "consult",
      code: "PLUGIN_DENIED",
      plugins: [
        {
          name: "guard",
          version: "1.0.0",
          sha256: "0".repeat(16),
          hook: "onToolCall",
          stage: "consult",
          verdict: "deny",
          mode: "enforce",
          why: "no <such> path",
          ms: 0.5,
        },
      ],
    },
  ]);
});

test("a deny without a reason says that a plugin refuses", async () => {
  await open([{ hooks: { onToolCall: () => deny("") } }]);
  expect(textOf(await rig.call())).toBe("PLUGIN_DENIED: A plugin refuses this");
});

test("a failed plugin denies, and the client reads nothing of its error", async () => {
  await open([
    {
      hooks: {
        onToolCall: () => {
          throw new Error("the secret of the plugin");
        },
      },
    },
  ]);
  const answer = await rig.call();
  expect(textOf(answer)).toBe("PLUGIN_FAILED: A plugin could not decide this");
  expect(JSON.stringify(answer)).not.toContain("secret");
  expect(rig.upstream.calls).toHaveLength(0);
  expect(await rig.records()).toMatchObject([
    {
      code: "PLUGIN_FAILED",
      plugins: [{ verdict: "threw", why: "Error: the secret of the plugin" }],
    },
  ]);
});

test("a failed plugin whose failures allow lets the call pass, and is recorded", async () => {
  await open([
    {
      onError: "allow",
      hooks: {
        onToolCall: () => {
          throw new Error("broken");
        },
      },
    },
  ]);
  expect(textOf(await rig.call())).toBe("ok");
  expect(await rig.records()).toMatchObject([
    { decision: "allowed", plugins: [{ verdict: "threw" }] },
  ]);
});

test("a plugin in shadow is recorded and changes nothing", async () => {
  await open([
    { mode: "shadow", hooks: { onToolCall: () => deny("would refuse") } },
    { mode: "shadow", name: "q", hooks: { onToolCall: () => modify({ a: 9 }) } },
  ]);
  expect(textOf(await rig.call({ a: 1 }))).toBe("ok");
  expect(sent()).toBe('{"a":1}');
  expect(await rig.records()).toMatchObject([
    {
      decision: "allowed",
      plugins: [
        { name: "p", verdict: "deny", mode: "shadow" },
        { name: "q", verdict: "modify", mode: "shadow" },
      ],
    },
  ]);
});

test("a modify is what arrives, and every other byte of the parameters stays", async () => {
  await open([{ hooks: { onToolCall: () => modify({ b: 2 }) } }]);
  const raw = '{"a":1}, "other" : { "n":1.0 }';
  await rig.ask("tools/call", { name: "x__echo", arguments: "$RAW" }, { raw });
  const { body } = rig.upstream.calls[0] ?? { body: "" };
  expect(body).toContain('"arguments":{"b":2}, "other" : { "n":1.0 }');
});

test("each plugin sees what those before it made of the call, in the config's order", async () => {
  const seen: unknown[] = [];
  const step = (key: string): FakePlugin => ({
    name: key,
    hooks: {
      onToolCall: ({ arguments: args }: ToolCallParams) => {
        seen.push(args);
        return modify({ ...args, [key]: true });
      },
    },
  });
  await open([step("one"), step("two"), step("three")]);
  await rig.call();
  expect(seen).toEqual([{}, { one: true }, { one: true, two: true }]);
  expect(sent()).toBe('{"one":true,"two":true,"three":true}');
});

test("the first deny ends the chain", async () => {
  let asked = 0;
  await open([
    { hooks: { onToolCall: () => deny("first") } },
    { name: "q", hooks: { onToolCall: () => void asked++ } },
  ]);
  await rig.call();
  expect(asked).toBe(0);
});

test("plugins that all allow are asked in one message", async () => {
  const hooks = { onToolCall: () => allow(), onText: () => allow() };
  await open([
    { hooks, fits: ({ method }) => method === "tools/call" },
    { name: "q", hooks },
  ]);
  await rig.call({ a: "text" });
  expect(
    rig.plugins.chains.map((steps) => steps.map(({ plugin, hook }) => `${plugin.name} ${hook}`))[0],
  ).toEqual(["p onToolCall", "p onText", "q onToolCall", "q onText"]);
});

test("the tool's schema is asked after a modify", async () => {
  const schema = '{"type":"object","properties":{"a":{"type":"integer"}}}';
  await open([{ hooks: { onToolCall: () => modify({ a: "no number" }) } }], {
    upstream: { tools: () => [`{"name":"echo","inputSchema":${schema}}`] },
  });
  expect(textOf(await rig.call({ a: 1 }))).toMatch(/^ARGUMENTS_INVALID/);
  expect(rig.upstream.calls).toHaveLength(0);
});

test("rules with conditions are asked after a modify", async () => {
  await open([{ hooks: { onToolCall: () => modify({ amount: 500 }) } }], {
    config: {
      rules: [
        {
          name: "small",
          on: "x/*",
          when: { args: { amount: { min: 100 } } },
          then: "deny",
          why: "Too much",
        },
      ],
    },
  });
  expect(textOf(await rig.call({ amount: 1 }))).toBe("RULE_DENIED: Too much");
  expect(rig.upstream.calls).toHaveLength(0);
});

test("an argument that a rule sets is sent as the rule says, whatever a plugin makes of it", async () => {
  await open(
    [
      { hooks: { onToolCall: () => modify({ region: "us", b: 1 }) } },
      { name: "q", hooks: { onToolCall: () => modify({ b: 2 }) } },
      { name: "r", hooks: { onText: (text: string) => redact([[0, text.length, "gone"]]) } },
    ],
    { config: { rules: [{ name: "one-region", on: "x/*", set: { region: "eu" } }] } },
  );
  await rig.call({ region: "asia" });
  expect(JSON.parse(sent())).toEqual({ region: "eu", b: 2 });
});

test("a plugin that gives a set argument in another case fails", async () => {
  await open([{ hooks: { onToolCall: () => modify({ Region: "us" }) } }], {
    config: { rules: [{ name: "one-region", on: "x/*", set: { region: "eu" } }] },
  });
  expect(textOf(await rig.call())).toMatch(/^PLUGIN_FAILED/);
  expect(await rig.records()).toMatchObject([{ plugins: [{ verdict: "bad_verdict" }] }]);
});

test("an argument with a default of a rule may be changed by a plugin", async () => {
  await open([{ hooks: { onToolCall: () => modify({ size: 5 }) } }], {
    config: { rules: [{ name: "small", on: "x/*", defaults: { size: 1 } }] },
  });
  await rig.call();
  expect(sent()).toBe('{"size":5}');
});

test.each(["12345678901234567890", "0.1234567890123456789", "1e400"])(
  "a call with %s is denied before a plugin reads it",
  async (raw) => {
    let asked = 0;
    await open([{ hooks: { onToolCall: () => void asked++ } }]);
    const params = { name: "x__echo", arguments: { n: "$RAW" } };
    expect(textOf((await rig.ask("tools/call", params, { raw })).json())).toMatch(/^PLUGIN_FAILED/);
    expect(asked).toBe(0);
    expect(rig.upstream.calls).toHaveLength(0);
    expect(await rig.records()).toMatchObject([{ plugins: [{ verdict: "input_unreadable" }] }]);
  },
);

test("a call with a large number passes a plugin whose failures allow, and its text hook", async () => {
  const raw = "12345678901234567890";
  const texts: string[] = [];
  await open([
    {
      onError: "allow",
      hooks: {
        onToolCall: () => deny("never asked"),
        onText: (text: string) => void texts.push(text),
      },
    },
  ]);
  await rig.ask("tools/call", { name: "x__echo", arguments: { n: "$RAW", t: "hi" } }, { raw });
  expect(sent()).toBe(`{"n":${raw},"t":"hi"}`);
  expect(texts[0]).toBe("hi");
});

test("a redaction cuts its spans out of the arguments and leaves every other byte", async () => {
  await open([
    {
      hooks: {
        onText: (text: string, { direction }: { direction: string }) =>
          direction === "to_server"
            ? redact([[text.indexOf("KEY"), text.indexOf("KEY") + 3, "[k]"]])
            : allow(),
      },
    },
  ]);
  const raw = '"a\\/ KEY \\u0041", "n" : 1.50, "m":12345678901234567890';
  await rig.ask("tools/call", { name: "x__echo", arguments: { t: "$RAW" } }, { raw });
  expect(rig.upstream.calls[0]?.body).toContain(
    '"arguments":{"t":"a\\/ [k] \\u0041", "n" : 1.50, "m":12345678901234567890}',
  );
});

test.each([
  ["resources/read", "onResourceRead", { uri: "x+file:///a" }, { uri: "file:///a" }],
  ["prompts/get", "onPromptGet", { name: "x__p", arguments: {} }, { name: "p", arguments: {} }],
] as const)("a deny of %s is an error, and nothing is sent", async (method, hook, params, seen) => {
  const got: unknown[] = [];
  const denies = (payload: unknown) => {
    got.push(payload);
    return deny("not this one", "rate_limit");
  };
  await open([{ hooks: { [hook]: denies } }], { upstream: { prompts: ['{"name":"p"}'] } });
  expect((await rig.ask(method, params)).json().error).toMatchObject({
    code: -31013,
    message: "not this one",
    data: { code: "PLUGIN_DENIED", kind: "rate_limit" },
  });
  expect(got).toMatchObject([seen]);
  expect(rig.upstream.calls).toHaveLength(0);
});

test.each(["tools/list", "server/discover", "resources/list"])(
  "onRequest can deny %s",
  async (method) => {
    const got: unknown[] = [];
    await open([
      {
        hooks: {
          onRequest: (payload: unknown) => {
            got.push(payload);
            return deny("closed");
          },
        },
      },
    ]);
    const answer = (await rig.ask(method)).json();
    expect(answer.error).toMatchObject({ code: -31024, data: { code: "PLUGIN_DENIED" } });
    expect(got).toMatchObject([{ method }]);
    expect(rig.upstream.all).toHaveLength(0);
  },
);

test("onRequest is not asked of what has a hook of its own", async () => {
  await open([{ hooks: { onRequest: () => deny("no") } }]);
  expect(textOf(await rig.call())).toBe("ok");
});

test("a verdict that does not fit its hook is a failure", async () => {
  await open([{ hooks: { onResourceRead: () => modify({}) } }]);
  const answer = (await rig.ask("resources/read", { uri: "x+file:///a" })).json();
  expect(answer.error).toMatchObject({ data: { code: "PLUGIN_FAILED" } });
});

test("a plugin is told who calls what, and no credential", async () => {
  let told: unknown;
  await open([{ hooks: { onToolCall: (_: ToolCallParams, ctx: Ctx) => void (told = ctx) } }], {
    upstream: {
      tools: () => [
        '{"name":"echo","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}',
      ],
    },
  });
  await rig.call();
  expect(told).toEqual({
    requestId: expect.any(String),
    method: "tools/call",
    protocolVersion: "2026-07-28",
    client: { id: "a", scopes: [], claims: {}, clientInfo: { name: "test", version: "1" } },
    upstream: { name: "x" },
    tool: { name: "echo", annotations: { readOnlyHint: true } },
  });
});

test("a plugin that does not fit is not asked", async () => {
  const asked: unknown[] = [];
  await open([
    {
      hooks: { onToolCall: () => deny("no"), onText: () => deny("no") },
      fits: (about) => {
        asked.push(about);
        return false;
      },
    },
  ]);
  expect(textOf(await rig.call({ a: "text" }))).toBe("ok");
  expect(rig.plugins.chains).toEqual([]);
  expect(asked).toContainEqual({ method: "tools/call", upstream: "x", name: "echo" });
});

test("a plugin with onAudit hears of the end, and cannot change it", async () => {
  const heard: unknown[] = [];
  await open([
    { hooks: { onAudit: (event: unknown) => (heard.push(event), deny("late")) } },
    {
      name: "q",
      hooks: { onToolCall: () => deny("no"), onAudit: (event: unknown) => void heard.push(event) },
    },
  ]);
  await rig.call();
  await expect.poll(() => heard.length).toBe(2);
  expect(heard[0]).toMatchObject({
    outcome: "denied",
    decisions: [
      { stage: "consult", decision: "denied", code: "PLUGIN_DENIED" },
      { plugin: "q", hook: "onToolCall", verdict: "deny", mode: "enforce" },
    ],
  });
});
