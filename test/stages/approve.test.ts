/** What a yes is worth that came while the call waited. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { type Judged, type ToolFacts, deny } from "../../src/core/index.ts";
import type { PendingAnswer, PendingWish } from "../../src/approvals/index.ts";
import { type Json, type JsonObject, reread, textOf } from "../../src/mcp/index.ts";
import { approve } from "../../src/stages/approve.ts";

const toolOf = (description: string): ToolFacts => ({
  definition: reread(JSON.stringify({ name: "send", description })) as JsonObject,
  headers: [],
  validator: () => ({ fault: "It is not asked" }),
});
const seen = toolOf("Sends money");
const approval = { id: "a", via: "operator", by: "ann" } as const;

interface How {
  readonly found?: ToolFacts | ReturnType<typeof deny>;
  readonly tool?: ToolFacts;
  readonly headers?: Readonly<Record<string, string>>;
  readonly via?: "client" | "operator";
  readonly waitMs?: number;
  readonly call?: string;
  readonly name?: string;
  readonly answer?: PendingAnswer;
}

/** A call that a rule asks about; an operator says yes unless told otherwise. */
function open(how: How = {}) {
  const { tool = seen, via = "operator", waitMs = 0, name = "send" } = how;
  const wishes: PendingWish[] = [];
  const back: unknown[] = [];
  const sha256 = (text: string | Uint8Array) => createHash("sha256").update(text).digest("hex");
  const said = how.answer ?? { is: "approved", approval, taken: "what was taken" };
  const rooms = {
    approvals: {
      settle: async (wish: PendingWish) => {
        wishes.push(wish);
        return said;
      },
      giveBack: async (taken: unknown) => void back.push(taken),
      tickets: { seal: async () => "sealed" },
      newId: () => "id",
      now: () => 0,
    },
    states: { bindingOf: () => "binding" },
    crypto: { sha256 },
    find: async () => how.found,
  } as unknown as Parameters<typeof approve>[0];
  const stage = approve(rooms, { config: "digest", clean: hideKey });
  const capabilities = reread('{"elicitation":{}}');
  const caller = { era: "modern", revision: "2026-07-28", capabilities };
  const does = { what: "act", target: "tool", named: "name" };
  const call = reread(how.call ?? '{"name":"send","arguments":{}}');
  const exchange = {
    client: { name: "a", subject: undefined },
    headers: new Headers(how.headers ?? {}),
    input: { kind: "request", asks: true, method: "tools/call", does, caller },
    target: { kind: "one", upstream: "x", what: "tool", name, isTemplate: false, params: call },
    call,
    shaped: { params: undefined, tool, rules: [] },
    judgement: {
      rules: [],
      adjust: {},
      ask: { via, expiresMs: 1_000, waitMs, rules: [], why: undefined },
    },
  } as unknown as Judged;
  return { run: async () => stage.run(exchange), wishes, back };
}

/** Takes out what stands for a secret. */
const hideKey = (json: Json): Json => reread(textOf(json).replaceAll("KEY", "***"));

const after = (found: How["found"]) => open({ waitMs: 1_000, ...(found && { found }) }).run();

test("A yes is for the tool as it was when the call began to wait", async () => {
  expect(await after(toolOf("Sends money"))).toMatchObject({ verdict: "pass" });
  expect(await after(toolOf("Sends all money"))).toMatchObject({
    verdict: "deny",
    code: "APPROVAL_REQUIRED",
  });
  expect(await after(undefined)).toMatchObject({ verdict: "deny", code: "APPROVAL_REQUIRED" });
});

test("A tool that was quarantined meanwhile is as unknown as it is to others", async () => {
  const held = deny("TARGET_UNKNOWN", "It has changed", { recorded: "QUARANTINED" });
  expect(await after(held)).toMatchObject({ code: "TARGET_UNKNOWN", recorded: "QUARANTINED" });
});

const region = { header: "mcp-param-region", path: ["region"], type: "string" } as const;

test.each(["client", "operator"] as const)(
  "A header that mirrors no parameter goes to no %s to be approved",
  async (via) => {
    const tool = { ...seen, headers: [region] };
    const known = { "mcp-param-region": "eu", "x-other": "1" };
    const passed = await open({ via, tool, headers: known }).run();
    expect(passed.verdict).toBe(via === "client" ? "answer" : "pass");
    const stray = open({ via, tool, headers: { ...known, "mcp-param-tenant": "b" } });
    expect(await stray.run()).toMatchObject({
      verdict: "deny",
      code: "HEADER_MISMATCH",
      why: "mcp-param-tenant mirrors no parameter, and nobody could approve what it says",
    });
    expect(stray.wishes).toEqual([]);
  },
);

test("An operator sees all that is sent, without secrets, with what is hidden written out", async () => {
  const call =
    '{"name":"s\\u001bKEY","arguments":{"a":"KEY"},"_meta":{"progressToken":1,"com.example/as":"KEY\\u202e"}}';
  const { run, wishes } = open({ call, name: "s\u001bKEY" });
  await run();
  expect(wishes).toEqual([
    expect.objectContaining({
      name: "s<U+001B>***",
      args: '{"a":"***"}',
      more: '{"_meta":{"com.example/as":"***\\u202e"}}',
    }),
  ]);
});

test("A person before the client sees all that is sent, the same way", async () => {
  const call = '{"name":"s","arguments":{"a":"KEY"},"_meta":{"com.example/as":"KEY\u202e"}}';
  const said = await open({ via: "client", call, name: "s\u001bKEY" }).run();
  if (said.verdict !== "answer") throw new Error("Nobody was asked");
  let text = "";
  for await (const message of said.answer) {
    text += message.kind === "result" ? textOf(message.result) : "";
  }
  const asked = JSON.parse(text) as {
    readonly inputRequests: Record<string, { readonly params: { readonly message: string } }>;
  };
  const lines = Object.values(asked.inputRequests)[0]?.params.message.split("\n") ?? [];
  expect(lines.slice(1)).toEqual([
    'Tool: "s\\u001b***"',
    'Server: "x"',
    'Arguments: {"a":"***"}',
    'Sent with them: {"_meta":{"com.example/as":"***<U+202E>"}}',
  ]);
});

test("An operator's yes is for the answers that were shown, and for no others", async () => {
  const digestOf = async (more: object) => {
    const call = JSON.stringify({ name: "send", arguments: {}, ...more });
    const { run, wishes } = open({ call });
    await run();
    return wishes[0]?.call;
  };
  const some = { inputResponses: { sum: { action: "accept", content: { amount: 1 } } } };
  const other = { inputResponses: { sum: { action: "accept", content: { amount: 2 } } } };
  const all = [{}, some, other, { ...some, requestState: "s" }, { ...some, requestState: "t" }];
  const digests = await Promise.all(all.map(digestOf));
  expect(new Set(digests).size).toBe(all.length);
  expect(await digestOf(some)).toBe(digests[1]);
});

test("An operator's yes can be given back", async () => {
  const { run, back } = open();
  const passed = await run();
  if (passed.verdict !== "pass") throw new Error("It did not pass");
  await passed.out.approval?.giveBack?.();
  expect(back).toEqual(["what was taken"]);
});

test.each([
  ["crowded", "Too many calls of this client wait for an operator"],
  ["long", "The call is too long for an operator to be asked"],
] as const)("What finds no place since it is %s is told so", async (is, why) => {
  expect(await open({ answer: { is } }).run()).toMatchObject({ code: "APPROVAL_REQUIRED", why });
});
