import { afterEach, expect, test } from "vitest";
import type { Config } from "../../src/config/index.ts";
import { Secret } from "../../src/core/index.ts";
import {
  type Answerer,
  type FakeServer,
  discovery,
  error,
  legacy,
  modern,
  result,
  sendEvents,
  sendJson,
  startEvents,
  startFake,
} from "./fake-server.ts";
import {
  type OpenExtras,
  type Opened,
  ask,
  callTool,
  caller,
  collect,
  createFakeClock,
  eventually,
  never,
  open,
  request,
  shown,
} from "./harness.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(
  answer: Answerer,
  settings: object = {},
  extras: OpenExtras = {},
): Promise<{ server: FakeServer; upstreams: Opened }> {
  const server = await startFake(answer);
  const upstreams = open({ it: { url: server.url, ...settings } }, extras);
  closers.push(upstreams.close, server.close);
  return { server, upstreams };
}

/** Headers that no config may name. */
function withHeaders(headers: Record<string, string | Secret>) {
  return ({ upstreams }: Config) => {
    for (const one of Object.values(upstreams)) if ("url" in one) one.headers = headers;
  };
}

const fine: Answerer = ({ id }, response) => sendJson(response, result(id, '{"content":[]}'));

test("a modern upstream is asked once what it is, then called with our envelope and headers", async () => {
  const { server, upstreams } = await start(modern(fine));
  const first = await ask(upstreams.the("it"), callTool("echo", '{"n":1}'));
  expect(shown(first)).toBe('{"content":[],"resultType":"complete"}');
  await ask(upstreams.the("it"), callTool("echo"));
  expect(server.methods()).toEqual(["server/discover", "tools/call", "tools/call"]);
  const call = server.asked[1]!;
  expect(call.headers).toMatchObject({
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "echo",
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
  });
  expect(JSON.parse(call.params)._meta).toEqual({
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "mcp-gw", version: "1.2.3" },
    "io.modelcontextprotocol/clientCapabilities": {},
  });
  expect(server.asked[2]!.id).not.toBe(call.id);
  expect(upstreams.status()).toEqual([
    {
      name: "it",
      transport: "http",
      era: "modern",
      state: "up",
      tools: undefined,
      quarantined: [],
    },
  ]);
  expect(upstreams.era("it")).toBe("modern");
});

test("params and result keep every byte that is not ours, in both eras", async () => {
  const odd =
    '{"big":123456789012345678901234567890,"one":1.0,"inf":1e400,"esc":"\\u00e9\\ud83d\\ude00 / \\/","z":{},"a":[ ]}';
  const answer: Answerer = ({ id }, response) =>
    sendJson(response, result(id, `{"content":[],"structuredContent":${odd},"x-new":${odd}}`));
  for (const era of [modern, legacy]) {
    const { server, upstreams } = await start(era(answer));
    const params = `{"name":"t","arguments":${odd},"x-new":${odd},"_meta":{"mine/x":${odd}}}`;
    const last = await ask(upstreams.the("it"), request("tools/call", params));
    const sent = server.asked.at(-1)!.params;
    expect(
      sent.startsWith(`{"name":"t","arguments":${odd},"x-new":${odd},"_meta":{"mine/x":${odd}`),
    ).toBe(true);
    expect(shown(last)).toBe(
      `{"content":[],"structuredContent":${odd},"x-new":${odd},"resultType":"complete"}`,
    );
  }
});

test("only the gateway's own credential goes up, and its headers cannot be replaced by the config", async () => {
  const headers = { Authorization: new Secret("Bearer own"), "MCP-Method": "wrong", ACCEPT: "x" };
  const { server, upstreams } = await start(modern(fine), {}, { spoil: withHeaders(headers) });
  await ask(upstreams.the("it"), callTool("echo"));
  const sent = server.asked[1]!.headers;
  expect(sent.authorization).toBe("Bearer own");
  expect(sent["mcp-method"]).toBe("tools/call");
  expect(sent.accept).toBe("application/json, text/event-stream");
  expect(upstreams.logged.join()).not.toContain("own");
});

