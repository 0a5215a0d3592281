/** Servers that ask (U5, J9): what nobody caused or granted, what is granted, and to whom it goes. */

import { afterEach, describe, expect, test } from "vitest";
import { allowAll, authA, authB, tokenA, tokenB } from "../e2e/gateway.ts";
import { error, result, sendEvents, sendJson, startEvents } from "../upstreams/fake-server.ts";
import {
  type AskingServer,
  type CallAct,
  type Json,
  askingCall,
  done,
  event,
  eventually,
  everything,
  form,
  formQuestion,
  legacyClient,
  modernClient,
  question,
  readStream,
  startLegacy,
  startModern,
} from "./dialogue.ts";
import { type Stand, openStand, plenty } from "./stand.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface Settings {
  readonly input?: readonly string[];
  readonly upstream?: object;
  readonly client?: object;
}
async function openBefore(upstream: object, settings: Settings = {}): Promise<Stand> {
  const { input = [], client } = settings;
  const stand = await openStand({
    config: (echo) => ({
      upstreams: {
        x: { ...upstream, ...settings.upstream } as { url: string },
        echo: { url: echo },
      },
      clients: {
        a: {
          auth: authA,
          allow: { ...allowAll, input: input as "sampling"[] },
          rate: plenty,
          ...client,
        },
        b: { auth: authB, allow: { ...allowAll, input: input as "sampling"[] }, rate: plenty },
      },
    }),
  });
  ends.push(stand.close);
  return stand;
}
/** A stand before a server whose calls do this; `server` is there when the first call comes. */
async function openAsking(
  start: typeof startLegacy | typeof startModern,
  act: (server: () => AskingServer) => CallAct,
  settings: Settings = {},
): Promise<{ stand: Stand; server: AskingServer; url: string }> {
  const holder: { server?: AskingServer } = {};
  const server = await start((...called) => act(() => holder.server!)(...called));
  holder.server = server;
  ends.push(server.close);
  const stand = await openBefore({ url: server.url, timeoutMs: 5_000 }, settings);
  return { stand, server, url: `${stand.url}/mcp/x` };
}

const url = (address: unknown): Json => ({
  mode: "url",
  message: "Visit",
  elicitationId: "e",
  url: address,
});
const sampling = { messages: [], maxTokens: 1 };
/** Addresses that a person must not be sent to. */
const pages: readonly unknown[] = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "java\nscript:alert(1)",
  "\u0001javascript:alert(1)",
  "http://example.com/",
  "file:///etc/passwd",
  "data:text/html,<script>1</script>",
  "vbscript:x",
  "blob:https://example.com/1",
  "view-source:https://example.com",
  "//example.com/",
  "https:",
  "https://",
  "",
  null,
  1,
  ["https://example.com/"],
];
/** What no policy grants. */
const never: readonly (readonly [method: string, params: Json | string])[] = [
  ["elicitation/create", { ...form, mode: ["url"] }],
  ["elicitation/create", { ...form, mode: ["form"] }],
  ["elicitation/create", { ...form, mode: "FORM" }],
  ["elicitation/create", { ...form, mode: null }],
  ["elicitation/create", { ...form, mode: "__proto__" }],
  ["elicitation/create", { ...form, mode: "form ", url: "javascript:1" }],
  ["elicitation/create", '{"mode":"form","Mode":"url","url":"javascript:1"}'],
  ["elicitation/create", '{"mode":"form","URL":"javascript:1"}'],
  ["Elicitation/Create", form],
  ["elicitation/create ", form],
  ["sampling/createmessage", sampling],
  ["sampling", sampling],
  ["roots/list\u0000", {}],
  ["__proto__", {}],
  ["constructor", {}],
  ["toString", {}],
  ["tools/call", { name: "t" }],
  ["tools/list", {}],
  ["initialize", {}],
  ["x".repeat(10_000), {}],
  ...pages.map((page) => ["elicitation/create", url(page)] as const),
];
/** What a policy may grant. */
const grantable: readonly (readonly [method: string, params: Json, kind: string])[] = [
  ["elicitation/create", form, "elicitation:form"],
  ["elicitation/create", url("https://example.com/"), "elicitation:url"],
  ["sampling/createMessage", sampling, "sampling"],
  ["roots/list", {}, "roots"],
];
const all = ["elicitation", "sampling", "roots"];
const refusedOf = (id: unknown): object => ({
  jsonrpc: "2.0",
  id,
  error: { code: -32601, message: "Method not found" },
});

