import type { ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import {
  type Answerer,
  type FakeServer,
  error,
  legacy,
  modern,
  result,
  sendEvents,
  sendJson,
  startEvents,
  startFake,
} from "./fake-server.ts";
import { type Opened, ask, callTool, collect, eventually, open, shown } from "./harness.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(
  answer: Answerer,
  settings: object = {},
): Promise<{ server: FakeServer; upstreams: Opened }> {
  const server = await startFake(answer);
  const upstreams = open({ it: { url: server.url, ...settings } });
  closers.push(upstreams.close, server.close);
  return { server, upstreams };
}

const raw =
  (type: string, text: string | Buffer, status = 200) =>
  (_: number, response: ServerResponse) => {
    response.writeHead(status, { "content-type": type });
    response.end(text);
  };
const good = (id: number) => result(id, '{"content":[]}');

type Bad = (id: number, response: ServerResponse) => void;
const rows: readonly [string, Bad, string][] = [
  ["garbage as JSON", raw("application/json", "not json"), "UPSTREAM_INVALID"],
  ["nothing as JSON", raw("application/json", ""), "UPSTREAM_INVALID"],
  ["HTML", raw("text/html", "<h1>hi</h1>"), "UPSTREAM_INVALID"],
  ["no content type", (id, response) => response.end(good(id)), "UPSTREAM_INVALID"],
  ["202", raw("application/json", "", 202), "UPSTREAM_INVALID"],
  ["invalid UTF-8", raw("application/json", Buffer.from([0x22, 0xff, 0x22])), "UPSTREAM_INVALID"],
  ["a byte-order mark", (id, r) => sendJson(r, `\uFEFF${good(id)}`), "UPSTREAM_INVALID"],
  ["a batch", (id, r) => sendJson(r, `[${good(id)}]`), "UPSTREAM_INVALID"],
  ["another id", (id, r) => sendJson(r, good(id + 1)), "UPSTREAM_INVALID"],
  ["our id as a string", (id, r) => sendJson(r, result(`"${id}"`, "{}")), "UPSTREAM_INVALID"],
  ["null as id", (_, r) => sendJson(r, result("null", "{}")), "UPSTREAM_INVALID"],
  [
    "an error without an id",
    (_, r) => sendJson(r, '{"jsonrpc":"2.0","error":{"code":1,"message":""}}'),
    "UPSTREAM_INVALID",
  ],
  [
    "result and error",
    (id, r) => sendJson(r, `${good(id).slice(0, -1)},"error":{"code":1,"message":"m"}}`),
    "UPSTREAM_INVALID",
  ],
  ["a result that is no object", (id, r) => sendJson(r, result(id, "[]")), "UPSTREAM_INVALID"],
  [
    "a duplicate key",
    (id, r) => sendJson(r, result(id, '{"a":1,"\\u0061":2}')),
    "UPSTREAM_INVALID",
  ],
  [
    "a duplicate result",
    (id, r) => sendJson(r, `${good(id).slice(0, -1)},"result":{}}`),
    "UPSTREAM_INVALID",
  ],
  [
    "a key in the wrong case",
    (id, r) => sendJson(r, `${good(id).slice(0, -1)},"Result":{}}`),
    "UPSTREAM_INVALID",
  ],
  [
    "deep nesting",
    (id, r) => sendJson(r, result(id, `{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`)),
    "UPSTREAM_INVALID",
  ],
  [
    "a stream without an answer",
    (_, r) => sendEvents(r, '{"jsonrpc":"2.0","method":"x"}'),
    "UPSTREAM_INVALID",
  ],
  ["a stream with garbage", (id, r) => sendEvents(r, "garbage", good(id)), "UPSTREAM_INVALID"],
  [
    "a redirect",
    (_, r) => r.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
    "UPSTREAM_UNAVAILABLE",
  ],
  ["401", raw("application/json", "{}", 401), "UPSTREAM_UNAVAILABLE"],
  ["500", (id, r) => sendJson(r, error(id, 1), 500), "UPSTREAM_UNAVAILABLE"],
  ["a broken connection", (_, r) => r.destroy(), "UPSTREAM_UNAVAILABLE"],
  ["a connection broken in the answer", breaks, "UPSTREAM_UNAVAILABLE"],
];

function breaks(_: number, response: ServerResponse): void {
  startEvents(response);
  response.write("data: {", () => setTimeout(() => response.destroy(), 20));
}

test.each(rows)("%s ends the call with its code, in both eras", async (_, bad, code) => {
  for (const era of [modern, legacy]) {
    const { upstreams } = await start(era(({ id }, response) => bad(id, response)));
    const messages = await collect(upstreams.the("it"), callTool("t"));
    expect(messages.map(shown)).toEqual([code]);
    expect(JSON.stringify(messages).length).toBeLessThan(400);
    await upstreams.close();
  }
});

test("the first response to our id wins, and foreign ones are dropped and logged once", async () => {
  const { upstreams } = await start(
    modern(({ id }, response) =>
      sendEvents(
        response,
        result(id + 7, '{"content":["foreign"]}'),
        result(id + 8, '{"content":["foreign"]}'),
        result(id, '{"content":["first"]}'),
        result(id, '{"content":["second"]}'),
      ),
    ),
  );
  for (let i = 0; i < 2; i++) {
    const messages = await collect(upstreams.the("it"), callTool("t"));
    expect(messages.map(shown)).toEqual(['{"content":["first"],"resultType":"complete"}']);
  }
  expect(upstreams.logged.filter((line) => line.includes("not sent"))).toHaveLength(1);
});