test("a configured header that no HTTP header can be is a failure without its value", async () => {
  const spoil = withHeaders({ a: new Secret("s3cret\nx: y") });
  const { upstreams } = await start(modern(fine), {}, { spoil });
  const last = await ask(upstreams.the("it"), callTool("echo"));
  expect(shown(last)).toBe("UPSTREAM_UNAVAILABLE");
  expect(JSON.stringify(last)).not.toContain("s3cret");
});

test("unknown Mcp-Param headers go on to a modern upstream and known ones are made from the body", async () => {
  const { server, upstreams } = await start(modern(fine));
  await ask(
    upstreams.the("it"),
    callTool("t", '{"region":"eu"}', {
      headers: { "mcp-param-new": "x", "mcp-method": "tools/list" },
      paramHeaders: [{ header: "mcp-param-region", path: ["region"], type: "string" }],
    }),
  );
  expect(server.asked[1]!.headers).toMatchObject({
    "mcp-param-new": "x",
    "mcp-param-region": "eu",
    "mcp-method": "tools/call",
  });
});

test("a legacy upstream is initialized once per client and subject", async () => {
  let sessions = 0;
  const ids = new Set<string>();
  const { server, upstreams } = await start((asked, response) => {
    if (asked.method === "initialize") ids.add(`s-${++sessions}`);
    const sent = String(asked.headers["mcp-session-id"] ?? `s-${sessions}`);
    legacy(fine, () => (ids.has(sent) ? sent : "none"))(asked, response);
  });
  const it = upstreams.the("it");
  await ask(it, callTool("t"));
  await ask(it, callTool("t"));
  await ask(it, callTool("t", "{}", caller("other")));
  await ask(it, callTool("t", "{}", caller("web-app", {}, "alice")));
  const sent = server.asked.filter(({ method }) => method === "tools/call");
  expect(sent.map(({ headers }) => headers["mcp-session-id"])).toEqual([
    "s-1",
    "s-1",
    "s-2",
    "s-3",
  ]);
  expect(sent[0]!.headers["mcp-protocol-version"]).toBe("2025-06-18");
  expect(sent[0]!.headers["mcp-method"]).toBeUndefined();
  expect(sent[0]!.params).toBe('{"name":"t","arguments":{}}');
  expect(JSON.parse(server.asked[1]!.params)).toMatchObject({
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "mcp-gw" },
  });
  expect(server.methods().filter((method) => method === "notifications/initialized")).toHaveLength(
    3,
  );
  await upstreams.close();
  const ended = server.asked.filter(({ httpMethod }) => httpMethod === "DELETE");
  expect(ended.map(({ headers }) => headers["mcp-session-id"]).sort()).toEqual([
    "s-1",
    "s-2",
    "s-3",
  ]);
});

test("a lost legacy session is renewed once and the call repeated", async () => {
  let session = "s-1";
  const { server, upstreams } = await start(legacy(fine, () => session));
  await ask(upstreams.the("it"), callTool("t"));
  session = "s-2";
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toContain("complete");
  expect(server.methods().filter((method) => method === "initialize")).toHaveLength(2);
});

test("an upstream that changes its era is found out again", async () => {
  let era = modern;
  const { upstreams } = await start((asked, response) => era(fine)(asked, response));
  await ask(upstreams.the("it"), callTool("t"));
  expect(upstreams.era("it")).toBe("modern");
  era = (answer) => legacy(answer);
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toContain("complete");
  expect(upstreams.era("it")).toBe("legacy");
  era = (answer) => (asked, response) => {
    if (asked.headers["mcp-method"] === undefined) response.writeHead(400).end();
    else modern(answer)(asked, response);
  };
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toContain("complete");
  expect(upstreams.era("it")).toBe("modern");
});

test("the era is asked for again after ten minutes", async () => {
  const clock = createFakeClock();
  const { server, upstreams } = await start(modern(fine), {}, { clock });
  const discoveries = () =>
    server.methods().filter((method) => method === "server/discover").length;
  await ask(upstreams.the("it"), callTool("t"));
  await clock.advance(599_000);
  await ask(upstreams.the("it"), callTool("t"));
  expect(discoveries()).toBe(1);
  await clock.advance(2_000);
  await ask(upstreams.the("it"), callTool("t"));
  expect(discoveries()).toBe(2);
});