describe("U5 a legacy server's request that is not granted is refused, and no client sees it:", () => {
  const wishes = [
    ...never.map(([method, params]) => [method, params, all] as const),
    ...grantable.map(([method, params, kind]) => {
      const others = grantable.map(([, , each]) => each).filter((each) => each !== kind);
      return [method, params, others] as const;
    }),
  ];
  const texts = (id: string): string[] =>
    never.map(([method, params], at) => question(`${id}-${at}`, method, params));

  test("on the stream of a call", async () => {
    const { server, url } = await openAsking(
      startLegacy,
      (server) =>
        askingCall(
          server,
          never.slice(0, 15).map(
            ([method, params]) =>
              (id: string) =>
                question(id, method, params),
          ),
        ),
      { input: all },
    );
    const answer = await modernClient(url).call();
    expect(answer.json().result).toMatchObject(JSON.parse(done) as object);
    const legacy = await legacyClient(url);
    expect(await (await legacy.call()).body()).not.toMatch(/mcp-gw-|elicitation|sampling/);
    expect(server.answered).toHaveLength(30);
    for (const each of server.answered) expect(each).toEqual(refusedOf(each.id));
  });

  const titled = wishes.map(
    (wish) => [JSON.stringify(wish.slice(0, 2)).slice(0, 80), ...wish] as const,
  );
  test.each(titled)("%s beside its call", async (_, method, params, input) => {
    const { server, url } = await openAsking(
      startLegacy,
      (server) => askingCall(server, [(id) => question(id, method, params)]),
      { input },
    );
    const answer = await modernClient(url).call();
    expect(answer.json().result).toMatchObject(JSON.parse(done) as object);
    expect(server.answered).toEqual([refusedOf(server.answered[0]?.id)]);
  });

  test("on a stream of its own, while a call runs and while none does", async () => {
    const { server, url } = await openAsking(
      startLegacy,
      () => (asked, response) => {
        if (asked.params.includes("quick")) sendJson(response, result(asked.id, done));
        else {
          startEvents(response);
          setTimeout(() => response.end(event(result(asked.id, done))), 300);
        }
      },
      { input: all },
    );
    const client = await legacyClient(url);
    const stream = readStream(await client.get());
    await (await client.call("t", 1, { arguments: { quick: 1 } })).body();
    await eventually(() => server.standing() > 0);
    for (const text of [...texts("n"), formQuestion("granted")].slice(-12)) server.tell(text);
    await eventually(() => server.answered.length >= 12);
    const slow = client.call("t", 2);
    await eventually(() => server.calls.length === 2);
    for (const text of texts("c").slice(0, 12)) server.tell(text);
    await eventually(() => server.answered.length >= 24);
    expect(await (await slow).body()).not.toContain("mcp-gw-");
    for (const each of server.answered) expect(each).toEqual(refusedOf(each.id));
    await client.end();
    expect(await stream.rest()).toEqual([]);
  });
});

test("U5 a client that declares nothing is asked nothing, whatever is granted", async () => {
  const asks = grantable.map(
    ([method, params]) =>
      (id: string) =>
        question(id, method, params),
  );
  const { server, url } = await openAsking(startLegacy, (server) => askingCall(server, asks), {
    input: all,
  });
  const answer = await modernClient(url, { capabilities: {} }).call();
  expect(answer.json().result).toMatchObject(JSON.parse(done) as object);
  const legacy = await legacyClient(url, { capabilities: {} });
  expect(await (await legacy.call()).body()).not.toContain("mcp-gw-");
  for (const each of server.answered) expect(each).toEqual(refusedOf(each.id));
  expect(server.answered).toHaveLength(8);
});

