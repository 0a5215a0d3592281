import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Hook, HostCall } from "../../../src/sandbox/face.ts";
import { noHost, open, toCall, toPlugin } from "./engine.ts";

const verdicts: readonly (readonly [hook: Hook, body: string, value: unknown, outcome: unknown])[] =
  [
    [
      "onToolCall",
      'onToolCall: (call, ctx) => call.name === "rm" ? deny("no " + ctx.client.id, "rate_limit") : allow()',
      { name: "rm" },
      { action: "deny", reason: "no c1", code: "rate_limit" },
    ],
    [
      "onToolCall",
      'onToolCall: (call) => ({ action: "modify", arguments: { ...call.arguments, b: 2 }, note: "n" })',
      { name: "x", arguments: { a: 1 } },
      { action: "modify", json: '{"a":1,"b":2}', note: "n" },
    ],
    [
      "onToolResult",
      'onToolResult: (result) => { result.content[0].text = "t"; return { action: "modify", result }; }',
      { content: [{ type: "text", text: "s" }] },
      { action: "modify", json: '{"content":[{"type":"text","text":"t"}]}' },
    ],
    [
      "onText",
      'onText: (text) => redact([...text.matchAll(/k\\d/g)].map((m) => [m.index, m.index + 2, "[k]"]), { a: "b" })',
      "x k1 k2",
      {
        action: "redact",
        spans: [
          { start: 2, end: 4, replacement: "[k]" },
          { start: 5, end: 7, replacement: "[k]" },
        ],
        tags: { a: "b" },
      },
    ],
    [
      "onToolList",
      'onToolList: (tools) => ({ action: "modify", tools: tools.map(({ name }) => ({ name, description: "d" })) })',
      [{ name: "a", inputSchema: {} }],
      { action: "modify", json: '[{"name":"a","description":"d"}]' },
    ],
    [
      "onResourceRead",
      "onResourceRead: ({ uri }) => deny(uri)",
      { uri: "file:///x" },
      { action: "deny", reason: "file:///x", code: "policy" },
    ],
    [
      "onPromptGet",
      'onPromptGet: ({ name }) => allow({ note: name, tags: { t: "v" } })',
      { name: "p" },
      { action: "allow", note: "p", tags: { t: "v" } },
    ],
    [
      "onInputRequest",
      "onInputRequest: ({ method }) => deny(method)",
      { method: "roots/list" },
      { action: "deny", reason: "roots/list", code: "policy" },
    ],
    [
      "onRequest",
      'onRequest: () => ({ action: "deny" })',
      { method: "ping" },
      { action: "deny", reason: "", code: "policy" },
    ],
    [
      "onAudit",
      "onAudit() {}",
      { outcome: "ok", durationMs: 1, decisions: [] },
      { action: "allow" },
    ],
  ];

test.each(verdicts)("%s says what the plugin said: %s", async (hook, body, value, outcome) => {
  const instance = await open(toPlugin(body));
  const end = await instance.call(toCall({ hook, value }), noHost);
  expect(end.outcome).toEqual(outcome);
  expect(end.fuel).toBeGreaterThan(0);
  expect(end.memory).toBeGreaterThan(100_000);
});

test("a hook sees the config, what setup built, the call's own time and the context", async () => {
  const code = toPlugin(
    "setup(config) { built = config.a + 1; }, onToolCall(call, ctx) { return allow({ note: JSON.stringify([" +
      "built, ctx.config.a, ctx.now, Date.now(), new Date(2020, 0, 1).getTimezoneOffset(), ctx.method," +
      ' ctx.sha256("a\\u0000ä"), ctx.randomUUID().length]) }); }',
    "let built = 0;",
  );
  const instance = await open(code, { config: { a: 1 } });
  const { outcome } = await instance.call(toCall(), noHost);
  expect(outcome).toMatchObject({ action: "allow" });
  const note = JSON.parse((outcome as { note: string }).note) as unknown[];
  expect(note.slice(0, 6)).toEqual([2, 1, 1_700_000_000_000, 1_700_000_000_000, 0, "tools/call"]);
  expect(note[6]).toBe(createHash("sha256").update("a\0ä").digest("hex"));
  expect(note[7]).toBe(36);
});