test("calls that come at once share one question for the era and one session", async () => {
  const { server, upstreams } = await start(legacy(fine));
  await Promise.all(Array.from({ length: 8 }, () => ask(upstreams.the("it"), callTool("t"))));
  const count = (method: string) => server.methods().filter((each) => each === method).length;
  expect([count("server/discover"), count("initialize"), count("tools/call")]).toEqual([1, 1, 8]);
});

test.each([401, 403, 429, 500, 503, 301, 307])(
  "nothing is learnt of the era from status %d",
  async (status) => {
    let broken = true;
    const { server, upstreams } = await start((asked, response) => {
      if (broken) response.writeHead(status, { location: "http://169.254.169.254/" }).end("no");
      else modern(fine)(asked, response);
    });
    const last = await ask(upstreams.the("it"), callTool("t"));
    expect(shown(last)).toBe("UPSTREAM_UNAVAILABLE");
    expect(server.methods()).toEqual(["server/discover"]);
    expect(upstreams.status()[0]).toMatchObject({ era: undefined, state: "down" });
    broken = false;
    expect(shown(await ask(upstreams.the("it"), callTool("t")))).toContain("complete");
    expect(upstreams.era("it")).toBe("modern");
  },
);

test.each([
  ["an error of the modern era", error(1, -32020), 400, "modern"],
  ["an error of the modern era without an id", error("null", -32021), 400, "modern"],
  [
    "an unsupported version that names ours",
    error(1, -32022, '{"supported":["2026-07-28"]}'),
    400,
    "modern",
  ],
  [
    "an unsupported version that names old ones",
    error(1, -32022, '{"supported":["2025-06-18"]}'),
    400,
    "legacy",
  ],
  ["an unknown method", error(1, -32601), 200, "legacy"],
  ["a result that is no discovery", result(1, "{}"), 200, "legacy"],
  ["400 without a body", "", 400, "legacy"],
  ["404", "gone", 404, "legacy"],
  ["405", "", 405, "legacy"],
])("server/discover is answered by %s", async (_, body, status, era) => {
  const { upstreams } = await start((asked, response) => {
    if (asked.method === "server/discover") sendJson(response, body, Number(status));
    else (era === "legacy" ? legacy : modern)(fine)(asked, response);
  });
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toContain("complete");
  expect(upstreams.era("it")).toBe(era);
});

test.each([402, 406, 409, 410, 413, 415, 422, 451])(
  "a call that is refused with status %d is not sent again, in both eras",
  async (status) => {
    for (const era of [modern, legacy]) {
      const { server, upstreams } = await start(
        era((_, response) =>
          response.writeHead(status, { "content-type": "text/plain" }).end("no"),
        ),
      );
      const [last] = await collect(upstreams.the("it"), callTool("t"));
      expect(last).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
      expect(server.methods().filter((method) => method === "tools/call")).toHaveLength(1);
      expect(server.methods().filter((method) => method === "server/discover")).toHaveLength(1);
    }
  },
);

test.each([400, 404, 405])(
  "a call that is refused with status %d is sent again only if the era has changed",
  async (status) => {
    const { server, upstreams } = await start(
      modern((_, response) => response.writeHead(status).end("no")),
    );
    const [last] = await collect(upstreams.the("it"), callTool("t"));
    expect(last).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    expect(server.methods()).toEqual(["server/discover", "tools/call", "server/discover"]);
    expect(upstreams.era("it")).toBe("modern");
  },
);

test("an era that cannot be found out anew is still believed", async () => {
  let isDown = false;
  const { server, upstreams } = await start((asked, response) => {
    if (isDown) response.writeHead(asked.method === "tools/call" ? 400 : 503).end();
    else modern(fine)(asked, response);
  });
  await ask(upstreams.the("it"), callTool("t"));
  isDown = true;
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toBe("UPSTREAM_UNAVAILABLE");
  isDown = false;
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toContain("complete");
  expect(server.methods().filter((method) => method === "tools/call")).toHaveLength(3);
  expect(server.methods().filter((method) => method === "server/discover")).toHaveLength(2);
});