describe("U5 a modern server's result that asks ends the exchange:", () => {
  const asked = (requests: string, more = ""): string =>
    `{"resultType":"input_required","inputRequests":${requests}${more}}`;
  const one = (method: string, params: Json | string): string =>
    `{"k":{"method":${JSON.stringify(method)},"params":${typeof params === "string" ? params : JSON.stringify(params)}}}`;
  const many = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, at) => [`k${at}`, { method: "roots/list" }]),
  );
  const cases: readonly (readonly [what: string, text: string, code: string])[] = [
    ...never.map(
      ([method, params]) =>
        [
          `${method.slice(0, 40)} ${JSON.stringify(params).slice(0, 60)}`,
          asked(one(method, params)),
          "INPUT_DENIED",
        ] as const,
    ),
    [
      "one bad question among good ones",
      asked(`{"a":{"method":"roots/list"},"b":{"method":"x"}}`),
      "INPUT_DENIED",
    ],
    ["10,000 keys", asked(JSON.stringify(many)), "INPUT_DENIED"],
    ["no keys", asked("{}"), "INPUT_DENIED"],
    ["a list of questions", asked('[{"method":"roots/list"}]'), "INPUT_DENIED"],
    ["null", asked("null"), "INPUT_DENIED"],
    ["a question that is a string", asked('{"k":"roots/list"}'), "INPUT_DENIED"],
    ["a method that is a list", asked('{"k":{"method":["roots/list"]}}'), "INPUT_DENIED"],
    ["a method twice folded", asked('{"k":{"method":"roots/list","Method":"x"}}'), "INPUT_DENIED"],
    ["neither question nor state", '{"resultType":"input_required"}', "UPSTREAM_INVALID"],
    [
      "a requestState of 1 MB",
      asked(one("roots/list", {}), `,"requestState":"${"s".repeat(1e6)}"`),
      "UPSTREAM_INVALID",
    ],
    [
      "a requestState that is a number",
      asked(one("roots/list", {}), ',"requestState":1'),
      "UPSTREAM_INVALID",
    ],
    [
      "a complete result that asks",
      `{"content":[],"resultType":"complete","inputRequests":${one("roots/list", {})}}`,
      "INPUT_DENIED",
    ],
    [
      "a result without a type that asks",
      `{"content":[],"inputRequests":${one("roots/list", {})}}`,
      "INPUT_DENIED",
    ],
    [
      "keys for readers that fold case",
      `{"content":[],"ResultType":"input_required","inputrequests":${one("roots/list", {})}}`,
      "INPUT_DENIED",
    ],
    [
      "keys that fold by Unicode",
      `{"content":[],"re\u017fultType":"input_required","inputReque\u017fts":{}}`,
      "INPUT_DENIED",
    ],
    ["an unknown type", '{"content":[],"resultType":"INPUT_REQUIRED"}', "UPSTREAM_INVALID"],
    ["a type that is a list", '{"content":[],"resultType":["input_required"]}', "UPSTREAM_INVALID"],
  ];

  test("none of them reaches a client of either era", async () => {
    const texts = new Map<string, string>();
    const { url } = await openAsking(
      startModern,
      () =>
        ({ id, params }, response) => {
          const at = /"case":"(\d+)"/.exec(params)?.[1] ?? "";
          sendJson(response, result(id, texts.get(at)!));
        },
      { input: all },
    );
    const modern = modernClient(url);
    const legacy = await legacyClient(url);
    for (const [at, [what, text, code]] of cases.entries()) {
      texts.set(String(at), text);
      const args = { arguments: { case: String(at) } };
      const answer = await modern.call("t", args);
      expect([what, answer.json().error?.data.code, answer.text.length < 400]).toEqual([
        what,
        code,
        true,
      ]);
      const body = await (await legacy.call("t", 1, args)).body();
      expect([what, body]).toEqual([what, expect.stringContaining(`"${code}"`)]);
      expect(body).not.toContain("mcp-gw-");
    }
  }, 60_000);

  test("nor does a question on another method, or a request of its own", async () => {
    const { url } = await openAsking(
      startModern,
      () =>
        ({ id, params }, response) => {
          if (params.includes("own")) sendEvents(response, formQuestion("q"), result(id, done));
          else sendJson(response, result(id, asked(one("roots/list", {}))));
        },
      { input: all },
    );
    const client = modernClient(url);
    const completing = {
      ref: { type: "ref/prompt", name: "p" },
      argument: { name: "a", value: "" },
    };
    const codes = [
      await client.call("t", { arguments: { own: 1 } }),
      await client.ask("completion/complete", completing),
    ].map((each) => each.json().error?.data.code);
    expect(codes[0]).toBe("INPUT_DENIED");
    expect(codes[1]).not.toBeUndefined();
  });
});