test("a text crosses the border whole, with U+0000, lone surrogates and quotes", async () => {
  const instance = await open(
    toPlugin(
      'onText: (text) => allow({ note: JSON.stringify([...text].map((c) => c.codePointAt(0))) }), onToolCall: () => allow({ note: "\\u0000\\ud800" })',
    ),
  );
  for (const value of ["a\u0000b", "\ud800x", 'q"\\😀ä', ""]) {
    const end = await instance.call(toCall({ hook: "onText", value }), noHost);
    const points = [...value].map((character) => character.codePointAt(0));
    expect(end.outcome).toEqual({ action: "allow", note: JSON.stringify(points) });
  }
  const end = await instance.call(toCall(), noHost);
  expect(end.outcome).toEqual({ action: "allow", note: "\u0000\ud800" });
});

test("an async hook gets the host's answers, in whatever order they come", async () => {
  const asked: unknown[] = [];
  const host: HostCall = async (name, args) => {
    asked.push([name, args]);
    if (name === "kv.get") return { value: '{"n":1}' };
    if (name === "fetch")
      return { value: '{"status":200,"headers":{"a":"b"},"body":"{\\"x\\":2}"}' };
    return name === "kv.delete" ? { fault: 'Needs the grant "kv"' } : { value: "5" };
  };
  const instance = await open(
    toPlugin(`async onToolCall(call, ctx) {
      const [got, reply] = await Promise.all([ctx.kv.get("k"), ctx.fetch("https://a.example", { method: "POST" })]);
      const count = await ctx.kv.incr("c", 2, { ttlSeconds: 3 });
      const none = await ctx.kv.set("k", { a: 1 });
      const why = await ctx.kv.delete("k").catch((error) => error.message);
      return allow({ note: JSON.stringify([got, reply.status, reply.json(), reply.text(), count, none === undefined, why]) });
    }`),
  );
  const end = await instance.call(toCall(), host);
  expect(end.outcome).toEqual({
    action: "allow",
    note: '[{"n":1},200,{"x":2},"{\\"x\\":2}",5,true,"Needs the grant \\"kv\\""]',
  });
  expect(end.hostCalls).toBe(5);
  expect(asked).toEqual([
    ["kv.get", '["k"]'],
    ["fetch", '["https://a.example",{"method":"POST"}]'],
    ["kv.incr", '["c",2,{"ttlSeconds":3}]'],
    ["kv.set", '["k",{"a":1}]'],
    ["kv.delete", '["k"]'],
  ]);
});

test("what a hook asks for and does not wait for is asked all the same", async () => {
  const asked: string[] = [];
  const instance = await open(
    toPlugin('onToolCall(call, ctx) { ctx.kv.incr("n"); return allow(); }'),
  );
  const end = await instance.call(toCall(), async (name) => {
    asked.push(name);
    return { value: "1" };
  });
  expect([end.outcome.action, asked]).toEqual(["allow", ["kv.incr"]]);
});

test("the log is kept to 32 records of 4096 characters, also of a hook that throws", async () => {
  const instance = await open(
    toPlugin(`onToolCall(call, ctx) {
      ctx.log.warn("a", { b: 1 }, new Error("e"), Symbol("s"), 1n);
      for (let i = 0; i < 100; i++) ctx.log.info("x".repeat(9000));
      throw new Error("end");
    }`),
  );
  const { logs, outcome } = await instance.call(toCall(), noHost);
  expect(logs[0]).toEqual({ level: "warn", text: 'a {"b":1} Error: e a symbol 1' });
  expect([logs.length, logs[1]?.text.length]).toEqual([32, 4096]);
  expect(outcome).toEqual({ action: "failed", code: "threw", why: "Error: end (p.js:7)" });
});