test("an upstream that knows no revision of ours is invalid", async () => {
  const strange = discovery.replace("2026-07-28", "2030-01-01");
  const { upstreams } = await start(({ id }, response) => sendJson(response, result(id, strange)));
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toBe("UPSTREAM_INVALID");
});

test("discover gives what the upstream says of itself", async () => {
  const { upstreams } = await start(modern(fine));
  const found = await upstreams.the("it").discover(caller(), never);
  expect(found).toMatchObject({ instructions: "Be kind" });
});

test("progress comes under the caller's own token, exactly as it was spelt", async () => {
  for (const [callers, ours] of [
    ['"tok\\u0065n"', /^"gw-\d+"$/],
    ["007e0".slice(2), /^\d+$/],
  ] as const) {
    const { upstreams } = await start(
      modern(({ id, params }, response) => {
        const token = /"progressToken":("[^"]*"|[^,}]*)/.exec(params)?.[1] ?? "none";
        expect(token).toMatch(ours);
        const progress = (text: string, value: string) =>
          `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":${value},"progressToken":${text},"x":1.0}}`;
        sendEvents(
          response,
          progress(token, "1"),
          progress('"someone else"', "2"),
          progress(callers, "3"),
          result(id, '{"content":[]}'),
        );
      }),
    );
    const params = `{"name":"t","_meta":{"progressToken":${callers}}}`;
    const messages = await collect(upstreams.the("it"), request("tools/call", params));
    expect(messages.map(shown)).toEqual([
      `notifications/progress {"progress":1,"progressToken":${callers},"x":1.0}`,
      '{"content":[],"resultType":"complete"}',
    ]);
  }
});

test("progress is dropped for a caller that asked for none", async () => {
  const { server, upstreams } = await start(
    modern(({ id }, response) =>
      sendEvents(
        response,
        `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":${id}}}`,
        result(id, '{"content":[]}'),
      ),
    ),
  );
  expect(await collect(upstreams.the("it"), callTool("t"))).toHaveLength(1);
  expect(server.asked[1]!.params).not.toContain("progressToken");
});

test("log messages come to who wants them, and other notifications to nobody", async () => {
  const note = (method: string, params: string) =>
    `{"jsonrpc":"2.0","method":"${method}","params":${params}}`;
  const { server, upstreams } = await start(
    modern(({ id }, response) =>
      sendEvents(
        response,
        note("notifications/message", '{"level":"info","data":"i"}'),
        note("notifications/message", '{"level":"error","data":"e"}'),
        note("notifications/message", '{"data":"no level"}'),
        note("notifications/tools/list_changed", "{}"),
        note("notifications/resources/updated", '{"uri":"a:b"}'),
        note("notifications/cancelled", '{"requestId":1}'),
        note("notifications/evil", "{}"),
        result(id, '{"content":[]}'),
      ),
    ),
  );
  const it = upstreams.the("it");
  const logs = async (asker: ReturnType<typeof caller>) =>
    (await collect(it, callTool("t", "{}", asker))).slice(0, -1).map(shown);
  expect(await logs(caller("a"))).toEqual([]);
  expect(await logs(caller("a", { logLevel: "warning" }))).toEqual([
    'notifications/message {"level":"error","data":"e"}',
  ]);
  expect(server.asked.at(-1)!.params).toContain('"io.modelcontextprotocol/logLevel":"warning"');
  expect(await logs(caller("a", { era: "legacy", revision: "2025-06-18" }))).toHaveLength(3);
});

test("an upstream's own error reaches the caller as it is", async () => {
  for (const status of [200, 400, 404]) {
    const { upstreams } = await start(
      modern(({ id }, response) => sendJson(response, error(id, -32601), status)),
    );
    expect(shown(await ask(upstreams.the("it"), callTool("t")))).toBe("error -32601 no");
  }
});