describe("U5 -32042", () => {
  const pagesError = (elicitations: unknown): string => JSON.stringify({ elicitations });
  const cases: readonly (readonly [what: string, data: string])[] = [
    ...pages.map((page) => [JSON.stringify(page), pagesError([url(page)])] as const),
    ["one bad page among good ones", pagesError([url("https://example.com/"), url("http://a/")])],
    ["no page", pagesError([])],
    ["no list", pagesError(url("https://example.com/"))],
    ["pages that are strings", pagesError(["https://example.com/"])],
    ["nothing", "null"],
    [
      "a page in the wrong case",
      '{"elicitations":[{"mode":"url","url":"https://a/","URL":"javascript:1"}]}',
    ],
  ];

  test.each([startLegacy, startModern])(
    "sends nobody to a page that is not https (%#)",
    async (start) => {
      const data = new Map<string, string>();
      const { url } = await openAsking(
        start,
        () =>
          ({ id, params }, response) =>
            sendJson(
              response,
              error(id, -32042, data.get(/"case":"(\d+)"/.exec(params)?.[1] ?? "")),
            ),
        { input: all },
      );
      const modern = modernClient(url);
      const legacy = await legacyClient(url);
      for (const [at, [what, text]] of cases.entries()) {
        data.set(String(at), text);
        const args = { arguments: { case: String(at) } };
        const texts = [
          (await modern.call("t", args)).text,
          await (await legacy.call("t", 1, args)).body(),
        ];
        for (const each of texts) {
          expect([what, each]).toEqual([what, expect.stringContaining("INPUT_DENIED")]);
          expect(each).not.toMatch(/script:|elicitations|-32042/);
        }
      }
    },
  );
});