test("two calls at once never get each other's answer", async () => {
  const waiting: { id: number; response: ServerResponse }[] = [];
  const { upstreams } = await start(
    modern(({ id }, response) => {
      waiting.push({ id, response });
      if (waiting.length < 2) return;
      const [a, b] = waiting;
      sendEvents(a!.response, good(b!.id), result(a!.id, '{"content":["a"]}'));
      sendEvents(b!.response, good(a!.id), result(b!.id, '{"content":["b"]}'));
    }),
  );
  const it = upstreams.the("it");
  const texts = await Promise.all([ask(it, callTool("t")), ask(it, callTool("t"))]);
  expect(texts.map(shown).sort()).toEqual([
    '{"content":["a"],"resultType":"complete"}',
    '{"content":["b"],"resultType":"complete"}',
  ]);
});

test("event fields cannot smuggle messages: only data of message events counts", async () => {
  const { upstreams } = await start(
    modern(({ id }, response) => {
      startEvents(response);
      const injected = result(id, '{"content":["injected"]}');
      response.write(`event: other\ndata: ${injected}\n\n: ${injected}\n\nid: ${injected}\n\n`);
      response.write(`retry: 1\rdata:\r\revent: message\rid: 7\rdata: ${good(id)}\r\r`);
      response.end();
    }),
  );
  const messages = await collect(upstreams.the("it"), callTool("t"));
  expect(messages.map(shown)).toEqual(['{"content":[],"resultType":"complete"}']);
});

const floods: readonly [string, string, string][] = [
  ["64 MB of JSON", "application/json", "x"],
  ["an endless line", "text/event-stream", "data: x"],
  ["endless comments", "text/event-stream", ":\n"],
  ["endless events", "text/event-stream", 'data: {"jsonrpc":"2.0","method":"x"}\n\n'],
  ["endless other events", "text/event-stream", "event: x\ndata: y\n\n"],
];

test.each(floods)(
  "%s ends as RESPONSE_TOO_LARGE and the connection is closed",
  async (_, type, text) => {
    let sent = 0;
    const chunk = text.repeat(Math.ceil(65_536 / text.length));
    const { server, upstreams } = await start(
      modern((_, response) => {
        response.writeHead(200, { "content-type": type });
        const write = () => {
          while (sent < 64 * 1024 * 1024 && !response.destroyed) {
            sent += chunk.length;
            if (!response.write(chunk)) return void response.once("drain", write);
          }
          response.end();
        };
        write();
      }),
    );
    const messages = await collect(upstreams.the("it"), callTool("t", "{}", { maxBytes: 200_000 }));
    expect(messages.map(shown)).toEqual(["RESPONSE_TOO_LARGE"]);
    await eventually(() => server.busy() === 0);
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  },
);

test("an answer that never comes is a timeout, and the upstream sees the connection close", async () => {
  for (const [asIf, settings] of [
    [() => {}, { timeoutMs: 100 }],
    [(response: ServerResponse) => startEvents(response), { timeoutMs: 100 }],
    [(response: ServerResponse) => response.writeHead(200).flushHeaders(), { deadlineMs: 100 }],
  ] as const) {
    const { server, upstreams } = await start(
      modern((_, response) => void asIf(response)),
      settings,
    );
    const last = await ask(upstreams.the("it"), callTool("t"));
    expect(["UPSTREAM_TIMEOUT", "UPSTREAM_INVALID"]).toContain(shown(last));
    await eventually(() => server.busy() === 0);
  }
});

test("an answer after the client left changes nothing for the next call", async () => {
  let late = () => {};
  const { server, upstreams } = await start(
    legacy(({ id }, response) => {
      if (server.methods().filter((method) => method === "tools/call").length > 1) {
        return sendJson(response, result(id, '{"content":["second"]}'));
      }
      late = () => sendJson(response, result(id, '{"content":["late"]}'));
    }),
  );
  const gone = new AbortController();
  const first = collect(upstreams.the("it"), callTool("t"), gone.signal);
  await eventually(() => server.methods().includes("tools/call"));
  gone.abort();
  expect((await first).map(shown)).toEqual(["UPSTREAM_UNAVAILABLE"]);
  late();
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toContain("second");
});

test("an upstream that nobody serves is unavailable, and its neighbour is not touched", async () => {
  const server = await startFake(modern(({ id }, response) => sendJson(response, good(id))));
  const gone = await startFake(() => {});
  await gone.close();
  const upstreams = open({ dead: { url: gone.url }, alive: { url: server.url } });
  closers.push(upstreams.close, server.close);
  expect(shown(await ask(upstreams.the("dead"), callTool("t")))).toBe("UPSTREAM_UNAVAILABLE");
  expect(shown(await ask(upstreams.the("alive"), callTool("t")))).toContain("complete");
  expect(upstreams.status().map(({ state }) => state)).toEqual(["down", "up"]);
});

test("a session id that no header can carry is refused", async () => {
  const { upstreams } = await start((asked, response) => {
    legacy(
      () => {},
      () => "s".repeat(2_000),
    )(asked, response);
  });
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toBe("UPSTREAM_INVALID");
});

test("a flood of requests from a legacy upstream ends the call", async () => {
  const { server, upstreams } = await start((asked, response) => {
    if (asked.body.includes('"error"')) return;
    legacy((_, response) => {
      startEvents(response);
      for (let i = 0; i < 500; i++) {
        response.write(`data: {"jsonrpc":"2.0","id":${i},"method":"roots/list"}\n\n`);
      }
    })(asked, response);
  });
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toBe("UPSTREAM_INVALID");
  expect(server.asked.filter(({ body }) => body.includes('"error"')).length).toBeLessThan(20);
});