test("a refused header is tried once more with the tool's new headers", async () => {
  let region = "";
  const { server, upstreams } = await start(
    modern((asked, response) => {
      if (asked.method === "tools/list") {
        region = '"x-mcp-header":"Region",';
        const schema = `{"type":"object","properties":{"r":{${region}"type":"string"}}}`;
        sendJson(response, result(asked.id, `{"tools":[{"name":"t","inputSchema":${schema}}]}`));
      } else if (asked.headers["mcp-param-region"] === undefined) {
        sendJson(response, error(asked.id, -32020), 400);
      } else {
        fine(asked, response);
      }
    }),
  );
  expect(shown(await ask(upstreams.the("it"), callTool("t", '{"r":"eu"}')))).toContain("complete");
  expect(server.methods()).toEqual(["server/discover", "tools/call", "tools/list", "tools/call"]);
});

test("a refused header is tried no more than once", async () => {
  const { server, upstreams } = await start(
    modern((asked, response) => {
      if (asked.method !== "tools/list") return sendJson(response, error(asked.id, -32020), 400);
      const tool = '{"name":"t","inputSchema":{"type":"object"}}';
      sendJson(response, result(asked.id, `{"tools":[${tool}]}`));
    }),
  );
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toBe("error -32020 no");
  expect(server.methods().filter((method) => method === "tools/call")).toHaveLength(2);
});

test("a refused version is negotiated again once", async () => {
  let refuse = true;
  const { server, upstreams } = await start(
    modern((asked, response) => {
      if (!refuse) return fine(asked, response);
      refuse = false;
      sendJson(response, error(asked.id, -32022, '{"supported":["2026-07-28"]}'), 400);
    }),
  );
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toContain("complete");
  expect(server.methods()).toEqual([
    "server/discover",
    "tools/call",
    "server/discover",
    "tools/call",
  ]);
});

test.each([
  [
    "a result that requires input",
    (id: number) => result(id, '{"resultType":"input_required","inputRequests":{}}'),
  ],
  ["a missing capability", (id: number) => error(id, -32021)],
  ["a URL elicitation", (id: number) => error(id, -32042)],
  [
    "a request of its own",
    () => '{"jsonrpc":"2.0","id":9,"method":"sampling/createMessage","params":{}}',
  ],
])("a modern upstream that answers with %s ends the exchange as INPUT_DENIED", async (_, body) => {
  const { upstreams } = await start(
    modern(({ id }, response) => sendEvents(response, body(id), result(id, "{}"))),
  );
  expect((await collect(upstreams.the("it"), callTool("t"))).map(shown)).toEqual(["INPUT_DENIED"]);
});

test.each([
  ['{"inputRequests":{"a":{"method":"roots/list"}}}', "INPUT_DENIED"],
  ['{"resultType":"complete","inputRequests":{}}', "INPUT_DENIED"],
  ['{"resultType":"Input_Required","inputRequests":{}}', "INPUT_DENIED"],
  ['{"resultType":"input_required"}', "UPSTREAM_INVALID"],
  ['{"resultType":"Input_Required"}', "UPSTREAM_INVALID"],
  ['{"resultType":"task"}', "UPSTREAM_INVALID"],
  ['{"resultType":["input_required"]}', "UPSTREAM_INVALID"],
  ['{"resultType":null}', "UPSTREAM_INVALID"],
])("the result %s ends the exchange as %s, in both eras", async (text, code) => {
  for (const era of [modern, legacy]) {
    const { upstreams } = await start(
      era(({ id }, response) => sendJson(response, result(id, text))),
    );
    expect((await collect(upstreams.the("it"), callTool("t"))).map(shown)).toEqual([code]);
  }
});