describe("U5 thousands of requests", () => {
  /** Another client and upstream are served meanwhile, and memory is bounded. */
  async function withoutHarm(stand: Stand, act: () => Promise<unknown>): Promise<void> {
    const before = process.memoryUsage().rss;
    const echo = modernClient(`${stand.url}/mcp/echo`, { token: tokenB });
    const round = { isOver: false };
    const acting = act().finally(() => {
      round.isOver = true;
    });
    let slowest = 0;
    while (!round.isOver) {
      const from = performance.now();
      expect((await echo.call("echo")).status).toBe(200);
      slowest = Math.max(slowest, performance.now() - from);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await acting;
    expect(slowest).toBeLessThan(2_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
  }
  const flood = (method: string, params: Json): string =>
    Array.from({ length: 20_000 }, (_, at) => event(question(at, method, params))).join("");

  test.each([
    ["unknown", "tools/call", {}],
    ["refused", "sampling/createMessage", sampling],
    ["granted", "elicitation/create", form],
  ])("on the stream of a call end it: %s", async (_, method, params) => {
    const { stand, url, server } = await openAsking(
      startLegacy,
      () => (_, response) => {
        startEvents(response);
        response.write(flood(method, params));
      },
      { input: ["elicitation:form"] },
    );
    await withoutHarm(stand, async () => {
      const client = modernClient(url);
      const answer = await client.call();
      const { result, error } = answer.json();
      // The client is asked for what is granted, sixteen things at once, and no more.
      const asked = Object.keys((result?.["inputRequests"] ?? {}) as object);
      expect(error === undefined ? asked.length : error.data.code).toSatisfy(
        (end) => end === 16 || end === "UPSTREAM_INVALID",
      );
    });
    expect(server.answered.length).toBeLessThan(2_000);
  });

  test("on a stream of its own leave the gateway as it is", async () => {
    const { stand, url, server } = await openAsking(
      startLegacy,
      () =>
        ({ id }, response) =>
          sendJson(response, result(id, done)),
      { input: ["sampling"] },
    );
    const client = await legacyClient(url);
    const stream = readStream(await client.get());
    await eventually(() => server.standing() > 0);
    await withoutHarm(stand, async () => {
      for (let at = 0; at < 20_000; at++) server.tell(formQuestion(at));
      expect(await (await client.call()).body()).toContain("done");
    });
    await stream.leave();
    expect(await (await client.call("t", 2)).body()).toContain("done");
  });

  test("as log messages and changes are cut to what a client may get", async () => {
    const log = event(
      '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}',
    );
    const { stand, url, server } = await openAsking(
      startLegacy,
      () =>
        ({ id }, response) => {
          startEvents(response);
          response.end(log.repeat(50_000) + event(result(id, done)));
        },
      { client: { maxResponseBytes: 100_000 } },
    );
    await withoutHarm(stand, async () => {
      const client = await legacyClient(url);
      const text = await (await client.call()).body();
      expect(text).toContain("RESPONSE_TOO_LARGE");
      expect(text.length).toBeLessThan(500_000);
      const stream = readStream(await client.get());
      await eventually(() => server.standing() > 0);
      const change = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';
      for (let at = 0; at < 20_000; at++) server.tell(change);
      // The list is what it was, so nobody is told anything.
      await client.end();
      expect(await stream.rest()).toEqual([]);
    });
    expect((await stand.trace()).length).toBeLessThan(5_000_000);
  }, 60_000);

  test("of a process are refused, and its calls go on", async () => {
    const script = `
      const write = (m) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...m }) + "\\n");
      let answers = 0;
      require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
        const m = JSON.parse(line);
        if (m.method === undefined) return void answers++;
        if (m.method === "server/discover") return write({ id: m.id, error: { code: -32601, message: "no" } });
        if (m.method === "initialize") return write({ id: m.id, result: { protocolVersion: "2025-06-18", capabilities: { tools: {} } } });
        if (m.method === "tools/list") return write({ id: m.id, result: { tools: [{ name: "t", inputSchema: { type: "object" } }] } });
        if (m.method !== "tools/call") return m.id === undefined ? undefined : write({ id: m.id, result: {} });
        for (let i = 0; i < 20000; i++) write({ id: "q" + i, method: i % 2 ? "sampling/createMessage" : "x/y", params: {} });
        setTimeout(() => write({ id: m.id, result: { content: [{ type: "text", text: "done " + (answers > 0) }] } }), 200);
      });`;
    const stand = await openBefore(
      { command: process.execPath, args: ["-e", script], timeoutMs: 10_000 },
      { input: ["elicitation:form"] },
    );
    await withoutHarm(stand, async () => {
      const client = modernClient(`${stand.url}/mcp/x`);
      for (let turn = 0; turn < 2; turn++) {
        expect((await client.call()).text).toContain("done true");
      }
    });
    expect((await stand.trace()).length).toBeLessThan(1_000_000);
  }, 60_000);
});

test("J9 a question goes to the client whose call it belongs to, whoever else calls", async () => {
  const { url } = await openAsking(
    startLegacy,
    (server) => (asked, response, session) => {
      const who = /"who":"(\w+)"/.exec(asked.params)?.[1] ?? "";
      const ask = (id: string): string =>
        question(id, "elicitation/create", { ...form, message: who });
      askingCall(server, [ask])(asked, response, session);
    },
    { input: ["elicitation:form"] },
  );
  const callers = await Promise.all(
    [tokenA, tokenB, tokenA, tokenB].map((token) => legacyClient(url, { token })),
  );
  await Promise.all(
    callers.map(async (client, at) => {
      const stream = await client.call("t", 1, { arguments: { who: `caller${at}` } });
      const asked = await stream.next();
      expect(asked?.["params"]).toMatchObject({ message: `caller${at}` });
      await client.send({ jsonrpc: "2.0", id: asked?.id, result: { action: "decline" } });
      expect(await stream.rest()).toHaveLength(1);
    }),
  );
});

test("J9 a session with a server is of one client, and of calls that declare the same", async () => {
  const byMark = new Map<string, Set<string>>();
  const { server, url } = await openAsking(
    startLegacy,
    () =>
      ({ id, params }, response, session) => {
        const mark = /"mark":"([^"]+)"/.exec(params)?.[1] ?? "";
        byMark.set(session, (byMark.get(session) ?? new Set()).add(mark));
        sendJson(response, result(id, done));
      },
    { input: all },
  );
  const variety = [{}, { roots: {} }, { sampling: {} }, { sampling: { tools: {} } }, everything];
  for (let turn = 0; turn < 2; turn++) {
    for (const token of [tokenA, tokenB]) {
      for (const capabilities of variety) {
        const mark = `${token === tokenA ? "a" : "b"} ${variety.indexOf(capabilities)}`;
        const args = { arguments: { mark } };
        await modernClient(url, { token, capabilities }).call("t", args);
        await (await (await legacyClient(url, { token, capabilities })).call("t", 1, args)).body();
      }
    }
  }
  expect(byMark.size).toBe(10);
  for (const marks of byMark.values()) expect(marks.size).toBe(1);
  expect(server.told).toHaveLength(10);
});

test("J9 a client that declares ever new things ends sessions of its own alone", async () => {
  const { server, url } = await openAsking(startLegacy, () => ({ id }, response) => {
    sendJson(response, result(id, done));
  });
  const theirs = modernClient(url, { token: tokenB });
  await theirs.call();
  for (let count = 0; count < 300; count++) {
    const extensions = { "io.modelcontextprotocol/ui": { count } };
    await modernClient(url, { capabilities: { extensions } }).call();
  }
  const before = server.told.length;
  await theirs.call();
  expect(server.told).toHaveLength(before);
  expect(server.sessions.size).toBeLessThanOrEqual(20);
}, 30_000);

