import { afterEach, expect, test } from "vitest";
import type { LinkMessage, LinkQuestion } from "../../src/upstreams/link.ts";
import { eventually, json } from "./harness.ts";
import { type Talker, end, form, next, openTalker, start } from "./stdio-harness.ts";

const opened: Talker[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ close }) => close()));
});

async function open(...args: Parameters<typeof openTalker>): Promise<Talker> {
  const talker = await openTalker(...args);
  opened.push(talker);
  return talker;
}

function asQuestion(message: LinkMessage): LinkQuestion {
  if (message.kind !== "question") throw new Error(`It is a ${message.kind}`);
  return message;
}

const accept = { kind: "result", result: json('{"action":"accept","n":1.0}') } as const;
const refused = (id: string) =>
  `{"jsonrpc":"2.0","id":"${id}","error":{"code":-32601,"message":"Method not found"}}`;

async function eventuallySeen(talker: Talker, line: string): Promise<void> {
  let seen: string[] = [];
  await eventually(() => {
    void talker.seen().then((lines) => (seen = lines));
    return seen.includes(line);
  });
}

test("a legacy process is told the capabilities of its caller", async () => {
  const talker = await open("legacy");
  await end(await talker.link("a", form), "pid");
  expect((await talker.seen()).join("\n")).toContain(`"capabilities":${form},"clientInfo"`);
});

test("a log line is of the only call, also while a list is loaded beside it", async () => {
  for (const mode of ["legacy", "modern"]) {
    const link = await (await open(mode)).link("a", form);
    const gone = new AbortController();
    const list = { method: "resources/templates/list", params: undefined };
    const listed = (await start(link, "", list, gone.signal)).next();
    const messages = await start(link, "log", { logLevel: "debug" });
    expect(await next(messages)).toMatchObject({ method: "notifications/message" });
    expect(await next(messages)).toMatchObject({ kind: "result" });
    gone.abort();
    await listed;
  }
});

test("a question goes to the call that may ask, and its answer up under the process's own id", async () => {
  const talker = await open("legacy");
  const link = await talker.link("a", form);
  const gone = new AbortController();
  const older = await start(link, "never", {}, gone.signal);
  const left = older.next();
  const messages = await start(link, "askSoon");
  const asked = messages.next();
  // What is listed cannot ask, though it came last and is not answered.
  const list = { method: "resources/templates/list", params: undefined };
  const listed = (await start(link, "", list, gone.signal)).next();
  const { value } = await asked;
  const { request, reply } = asQuestion(value);
  expect([request.id, request.method]).toEqual(['"q"', "elicitation/create"]);
  await reply(accept);
  await reply({ kind: "error", code: 1, message: "too late", data: undefined });
  expect(await next(messages)).toMatchObject({ kind: "result" });
  const sent = (await talker.seen()).filter((line) => line.includes('"id":"q"'));
  expect(sent).toEqual(['{"jsonrpc":"2.0","id":"q","result":{"action":"accept","n":1.0}}']);
  gone.abort();
  for (const each of [left, listed]) expect(await each).toMatchObject({ done: true });
});

test("a call goes on after a question, with another one", async () => {
  const talker = await open("legacy");
  const messages = await start(await talker.link("a", form), "twice");
  for (const id of ['"q1"', '"q2"']) {
    const { request, reply } = asQuestion(await next(messages));
    expect(request.id).toBe(id);
    await reply(accept);
  }
  expect((await next(messages)).kind).toBe("result");
});

test("a call that is left refuses what it was asked", async () => {
  const talker = await open("legacy");
  const messages = await start(await talker.link("a", form), "ask");
  asQuestion(await next(messages));
  await messages.return?.();
  await eventuallySeen(talker, refused("q"));
});

test("a question that no call caused is refused", async () => {
  const talker = await open("legacy");
  await end(await talker.link("a", form), "askLater");
  await eventuallySeen(talker, refused("late"));
});

test("a question to a caller that declares nothing is refused", async () => {
  const talker = await open("legacy");
  expect(await end(await talker.link("a", "{}"), "ask")).toContain("-32601");
});

test("a question in a process that all clients share is refused, whatever they declare", async () => {
  const talker = await open("legacy", { isolate: "shared" });
  expect(await end(await talker.link("a", form), "ask")).toContain("-32601");
  expect((await talker.seen()).join("\n")).toContain('"capabilities":{},"clientInfo"');
});

test("ping is answered", async () => {
  const talker = await open("legacy");
  expect(await end(await talker.link("a", form), "ping")).toBe('{"got":{"result":{}}}');
});

test("a process that asks without end is asked no more than 64 at once", async () => {
  const talker = await open("legacy");
  const messages = await start(await talker.link("a", form), "flood");
  let questions = 0;
  for (;;) {
    const message = await next(messages);
    if (message.kind !== "question") break;
    questions++;
  }
  expect(questions).toBe(64);
  await messages.return?.();
  await eventuallySeen(talker, refused("f63"));
  expect(talker.logged.join()).toContain("asks too much at once");
  // All were answered, so that there is room again.
  const again = await start(await talker.link("a", form), "ask");
  expect((await next(again)).kind).toBe("question");
  await again.return?.();
});

test("a modern process that asks so ends its call", async () => {
  const talker = await open("modern");
  expect(await end(await talker.link("a", form), "ask")).toBe("INPUT_DENIED");
});

test("a process that ends while it asks ends the call", async () => {
  const talker = await open("legacy");
  const link = await talker.link("a", form);
  const messages = await start(link, "ask");
  const { reply } = asQuestion(await next(messages));
  expect(await end(link, "exit")).toBe("UPSTREAM_UNAVAILABLE");
  expect(await next(messages)).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  await reply(accept);
});