test("a legacy upstream's own requests are refused, and a ping is answered", async () => {
  let pending: (() => void) | undefined;
  const replies: string[] = [];
  const { upstreams } = await start((asked, response) => {
    if (asked.body.includes('"id":"q')) {
      replies.push(asked.body);
      response.writeHead(202).end();
      if (replies.length === 2) pending?.();
      return;
    }
    legacy(({ id }, response) => {
      startEvents(response);
      response.write('data: {"jsonrpc":"2.0","id":"q1","method":"ping"}\n\n');
      response.write(
        'data: {"jsonrpc":"2.0","id":"q2","method":"elicitation/create","params":{}}\n\n',
      );
      pending = () => response.end(`data: ${result(id, '{"content":[]}')}\n\n`);
    })(asked, response);
  });
  expect((await collect(upstreams.the("it"), callTool("t"))).map(shown)).toEqual([
    '{"content":[],"resultType":"complete"}',
  ]);
  expect(replies.sort()).toEqual([
    '{"jsonrpc":"2.0","id":"q1","result":{}}',
    '{"jsonrpc":"2.0","id":"q2","error":{"code":-32601,"message":"Method not found"}}',
  ]);
});

test("leaving a legacy call cancels it, leaving a modern one closes its stream", async () => {
  for (const [era, cancels] of [
    [legacy, 1],
    [modern, 0],
  ] as const) {
    const { server, upstreams } = await start(
      era((_, response) => {
        startEvents(response);
        response.write(": waiting\n\n");
      }),
    );
    const gone = new AbortController();
    const done = collect(upstreams.the("it"), callTool("t"), gone.signal);
    await eventually(() => server.methods().includes("tools/call"));
    const { id } = server.asked.at(-1)!;
    gone.abort();
    expect((await done).map(shown)).toEqual(["UPSTREAM_UNAVAILABLE"]);
    const cancelled = () =>
      server.asked.filter(({ method }) => method === "notifications/cancelled");
    await eventually(() => cancelled().length === cancels);
    if (cancels > 0) expect(cancelled()[0]!.params).toBe(`{"requestId":${id}}`);
    await eventually(() => server.busy() === 0);
  }
});

test("a call ends when no message comes within timeoutMs, however many bytes drip in", async () => {
  const clock = createFakeClock();
  const drip: NodeJS.Timeout[] = [];
  const { server, upstreams } = await start(
    modern((_, response) => {
      startEvents(response);
      drip.push(setInterval(() => response.write(":\n\n"), 5));
    }),
    { timeoutMs: 60_000 },
    { clock },
  );
  closers.unshift(async () => drip.forEach((timer) => clearInterval(timer)));
  const done = ask(upstreams.the("it"), callTool("t"));
  await eventually(() => server.methods().includes("tools/call"));
  await clock.advance(59_000);
  await clock.advance(2_000);
  expect(shown(await done)).toBe("UPSTREAM_TIMEOUT");
});

test("progress keeps a call alive until deadlineMs", async () => {
  const clock = createFakeClock();
  let write = () => {};
  const { server, upstreams } = await start(
    modern(({ params }, response) => {
      const token = /"progressToken":(\d+)/.exec(params)?.[1];
      startEvents(response);
      write = () =>
        void response.write(
          `data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":${token}}}\n\n`,
        );
    }),
    { timeoutMs: 1_000, deadlineMs: 3_000 },
    { clock },
  );
  const seen: string[] = [];
  const run = async () => {
    const asked = request("tools/call", '{"name":"t","_meta":{"progressToken":1}}');
    for await (const message of upstreams.the("it").send(asked, never)) seen.push(shown(message));
  };
  const done = run();
  await eventually(() => server.methods().includes("tools/call"));
  for (let i = 1; i <= 4; i++) {
    write();
    await eventually(() => seen.length === i);
    await clock.advance(i < 4 ? 900 : 400);
  }
  await done;
  expect(seen.at(-1)).toBe("UPSTREAM_TIMEOUT");
  expect(seen).toHaveLength(5);
});

test("close ends calls, sessions and connections", async () => {
  const { server, upstreams } = await start(
    legacy((_, response) => {
      startEvents(response);
      response.write(":\n\n");
    }),
  );
  const done = ask(upstreams.the("it"), callTool("t"));
  await eventually(() => server.methods().includes("tools/call"));
  await upstreams.close();
  expect(shown(await done)).toBe("UPSTREAM_UNAVAILABLE");
  expect(server.methods()).toContain("DELETE");
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toBe("UPSTREAM_UNAVAILABLE");
});