test("J9 nor does it end, or use up, the processes of others", async () => {
  const script = `
    const write = (m) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...m }) + "\\n");
    require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
      const m = JSON.parse(line);
      if (m.method === "server/discover") write({ id: m.id, error: { code: -32601, message: "no" } });
      if (m.method === "initialize") write({ id: m.id, result: { protocolVersion: "2025-06-18", capabilities: { tools: {} } } });
      if (m.method === "tools/list") write({ id: m.id, result: { tools: [{ name: "t", inputSchema: { type: "object" } }] } });
      if (m.method !== "tools/call" || m.params.arguments.slow) return;
      write({ id: m.id, result: { content: [{ type: "text", text: "process " + process.pid }] } });
    });`;
  const upstream = { command: process.execPath, args: ["-e", script], timeoutMs: 5_000 };
  const stand = await openBefore(upstream);
  const url = `${stand.url}/mcp/x`;
  const theirs = async (): Promise<unknown> =>
    (await modernClient(url, { token: tokenB }).call()).json().result?.content;
  const mine = (count: number, slow: number): Promise<{ readonly text: string }> => {
    const extensions = { "io.modelcontextprotocol/ui": { count } };
    return modernClient(url, { capabilities: { extensions } }).call("t", { arguments: { slow } });
  };
  const before = await theirs();
  expect(JSON.stringify(before)).toContain("process");
  for (let count = 0; count < 17; count++) await mine(count, 0);
  expect(await theirs()).toEqual(before);
  const slow = Promise.all(Array.from({ length: 17 }, (_, count) => mine(100 + count, 1)));
  await eventually(async () => (await mine(200, 0)).text.includes("UPSTREAM_UNAVAILABLE"));
  expect(await theirs()).toEqual(before);
  await slow;
}, 60_000);

describe("U5 what a server is told of a client is what it declares and the policy grants:", () => {
  const declared = [
    {},
    { elicitation: {} },
    { elicitation: { form: {} } },
    { elicitation: { url: {} } },
    { elicitation: { form: {}, url: {} } },
    { elicitation: true, sampling: null, roots: [] },
    { sampling: {}, roots: { listChanged: true } },
    { sampling: { tools: {}, context: {}, evil: {} }, experimental: { x: {} }, tasks: {}, __x: 1 },
    everything,
  ];
  const grants = [
    [],
    ["elicitation"],
    ["elicitation:form"],
    ["elicitation:url"],
    ["sampling"],
    ["roots"],
    all,
    ["other/sampling"],
  ];
  /** As the specification has it. */
  const cut = (capabilities: Json, granted: readonly string[]): Json => {
    const may = (kind: string): boolean =>
      granted.includes(kind) || granted.includes(kind.split(":")[0]!);
    const isObject = (value: unknown): value is Json =>
      typeof value === "object" && value !== null && !Array.isArray(value);
    const { elicitation, sampling, roots } = capabilities;
    const modes: Record<string, unknown> = {};
    if (isObject(elicitation)) {
      const isPlain = Object.keys(elicitation).length === 0;
      if (may("elicitation:form") && (isPlain || "form" in elicitation)) modes["form"] = {};
      if (may("elicitation:url") && "url" in elicitation) modes["url"] = {};
    }
    const ways = isObject(sampling)
      ? Object.keys(sampling).filter((way) => way === "tools" || way === "context")
      : [];
    return {
      ...(Object.keys(modes).length > 0 ? { elicitation: modes } : {}),
      ...(isObject(sampling) && may("sampling")
        ? { sampling: Object.fromEntries(ways.map((way) => [way, {}])) }
        : {}),
      ...(isObject(roots) && may("roots") ? { roots: {} } : {}),
    };
  };

  test.each(grants.map((each) => [each] as const))("%j", async (input) => {
    const settings = { input };
    const plain =
      (): CallAct =>
      ({ id }, response) =>
        sendJson(response, result(id, done));
    const stands = [
      await openAsking(startLegacy, plain, settings).catch(() => undefined),
      await openAsking(startModern, plain, settings).catch(() => undefined),
    ];
    for (const [at, opened] of stands.entries()) {
      // A grant of an upstream that is not there is a fault of the config.
      if (opened === undefined) {
        expect(input).toEqual(["other/sampling"]);
        continue;
      }
      const { server, url } = opened;
      for (const capabilities of declared) {
        const wanted = cut(capabilities, input);
        for (const call of [
          async () => void (await modernClient(url, { capabilities }).call()),
          async () =>
            void (await (await (await legacyClient(url, { capabilities })).call()).body()),
        ]) {
          await call();
          const told = server.told.map((text) => JSON.parse(text) as Json);
          const seen = at === 0 ? told.map((each) => each["capabilities"]) : told.slice(-1);
          expect(seen).toContainEqual(wanted);
          for (const each of seen)
            expect(declared.map((one) => cut(one, input))).toContainEqual(each);
        }
      }
    }
  });
});

