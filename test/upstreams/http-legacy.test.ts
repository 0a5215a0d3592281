import type { ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import {
  type Answerer,
  type Asked,
  type FakeServer,
  error,
  result,
  sendJson,
  startEvents,
  startFake,
} from "./fake-server.ts";
import { eventually, never } from "./harness.ts";
import {
  type OpenedTransport,
  accept,
  createCountingClock,
  createCountingEgress,
  form,
  next,
  nextQuestion,
  openTransport,
  shownLink,
  shownNotification,
  stepsOf,
  wishFor,
} from "./http-harness.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A legacy server with sessions, whose calls and GET streams the test answers. */
interface Old {
  readonly server: FakeServer;
  readonly transport: OpenedTransport;
  /** The open GET streams, in the order they came. */
  readonly streams: ServerResponse[];
  readonly gets: () => readonly Asked[];
  readonly replies: () => readonly string[];
  readonly sent: (method: string) => readonly Asked[];
  /** Forgets every session. */
  readonly forget: () => void;
}

interface OldSettings {
  readonly capabilities?: string;
  readonly onGet?: (asked: Asked, response: ServerResponse, streams: ServerResponse[]) => void;
  readonly clock?: ReturnType<typeof createCountingClock>;
  readonly egress?: ReturnType<typeof createCountingEgress>;
}

async function startOld(answer: Answerer, settings: OldSettings = {}): Promise<Old> {
  const { capabilities = '{"tools":{},"logging":{}}', onGet, ...ports } = settings;
  const sessions = new Set<string>();
  const streams: ServerResponse[] = [];
  let count = 0;
  const server = await startFake((asked, response) => {
    const { method, httpMethod, id, headers, body } = asked;
    const session = String(headers["mcp-session-id"] ?? "");
    if (method === "server/discover") return sendJson(response, error("null", -32000), 400);
    if (method === "initialize") {
      const name = `s-${++count}`;
      sessions.add(name);
      response.setHeader("mcp-session-id", name);
      const info = '"serverInfo":{"name":"old","version":"1"}';
      const version = '"protocolVersion":"2025-11-25"';
      return sendJson(response, result(id, `{${version},"capabilities":${capabilities},${info}}`));
    }
    if (!sessions.has(session)) return void response.writeHead(404).end();
    if (httpMethod === "DELETE") {
      sessions.delete(session);
      return void response.writeHead(204).end();
    }
    if (httpMethod === "GET") {
      if (onGet !== undefined) return onGet(asked, response, streams);
      startEvents(response);
      response.flushHeaders();
      return void streams.push(response);
    }
    if (method === "" || method.startsWith("notifications/")) {
      return void response.writeHead(202).end();
    }
    if (method === "logging/setLevel" || method.startsWith("resources/")) {
      return sendJson(response, result(id, "{}"));
    }
    answer(asked, response);
    if (body === "") response.end();
  });
  const transport = openTransport(server.url, ports);
  closers.push(transport.close, server.close);
  return {
    server,
    transport,
    streams,
    gets: () => server.asked.filter(({ httpMethod }) => httpMethod === "GET"),
    replies: () =>
      server.asked
        .filter(({ method, body }) => method === "" && body !== "")
        .map(({ body }) => body),
    sent: (method) => server.asked.filter((asked) => asked.method === method),
    forget: () => sessions.clear(),
  };
}

const fine: Answerer = ({ id }, response) => sendJson(response, result(id, "{}"));
const event = (text: string, id?: string) =>
  `${id === undefined ? "" : `id: ${id}\n`}data: ${text}\n\n`;
const request = (id: string, method: string, params = "{}") =>
  `{"jsonrpc":"2.0","id":"${id}","method":"${method}","params":${params}}`;
const note = (method: string, params = "{}") =>
  `{"jsonrpc":"2.0","method":"notifications/${method}","params":${params}}`;
const elicit = (id: string) => request(id, "elicitation/create", '{"message":"?","x":1.0}');

test("a session is shared by equal capabilities alone, and its server is told of them", async () => {
  const { transport, sent } = await startOld(fine);
  for (const capabilities of [form, "{}", form]) {
    const link = await transport.link(capabilities);
    await next(stepsOf(await link.exchange(transport.call("tools/call"), never)));
  }
  const declared = sent("initialize").map(({ params }) => JSON.parse(params).capabilities);
  expect(declared).toEqual([{ elicitation: { form: {} } }, {}]);
  const sessions = sent("tools/call").map(({ headers }) => headers["mcp-session-id"]);
  expect(sessions).toEqual(["s-1", "s-2", "s-1"]);
});

test("a question on the stream of its call is answered in the session, and the call goes on", async () => {
  let end = () => {};
  const { transport, server, replies } = await startOld(({ id }, response) => {
    startEvents(response);
    response.write(event(elicit("q1")));
    end = () => response.end(event(result(id, '{"content":[]}')));
  });
  const link = await transport.link();
  const steps = stepsOf(await link.exchange(transport.call("tools/call"), never));
  const question = await nextQuestion(steps);
  expect(question.request.method).toBe("elicitation/create");
  await accept(question, '{"n":1.0}');
  await accept(question);
  await eventually(() => replies().length > 0);
  expect(replies()).toEqual([
    '{"jsonrpc":"2.0","id":"q1","result":{"action":"accept","content":{"n":1.0}}}',
  ]);
  expect(server.asked.at(-1)!.headers["mcp-session-id"]).toBe("s-1");
  end();
  expect(shownLink(await next(steps))).toBe('{"content":[]}');
});

test("messages behind a question wait until they are fetched", async () => {
  const { transport } = await startOld(({ id }, response) => {
    startEvents(response);
    response.write(event(note("message", '{"level":"info"}')) + event(elicit("q1")));
    response.end(event(elicit("q2")) + event(result(id, "{}")));
  });
  const link = await transport.link();
  const steps = stepsOf(await link.exchange(transport.call("tools/call"), never));
  const seen: string[] = [];
  for (let i = 0; i < 4; i++) seen.push(shownLink(await next(steps)));
  expect(seen).toEqual([
    'notifications/message {"level":"info"}',
    "? elicitation/create",
    "? elicitation/create",
    "{}",
  ]);
});

test("a question on the session's own stream goes to the newest call that can be asked", async () => {
  const waiting: (() => void)[] = [];
  const { transport, streams, replies } = await startOld(({ id }, response) => {
    waiting.push(() => sendJson(response, result(id, `{"n":${id}}`)));
  });
  const link = await transport.link();
  const calls = ["tools/call", "tools/call", "tools/list"].map((method) => transport.call(method));
  const steps = [];
  for (const call of calls) {
    const one = stepsOf(await link.exchange(call, never));
    steps.push({ first: one.next(), one });
    await eventually(() => waiting.length === steps.length);
  }
  streams[0]!.write(event(elicit("q1")));
  const { value } = await steps[1]!.first;
  expect(shownLink(value)).toBe("? elicitation/create");
  await accept(value);
  await eventually(() => replies().length === 1);
  for (const answer of waiting) answer();
  expect(shownLink(await next(steps[1]!.one))).toBe(`{"n":${calls[1]!.id}}`);
  for (const at of [0, 2]) {
    expect(shownLink((await steps[at]!.first).value)).toBe(`{"n":${calls[at]!.id}}`);
  }
});

test("a request that nobody's call caused is refused, and a ping answered, on the session's own stream", async () => {
  const { transport, streams, replies } = await startOld(fine);
  const link = await transport.link();
  for await (const _ of { [Symbol.asyncIterator]: () => stepsOfCall(link, transport) });
  streams[0]!.write(event(elicit("q1")) + event(request("q2", "ping")));
  await eventually(() => replies().length === 2);
  expect([...replies()].sort()).toEqual([
    '{"jsonrpc":"2.0","id":"q1","error":{"code":-32601,"message":"Method not found"}}',
    '{"jsonrpc":"2.0","id":"q2","result":{}}',
  ]);
});

async function* stepsOfCall(
  link: Awaited<ReturnType<OpenedTransport["link"]>>,
  transport: OpenedTransport,
  more: Parameters<OpenedTransport["call"]>[2] = {},
) {
  const answer = await link.exchange(transport.call("tools/call", "{}", more), never);
  if ("kind" in answer) yield answer;
  else yield* answer;
}

async function run(old: Old, capabilities = form, more = {}): Promise<string[]> {
  const link = await old.transport.link(capabilities);
  const seen: string[] = [];
  for await (const message of stepsOfCall(link, old.transport, more)) seen.push(shownLink(message));
  return seen;
}

test("a flood of requests on the session's own stream is dropped while 16 answers are on their way", async () => {
  const old = await startOld(fine);
  await run(old);
  const flood = Array.from({ length: 500 }, (_, i) => event(elicit(`q${i}`))).join("");
  old.streams[0]!.write(flood);
  await eventually(() => old.replies().length > 0);
  expect(await run(old)).toEqual(["{}"]);
  expect(old.replies().length).toBeLessThan(500);
});

test("a session that declares nothing has no stream of its own, and 405 is remembered", async () => {
  const old = await startOld(fine, {
    onGet: (_, response) => void response.writeHead(405).end(),
  });
  await run(old, "{}");
  expect(old.gets()).toHaveLength(0);
  await run(old);
  await run(old);
  expect(old.gets()).toHaveLength(1);
});

test("a call waits half a second for a stream that is not answered, once", async () => {
  const clock = createCountingClock();
  const old = await startOld(fine, { clock, onGet: () => {} });
  const first = run(old);
  await eventually(() => old.gets().length === 1);
  expect(old.sent("tools/call")).toHaveLength(0);
  await clock.advance(500);
  expect(await first).toEqual(["{}"]);
  expect(await run(old)).toEqual(["{}"]);
});

test("progress and log messages on the session's own stream reach the call they belong to", async () => {
  const waiting: (() => void)[] = [];
  const old = await startOld(({ id }, response) => {
    waiting.push(() => sendJson(response, result(id, "{}")));
  });
  const a = run(old, form, { progressToken: "7" });
  await eventually(() => waiting.length === 1);
  old.streams[0]!.write(event(note("message", '{"level":"info"}')));
  old.streams[0]!.write(event(note("progress", '{"progressToken":7,"progress":1}')));
  old.streams[0]!.write(event(note("prompts/list_changed")));
  await eventually(() => old.transport.changed.length === 1);
  const b = run(old, form, { progressToken: "8" });
  await eventually(() => waiting.length === 2);
  old.streams[0]!.write(event(note("message", '{"level":"error"}')));
  old.streams[0]!.write(event(note("progress", '{"progressToken":8,"progress":2}')));
  old.streams[0]!.write(event(note("progress", '{"progressToken":9,"progress":3}')));
  old.streams[0]!.write(event(note("tools/list_changed")));
  await eventually(() => old.transport.changed.length === 2);
  for (const answer of waiting) answer();
  expect(await a).toEqual([
    'notifications/message {"level":"info"}',
    'notifications/progress {"progressToken":7,"progress":1}',
    "{}",
  ]);
  expect(await b).toEqual(['notifications/progress {"progressToken":8,"progress":2}', "{}"]);
  expect(old.transport.changed[1]).toBe(`tools ["a",null,${JSON.stringify(form)}]`);
});

test("the session's own stream is opened again behind its last event, when the server wants it", async () => {
  const clock = createCountingClock();
  const old = await startOld(fine, { clock });
  await run(old);
  old.streams[0]!.end(`retry: 250\n\n${event(note("tools/list_changed"), "e-1")}`);
  await eventually(() => old.transport.changed.length === 1);
  await eventually(() => clock.pending() > 1);
  await clock.advance(249);
  expect(old.gets()).toHaveLength(1);
  await clock.advance(1);
  await eventually(() => old.gets().length === 2);
  expect(old.gets()[1]!.headers).toMatchObject({
    "last-event-id": "e-1",
    "mcp-session-id": "s-1",
    accept: expect.stringContaining("text/event-stream"),
  });
  expect(old.gets()[1]!.headers["content-type"]).toBeUndefined();
});

test("a stream that never stays is asked for less and less often", async () => {
  const clock = createCountingClock();
  const old = await startOld(fine, {
    clock,
    onGet: (_, response) => {
      startEvents(response);
      response.end("retry: 1\n\n");
    },
  });
  const link = await old.transport.link();
  const gone = new AbortController();
  await link.listen(wishFor([], "tools"), gone.signal);
  for (let i = 0; i < 200; i++) {
    await eventually(() => clock.pending() === 1);
    await clock.advance(100);
  }
  expect(old.gets().length).toBeGreaterThan(3);
  expect(old.gets().length).toBeLessThan(14);
  gone.abort();
});

test("the session's own stream ends a minute behind the last call, and the session half an hour on", async () => {
  const clock = createCountingClock();
  const old = await startOld(fine, { clock });
  await run(old);
  await clock.advance(59_000);
  expect(old.server.busy()).toBe(1);
  await clock.advance(1_000);
  await eventually(() => old.server.busy() === 0);
  await run(old);
  expect(old.gets()).toHaveLength(2);
  await clock.advance(1_800_000);
  await eventually(() => old.server.methods().includes("DELETE"));
  await run(old);
  expect(old.sent("initialize")).toHaveLength(2);
});

test("a call and a listener that have gone hold neither the stream nor the session", async () => {
  const clock = createCountingClock();
  const old = await startOld(
    ({ id }, response) => {
      startEvents(response);
      response.end(event(result(id, "{}")));
    },
    { clock },
  );
  const link = await old.transport.link("{}");
  await run(old, "{}");
  const gone = new AbortController();
  await link.listen(wishFor([], "tools"), gone.signal);
  await run(old, "{}");
  await clock.advance(3_600_000);
  expect(old.server.busy()).toBe(1);
  gone.abort();
  await clock.advance(60_000);
  await eventually(() => old.server.busy() === 0);
  await clock.advance(1_740_000);
  await eventually(() => old.server.methods().includes("DELETE"));
});

test("a stream that the server ends again and again is always the same one place", async () => {
  const clock = createCountingClock();
  const old = await startOld(fine, {
    clock,
    onGet: (_, response) => {
      startEvents(response);
      response.end(`retry: 100\n\n${event(note("tools/list_changed"))}`);
    },
  });
  const link = await old.transport.link();
  const gone = new AbortController();
  await link.listen(wishFor([], "tools"), gone.signal);
  for (let i = 1; i <= 200; i++) {
    await eventually(() => old.transport.changed.length === i && clock.pending() === 1);
    await clock.advance(100);
  }
  gone.abort();
});

test("listening ends when the session's own stream is refused with 404", async () => {
  const clock = createCountingClock();
  const old = await startOld(fine, { clock });
  const link = await old.transport.link("{}");
  const changes = await link.listen(wishFor([], "tools"), new AbortController().signal);
  if ("kind" in changes) throw new Error(changes.code);
  const waiting = changes[Symbol.asyncIterator]().next();
  old.forget();
  old.streams[0]!.end();
  await eventually(() => clock.pending() === 1);
  await clock.advance(1_000);
  expect((await waiting).done).toBe(true);
});

test("listeners hear what they wished for, and a resource is subscribed once for all of them", async () => {
  const old = await startOld(fine, { capabilities: '{"resources":{"subscribe":true}}' });
  const link = await old.transport.link("{}");
  const leave = [new AbortController(), new AbortController()];
  const heard: string[][] = [[], []];
  const done = leave.map(async ({ signal }, at) => {
    const wish = at === 0 ? wishFor(["a:1", "a:2"]) : wishFor(["a:1"], "tools");
    const changes = await link.listen(wish, signal);
    if ("kind" in changes) throw new Error(changes.code);
    for await (const change of changes) heard[at]!.push(shownNotification(change));
  });
  await eventually(() => old.streams.length === 1 && old.sent("resources/subscribe").length === 2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const texts = [
    note("resources/updated", '{"uri":"a:1"}'),
    note("resources/updated", '{"uri":"a:2/b"}'),
    note("resources/updated", '{"uri":"a:3"}'),
    note("tools/list_changed"),
    note("message", '{"level":"info"}'),
  ];
  old.streams[0]!.write(texts.map((text) => event(text)).join(""));
  await eventually(() => heard[0]!.length === 2 && heard[1]!.length === 2);
  expect(heard).toEqual([
    [
      'notifications/resources/updated {"uri":"a:1"}',
      'notifications/resources/updated {"uri":"a:2/b"}',
    ],
    ['notifications/resources/updated {"uri":"a:1"}', "notifications/tools/list_changed {}"],
  ]);
  leave[0]!.abort();
  await done[0];
  await eventually(() => old.sent("resources/unsubscribe").length === 1);
  expect(old.sent("resources/unsubscribe")[0]!.params).toBe('{"uri":"a:2"}');
  leave[1]!.abort();
  await done[1];
  await eventually(() => old.sent("resources/unsubscribe").length === 2);
  expect(old.sent("resources/subscribe").map(({ params }) => params)).toEqual([
    '{"uri":"a:1"}',
    '{"uri":"a:2"}',
  ]);
});

test("listening ends when the session is lost, and is refused where nothing can be followed", async () => {
  const old = await startOld(fine);
  const link = await old.transport.link("{}");
  const changes = await link.listen(wishFor([], "tools"), never);
  if ("kind" in changes) throw new Error(changes.code);
  const over = (async () => {
    for await (const _ of changes);
  })();
  old.forget();
  expect(await run(old, "{}")).toEqual(["{}"]);
  await over;
  await eventually(() => old.server.busy() === 0);
  const refusing = await startOld(({ id }, response) => sendJson(response, error(id, -32601)));
  refusing.forget();
  const other = await refusing.transport.link("{}");
  refusing.forget();
  expect(await other.listen(wishFor(["a:1"]), never)).toMatchObject({
    code: "UPSTREAM_UNAVAILABLE",
  });
});

test("a resource that the server does not let follow is a failure that is not tried again", async () => {
  const server = await startFake(({ id, method, httpMethod }, response) => {
    if (method === "server/discover") return sendJson(response, error("null", -32000), 400);
    if (httpMethod === "GET") return void response.writeHead(405).end();
    if (method === "initialize") {
      const text = '{"protocolVersion":"2025-06-18","capabilities":{}}';
      return sendJson(response, result(id, text));
    }
    if (method.startsWith("notifications/")) return void response.writeHead(202).end();
    sendJson(response, error(id, -32601));
  });
  const transport = openTransport(server.url);
  closers.push(transport.close, server.close);
  const link = await transport.link("{}");
  expect(await link.listen(wishFor(["a:1"]), never)).toMatchObject({ code: "UPSTREAM_INVALID" });
  const gone = new AbortController();
  gone.abort();
  await expect(link.listen(wishFor(["a:1"]), gone.signal)).rejects.toThrow();
});

test("a call's stream that ends first is taken up behind its last event", async () => {
  const clock = createCountingClock();
  let id = 0;
  const old = await startOld(
    (asked, response) => {
      id = asked.id;
      startEvents(response);
      response.end("id: e-1\nretry: 300\ndata:\n\n");
    },
    {
      clock,
      onGet: (asked, response) => {
        startEvents(response);
        if (asked.headers["last-event-id"] === "e-1") {
          response.end(event(note("message", '{"level":"info"}'), "e-2"));
        } else {
          response.end(event(result(id, "{}"), "e-3"));
        }
      },
    },
  );
  const done = run(old, "{}");
  await eventually(() => id > 0 && old.server.busy() === 0 && clock.pending() === 1);
  await clock.advance(299);
  expect(old.gets()).toHaveLength(0);
  await clock.advance(1);
  await eventually(() => old.gets().length === 1 && clock.pending() === 1);
  await clock.advance(300);
  expect(await done).toEqual(['notifications/message {"level":"info"}', "{}"]);
  expect(old.gets().map(({ headers }) => headers["last-event-id"])).toEqual(["e-1", "e-2"]);
  expect(old.sent("notifications/cancelled")).toHaveLength(0);
});

test("a call's stream that brings nothing ten times, or has no ids, is over", async () => {
  const clock = createCountingClock();
  const empty = (response: ServerResponse) => {
    startEvents(response);
    response.end("id: e-1\ndata:\n\n");
  };
  const old = await startOld((_, response) => empty(response), {
    clock,
    onGet: (_, response) => empty(response),
  });
  const done = run(old, "{}");
  const seen: string[][] = [];
  void done.then((messages) => seen.push(messages));
  await eventually(() => old.sent("tools/call").length === 1);
  for (let i = 0; i < 400 && seen.length === 0; i++) {
    await eventually(() => clock.pending() > 0 || seen.length > 0);
    await clock.advance(1_000);
  }
  expect(seen).toEqual([["UPSTREAM_INVALID"]]);
  expect(old.gets()).toHaveLength(10);
  const bare = await startOld((_, response) => {
    startEvents(response);
    response.end(event(note("message")));
  });
  expect((await run(bare, "{}")).at(-1)).toBe("UPSTREAM_INVALID");
  expect(bare.gets()).toHaveLength(0);
});

test("the server is told to log more when a call wants more, and never less", async () => {
  const old = await startOld(fine);
  for (const logLevel of [undefined, "error", "warning", "emergency", "debug", "bogus"]) {
    await run(old, "{}", { logLevel });
  }
  const order = old.server.asked.map(({ method, params }) =>
    method === "logging/setLevel" ? params : method,
  );
  expect(order.filter((each) => each !== "GET" && each !== "").slice(3)).toEqual([
    "tools/call",
    '{"level":"error"}',
    "tools/call",
    '{"level":"warning"}',
    "tools/call",
    "tools/call",
    '{"level":"debug"}',
    "tools/call",
    "tools/call",
  ]);
  const silent = await startOld(fine, { capabilities: "{}" });
  await run(silent, "{}", { logLevel: "debug" });
  expect(silent.sent("logging/setLevel")).toHaveLength(0);
});

test("a lost session is renewed once for a call that looks beside its stream", async () => {
  const old = await startOld(fine);
  await run(old);
  old.forget();
  expect(await run(old)).toEqual(["{}"]);
  expect(old.sent("initialize")).toHaveLength(2);
  await eventually(() => old.server.busy() === 1);
});

test.each(["before", "behind"])(
  "a call left %s its first question is cancelled, and nothing of it stays",
  async (when) => {
    const clock = createCountingClock();
    const old = await startOld(() => {}, { clock });
    const link = await old.transport.link();
    const gone = new AbortController();
    const steps = stepsOf(await link.exchange(old.transport.call("tools/call"), gone.signal));
    const first = steps.next();
    await eventually(() => old.sent("tools/call").length === 1);
    if (when === "before") {
      gone.abort();
      await first;
    } else {
      old.streams[0]!.write(event(elicit("q1")));
      expect(shownLink((await first).value)).toBe("? elicitation/create");
    }
    await steps.return?.();
    await eventually(() => old.sent("notifications/cancelled").length === 1);
    await eventually(() => old.server.busy() === 1);
    await old.transport.close();
    expect(clock.pending()).toBe(0);
  },
);

test("what nobody fetches of the session's own stream is bounded", async () => {
  let end = (): void => undefined;
  const old = await startOld(({ id }, response) => {
    end = () => sendJson(response, result(id, "{}"));
  });
  const link = await old.transport.link();
  const call = old.transport.call("tools/call", "{}", { progressToken: "7", maxBytes: 3_000 });
  const steps = stepsOf(await link.exchange(call, new AbortController().signal));
  const first = steps.next();
  await eventually(() => old.sent("tools/call").length === 1);
  const progress = event(note("progress", '{"progressToken":7,"progress":1}'));
  old.streams[0]!.write(progress.repeat(200) + event(elicit("q1")));
  old.streams[0]!.write(event(note("tools/list_changed")));
  await eventually(() => old.transport.changed.length === 1);
  await eventually(() => old.replies().length === 1);
  expect(old.replies()[0]).toContain('"id":"q1","error":{"code":-32603');
  end();
  let count = (await first).done === true ? 0 : 1;
  while ((await steps.next()).value?.kind === "notification") count++;
  expect(count).toBeGreaterThan(60);
  expect(count).toBeLessThan(67);
  expect(old.transport.noticed).toContain("An upstream sends more than is fetched; dropped");
});

test("the session that was idle for longest makes room, and one in use never does", async () => {
  const old = await startOld(fine, { onGet: (_, response) => void response.writeHead(405).end() });
  const leave: AbortController[] = [];
  for (let i = 0; i < 256; i++) {
    const link = await old.transport.link("{}", `client-${i}`);
    const gone = new AbortController();
    await link.listen(wishFor([], "tools"), gone.signal);
    leave.push(gone);
  }
  await expect(old.transport.link("{}", "one-more")).rejects.toThrow("busy");
  leave[7]!.abort();
  await old.transport.link("{}", "one-more");
  await eventually(() => old.server.methods().includes("DELETE"));
  const ended = old.server.asked.filter(({ httpMethod }) => httpMethod === "DELETE");
  expect(ended.map(({ headers }) => headers["mcp-session-id"])).toEqual(["s-8"]);
});

test("fifty sessions with streams, calls and listeners leave nothing behind", async () => {
  const clock = createCountingClock();
  const egress = createCountingEgress();
  const old = await startOld(() => {}, { clock, egress });
  const over: Promise<unknown>[] = [];
  for (let i = 0; i < 50; i++) {
    const link = await old.transport.link(form, `client-${i}`);
    const { signal } = new AbortController();
    const changes = await link.listen(wishFor([`a:${i}`], "tools"), signal);
    if ("kind" in changes) throw new Error(changes.code);
    over.push(changes[Symbol.asyncIterator]().next());
    const gone = new AbortController();
    closers.unshift(async () => gone.abort());
    const call = old.transport.call("tools/call");
    over.push(stepsOf(await link.exchange(call, gone.signal)).next());
  }
  await eventually(() => old.sent("tools/call").length === 50 && old.streams.length === 50);
  expect(egress.open()).toBe(100);
  for (const close of closers.splice(0, 50)) await close();
  await old.transport.close();
  await Promise.all(over);
  await eventually(() => old.server.busy() === 0);
  expect(old.server.asked.filter(({ httpMethod }) => httpMethod === "DELETE")).toHaveLength(50);
  expect([clock.pending(), egress.open()]).toEqual([0, 0]);
  await expect(old.transport.link()).rejects.toThrow("UPSTREAM_UNAVAILABLE");
});