describe("J9 progress", () => {
  const progress = (token: unknown): string =>
    `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${JSON.stringify(token)},"progress":1}}`;

  test.each([[7], ["seven"]])(
    "comes under the token of the call alone, and as %j",
    async (token) => {
      const seen: unknown[] = [];
      const { server, url } = await openAsking(
        startLegacy,
        () =>
          ({ id, params }, response) => {
            const { _meta } = JSON.parse(params) as { _meta?: { progressToken?: unknown } };
            const own = _meta?.progressToken;
            seen.push(own);
            const other = typeof own === "number" ? String(own) : Number(id);
            const wrong = [
              other,
              token,
              id + 1,
              id - 1,
              1,
              "1",
              null,
              [own],
              { own },
              "__proto__",
              "",
            ];
            for (const each of [...wrong, own]) server.tell(progress(each));
            startEvents(response);
            for (const each of [...wrong, own]) response.write(event(progress(each)));
            setTimeout(() => response.end(event(result(id, done))), 100);
          },
        { input: all },
      );
      const client = await legacyClient(url);
      const stream = readStream(await client.get());
      const theirs = await legacyClient(url, { token: tokenB });
      await eventually(() => server.standing() > 0);
      const call = (one: typeof client) =>
        one.call("t", 1, { _meta: { progressToken: token } }).then((each) => each.rest());
      const [mine, others] = await Promise.all([call(client), call(theirs)]);
      for (const messages of [mine, others]) {
        const told = messages.filter(({ method }) => method === "notifications/progress");
        expect(told.length).toBeGreaterThan(0);
        expect(told.length).toBeLessThanOrEqual(4);
        for (const { params } of told)
          expect(params).toEqual({ progressToken: token, progress: 1 });
      }
      expect(new Set(seen.map((each) => typeof each))).toEqual(new Set([typeof token]));
      expect(new Set(seen).size).toBe(2);
      await client.end();
      expect(await stream.rest()).toEqual([]);
    },
  );
});

describe("D1 a secret goes to no client", () => {
  const secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
  const asks: readonly (readonly [what: string, method: string, params: Json])[] = [
    ["the message of a form", "elicitation/create", { ...form, message: `Is it ${secret}?` }],
    [
      "the schema of a form",
      "elicitation/create",
      {
        ...form,
        requestedSchema: {
          type: "object",
          properties: {
            a: { type: "string", default: secret, description: secret, title: secret },
          },
        },
      },
    ],
    [
      "the message about a page",
      "elicitation/create",
      { ...url("https://example.com/"), message: secret },
    ],
    ["the address of a page", "elicitation/create", url(`https://example.com/?t=${secret}`)],
    [
      "a prompt",
      "sampling/createMessage",
      {
        ...sampling,
        systemPrompt: secret,
        messages: [{ role: "user", content: { type: "text", text: secret } }],
      },
    ],
    [
      "metadata of a prompt",
      "sampling/createMessage",
      { ...sampling, metadata: { deep: [secret] }, stopSequences: [secret] },
    ],
    ["_meta", "roots/list", { _meta: { note: secret } }],
    ["an unknown member", "elicitation/create", { ...form, more: { a: [secret] } }],
  ];

  test.each(asks)("in %s", async (_, method, params) => {
    const text = JSON.stringify({
      resultType: "input_required",
      inputRequests: { k: { method, params } },
      requestState: `state ${secret}`,
    });
    const servers = [
      await openAsking(
        startLegacy,
        (server) => askingCall(server, [(id) => question(id, method, params)]),
        { input: all },
      ),
      await openAsking(
        startModern,
        () =>
          ({ id }, response) =>
            sendJson(response, result(id, text)),
        { input: all },
      ),
    ];
    for (const { url, stand } of servers) {
      const modern = await modernClient(url).call();
      expect(modern.json().result?.["resultType"]).toBe("input_required");
      expect(modern.text).not.toContain(secret);
      const client = await legacyClient(url);
      const stream = await client.call();
      expect((await stream.next())?.["method"]).toBe(method);
      expect(stream.text()).not.toContain(secret);
      await client.end();
      await stream.rest();
      await eventually(async () => (await stand.records()).length >= 4);
      expect(await stand.trace()).not.toContain(secret);
    }
  });

  test("in what a server logs, tells of its progress, or of a resource, on any stream", async () => {
    const { server, url } = await openAsking(
      startLegacy,
      () =>
        ({ id, params }, response) => {
          const { _meta } = JSON.parse(params) as { _meta?: { progressToken?: unknown } };
          const { progressToken } = _meta ?? {};
          const texts = [
            {
              method: "notifications/message",
              params: { level: "error", logger: secret, data: { a: [secret] } },
            },
            {
              method: "notifications/progress",
              params: { progressToken, progress: 1, message: secret },
            },
          ].map((each) => JSON.stringify({ jsonrpc: "2.0", ...each }));
          for (const each of texts) server.tell(each);
          startEvents(response);
          for (const each of texts) response.write(event(each));
          setTimeout(() => response.end(event(result(id, done))), 100);
        },
      { input: all },
    );
    const client = await legacyClient(url);
    const stream = readStream(await client.get());
    await eventually(() => server.standing() > 0);
    await client.send({
      jsonrpc: "2.0",
      id: 5,
      method: "resources/subscribe",
      params: { uri: "a:b" },
    });
    const called = await client.call("t", 1, { _meta: { progressToken: 1 } });
    const methods = (await called.rest()).map(({ method }) => method);
    expect(methods).toContain("notifications/message");
    expect(methods).toContain("notifications/progress");
    expect(called.text()).not.toContain(secret);
    const updated = { uri: "a:b", title: secret, _meta: { note: secret } };
    server.tell(
      JSON.stringify({
        jsonrpc: "2.0",
        method: "notifications/resources/updated",
        params: updated,
      }),
    );
    expect((await stream.next())?.["method"]).toBe("notifications/resources/updated");
    expect(stream.text()).not.toContain(secret);
    await client.end();
    await stream.rest();
  });
});

test("U5 a call that nobody answers for is cancelled at its server, however the client leaves it", async () => {
  const { server, url } = await openAsking(
    startLegacy,
    (server) => askingCall(server, [formQuestion]),
    {
      input: all,
    },
  );
  const calls = (): number => server.busy() - server.standing();
  const client = await legacyClient(url);
  const cancelled = await client.call("t", 1);
  await cancelled.next();
  await client.send({
    jsonrpc: "2.0",
    method: "notifications/cancelled",
    params: { requestId: 1 },
  });
  await cancelled.rest();
  await eventually(() => calls() === 0);
  const params = { name: "t", arguments: {} };
  const streamless = await client.send(
    { jsonrpc: "2.0", id: 2, method: "tools/call", params },
    { accept: "application/json" },
  );
  expect(await streamless.text()).toContain("INPUT_DENIED");
  await eventually(() => calls() === 0);
  const ended = await client.call("t", 3);
  await ended.next();
  await client.end();
  await ended.rest();
  await eventually(() => calls() === 0);
  for (const each of server.answered) expect(each).toHaveProperty("error");
});

test("U5 a server that is never content is asked eight times, and no more", async () => {
  const { server, url } = await openAsking(
    startModern,
    () =>
      ({ id }, response) =>
        sendJson(
          response,
          result(
            id,
            '{"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}}}',
          ),
        ),
    { input: all },
  );
  const client = await legacyClient(url);
  const stream = await client.call();
  let asked = 0;
  for (let one = await stream.next(); one !== undefined; one = await stream.next()) {
    if (one["method"] !== "roots/list") {
      expect(one).toMatchObject({ id: 1, error: { data: { code: "INPUT_DENIED" } } });
      continue;
    }
    asked++;
    await client.send({ jsonrpc: "2.0", id: one.id, result: { roots: [] } });
  }
  expect([asked, server.calls.length]).toEqual([8, 9]);
});

test("U5 a client that comes back for none of its waiting calls loses the oldest, and locks nobody out", async () => {
  const { url } = await openAsking(startLegacy, (server) => askingCall(server, [formQuestion]), {
    input: all,
  });
  const mine = modernClient(url);
  const states: string[] = [];
  for (let count = 0; count < 32; count++) {
    states.push(String((await mine.call()).json().result?.["requestState"]));
  }
  expect((await mine.call()).json().result?.["resultType"]).toBe("input_required");
  const theirs = await modernClient(url, { token: tokenB }).call();
  expect(theirs.json().result?.["resultType"]).toBe("input_required");
  const inputResponses = { "input-1": { action: "decline" } };
  const lost = await mine.call("t", { requestState: states[0], inputResponses });
  expect(lost.json().error?.data.code).toBe("UPSTREAM_UNAVAILABLE");
  const answered = await mine.call("t", { requestState: states[5], inputResponses });
  expect(answered.text).toContain("done");
});
