/** Handles (J7, J8): ids of sessions, events, states and questions in the wrong hands. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allowAll, authA, authB, modernRequest, post, tokenA, tokenB } from "../e2e/gateway.ts";
import { result, sendJson, startEvents } from "../upstreams/fake-server.ts";
import {
  type AskingServer,
  type Events,
  type Json,
  type LegacyClient,
  askingCall,
  done,
  event,
  eventually,
  form,
  formQuestion,
  legacyClient,
  modernClient,
  readStream,
  startLegacy,
  startModern,
} from "./dialogue.ts";
import { type Stand, openStand, plenty, withoutId } from "./stand.ts";

let legacy: AskingServer;
let modern: AskingServer;
let stand: Stand;
/** The gateway's clock is ahead of ours by so much. */
let aheadMs = 0;

const openOne = (): Promise<Stand> =>
  openStand({
    config: (echo) => ({
      upstreams: { old: { url: legacy.url }, new: { url: modern.url }, echo: { url: echo } },
      clients: {
        a: { auth: authA, allow: { ...allowAll, input: ["elicitation"] }, rate: plenty },
        b: { auth: authB, allow: { ...allowAll, input: ["elicitation"] }, rate: plenty },
      },
    }),
    ground: ({ clock }) => ({
      clock: {
        ...clock,
        now: () => clock.now() + aheadMs,
        elapsed: () => clock.elapsed() + aheadMs,
      },
    }),
  });

/** What a modern server asks and remembers; it ends when it is answered. */
const asking = JSON.stringify({
  resultType: "input_required",
  inputRequests: { who: { method: "elicitation/create", params: form } },
  requestState: "own-state",
});

beforeAll(async () => {
  legacy = await startLegacy((asked, response, session) => {
    if (asked.params.includes('"plain"')) return sendJson(response, result(asked.id, done));
    if (asked.params.includes('"two"')) {
      startEvents(response);
      for (const level of ["info", "error"]) {
        const params = { level, data: `said ${level}` };
        const told = { jsonrpc: "2.0", method: "notifications/message", params };
        response.write(event(JSON.stringify(told)));
      }
      return void response.end(event(result(asked.id, done)));
    }
    askingCall(() => legacy, [formQuestion])(asked, response, session);
  });
  modern = await startModern(({ id, params }, response) => {
    const isRetry = params.includes("own-state");
    const complete = `${done.slice(0, -1)},"resultType":"complete"}`;
    sendJson(response, result(id, isRetry ? complete : asking));
  });
  stand = await openOne();
});
afterAll(async () => {
  await stand.close();
  await Promise.all([legacy.close(), modern.close()]);
});

const old = (): string => `${stand.url}/mcp/old`;
const plain = {
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "t", arguments: { plain: 1 } },
};

const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** The token with each bit of each of its characters changed once. */
function flipped(token: string): readonly string[] {
  return [...token].flatMap((letter, at) =>
    letter === "."
      ? []
      : [1, 2, 4, 8, 16, 32].map((bit) => {
          const other = base64[base64.indexOf(letter) ^ bit];
          return token.slice(0, at) + other + token.slice(at + 1);
        }),
  );
}

interface Tried {
  readonly status: number;
  readonly text: string;
}
/** How a session id is answered on each road it can be presented on. */
async function present(session: string, token = tokenA): Promise<readonly Tried[]> {
  const own = { authorization: `Bearer ${token}`, accept: "application/json, text/event-stream" };
  const headers = { ...own, "mcp-session-id": session };
  const body = JSON.stringify(plain);
  const json = { ...headers, "content-type": "application/json" };
  const answers = [
    await fetch(old(), { method: "POST", headers: json, body }),
    await fetch(old(), { headers }),
    await fetch(old(), { method: "DELETE", headers }),
  ];
  return Promise.all(
    answers.map(async (answer) => ({
      status: answer.status,
      text: withoutId(await answer.text()),
    })),
  );
}

async function works(client: LegacyClient): Promise<boolean> {
  const answer = await client.send(plain);
  return (await answer.text()).includes('"text":"done"');
}

describe("J7 a session id that is not the caller's", () => {
  test("is unknown on every road, however it came about, and nobody's session suffers", async () => {
    const mine = await legacyClient(old());
    const theirs = await legacyClient(old(), { token: tokenB });
    expect([await works(mine), await works(theirs)]).toEqual([true, true]);
    const ended = await legacyClient(old());
    await ended.end();
    const { session } = mine;
    const [header, , ...rest] = session.split(".");
    const tried = [
      theirs.session,
      ended.session,
      session.slice(0, -1),
      session.slice(1),
      `${session}A`,
      `${session}=`,
      session.toLowerCase(),
      [header, "", ...rest.toReversed()].join("."),
      `${session}.${session}`,
      "held-1",
      "up-1",
      "__proto__",
      "undefined",
      "00000000000000000000000000000000",
      "x".repeat(1_025),
      ...flipped(session).slice(-60),
    ];
    const calls = legacy.calls.length;
    const unknown = await present("x");
    expect(unknown.map(({ status }) => status)).toEqual([404, 404, 404]);
    for (const { text } of unknown) expect(text).toContain("SESSION_UNKNOWN");
    for (const each of tried) expect([each, await present(each)]).toEqual([each, unknown]);
    expect(await present(session, tokenB)).toEqual(unknown);
    expect(legacy.calls).toHaveLength(calls);
    expect([await works(mine), await works(theirs)]).toEqual([true, true]);
  });

  test("is unknown with any one bit changed", async () => {
    const { session } = await legacyClient(old());
    const headers = { authorization: `Bearer ${tokenA}`, "content-type": "application/json" };
    const answers = new Set<number>();
    for (const each of flipped(session)) {
      const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
      const own = { ...headers, accept: "application/json, text/event-stream" };
      const answer = await post(old(), { headers: { ...own, "mcp-session-id": each }, body });
      answers.add(answer.status);
    }
    expect(answers).toEqual(new Set([404]));
  });

  test("is unknown once a day has passed, or at another gateway", async () => {
    const mine = await legacyClient(old());
    expect(await works(mine)).toBe(true);
    const other = await openOne();
    try {
      const headers = { "content-type": "application/json", "mcp-session-id": mine.session };
      const ask = { ...headers, accept: "application/json, text/event-stream" };
      const answer = await post(`${other.url}/mcp/old`, {
        headers: ask,
        body: JSON.stringify(plain),
      });
      expect([answer.status, answer.json().error?.data.code]).toEqual([404, "SESSION_UNKNOWN"]);
    } finally {
      await other.close();
    }
    aheadMs += 25 * 3_600_000;
    expect((await present(mine.session)).map(({ status }) => status)).toEqual([404, 404, 404]);
  });

  test("cannot be chosen by the client, and tells nothing of the server's own", async () => {
    const mine = await legacyClient(old());
    const chosen = await legacyClient(old(), { headers: { "mcp-session-id": "chosen-by-me" } });
    const fixed = await legacyClient(old(), {
      token: tokenB,
      headers: { "mcp-session-id": mine.session },
    });
    const ids = [mine.session, chosen.session, fixed.session];
    expect(new Set([...ids, "chosen-by-me"]).size).toBe(4);
    for (const id of ids)
      expect(atob(id.split(".")[3]!.replaceAll("-", "+").replaceAll("_", "/"))).not.toContain(
        "up-",
      );
    expect(await works(mine)).toBe(true);
    const [unknown] = await present("x");
    expect((await present("chosen-by-me"))[0]).toEqual(unknown);
  });

  test("gives nobody the stream of its owner, nor ends it", async () => {
    const mine = await legacyClient(old());
    const stream = readStream(await mine.get());
    await eventually(() => legacy.standing() > 0);
    const thief = await fetch(old(), {
      headers: {
        authorization: `Bearer ${tokenB}`,
        accept: "text/event-stream",
        "mcp-session-id": mine.session,
      },
    });
    expect([thief.status, await thief.text()]).toEqual([
      404,
      expect.stringContaining("SESSION_UNKNOWN"),
    ]);
    const first = stream.next();
    const second = readStream(await mine.get());
    expect(await first).toBeUndefined();
    await second.leave();
  });
});

describe("J7 Last-Event-ID", () => {
  /** The stream of a call with two messages before its end, and the id of the first. */
  async function called(client: LegacyClient): Promise<{ stream: Events; first: string }> {
    const stream = await client.call("t", 1, { arguments: { two: 1 } });
    await stream.next();
    return { stream, first: stream.lastId() ?? "" };
  }

  test("gives what came after it to its own session, and to no other", async () => {
    const mine = await legacyClient(old());
    const { stream, first } = await called(mine);
    const rest = await stream.rest();
    expect(rest).toHaveLength(2);
    const again = readStream(await mine.get({ "last-event-id": first }));
    expect(await again.rest()).toEqual(rest);
    for (const token of [tokenA, tokenB]) {
      const other = await legacyClient(old(), { token });
      const answer = await other.get({ "last-event-id": first });
      expect([answer.status, await answer.text()]).toEqual([
        404,
        expect.stringContaining("EVENT_UNKNOWN"),
      ]);
    }
  });

  test("that is guessed, huge or no id at all is refused", async () => {
    const mine = await legacyClient(old());
    const { first, stream } = await called(mine);
    await stream.rest();
    const [id = ""] = first.split(/-(?=\d+$)/);
    const tried = [
      `${id}-99`,
      `${id}--1`,
      `${id}-01`,
      `${id}-1e3`,
      `${id}-999999999999999`,
      `${id}-9999999999999999`,
      `${id}-18446744073709551616`,
      `${"A".repeat(22)}-1`,
      `${id.slice(0, 21)}${id.endsWith("A") ? "Q" : "A"}-1`,
      "0",
      "1",
      "-1",
      "__proto__",
      "*",
      `${id}-1,${id}-2`,
      "x".repeat(7_000),
    ];
    for (const each of tried) {
      const answer = await mine.get({ "last-event-id": each });
      const text = await answer.text();
      expect([each, answer.status, text]).toEqual([
        each,
        404,
        expect.stringContaining("EVENT_UNKNOWN"),
      ]);
    }
    expect(await works(mine)).toBe(true);
  });
});

const accepted = { action: "accept", content: {} };
type Retry = (
  more: Json,
  name?: string,
  path?: string,
  token?: string,
) => Promise<string | undefined>;
/** The code of the refusal, or undefined where the retry was let through. */
const retry: Retry = async (more, name = "t", path = "old", token = tokenA) => {
  const key = path === "new" ? "who" : "input-1";
  const inputResponses = { [key]: accepted };
  const client = modernClient(`${stand.url}/mcp/${path}`, { token });
  const answer = await client.call(name, { inputResponses, ...more });
  return answer.json().error?.data.code;
};
async function stateOf(path: string, more: Json = {}): Promise<string> {
  const answer = await modernClient(`${stand.url}/mcp/${path}`).call("t", more);
  return String(answer.json().result?.["requestState"]);
}

describe.each(["old", "new"])("J8 the requestState of a call of the server %s", (path) => {
  const calls = (): number => legacy.calls.length + modern.calls.length + legacy.answered.length;

  test("is good for nobody and nothing else, and is not lost by the attempt", async () => {
    const args = { arguments: { big: 1, deep: { a: [1] } } };
    const requestState = await stateOf(path, args);
    const before = calls();
    const other = path === "old" ? "new" : "old";
    const refused = [
      await retry({ requestState, ...args }, "t", path, tokenB),
      await retry({ requestState, ...args }, "u", path),
      await retry({ requestState, ...args }, "t", other),
      await retry({ requestState, arguments: {} }, "t", path),
      await retry({ requestState, arguments: { big: 2, deep: { a: [1] } } }, "t", path),
      await retry({ requestState, arguments: { big: 1, deep: { a: [1, 1] } } }, "t", path),
      await retry({ requestState, arguments: { ...args.arguments, __x: 1 } }, "t", path),
      await retry({ requestState: `${requestState}A`, ...args }, "t", path),
      await retry({ requestState: requestState.slice(0, -1), ...args }, "t", path),
      await retry({ requestState: ` ${requestState}`, ...args }, "t", path),
      await retry({ requestState: "own-state", ...args }, "t", path),
      await retry({ requestState: "held-1", ...args }, "t", path),
      await retry({ requestState: "", ...args }, "t", path),
      await retry({ requestState: "A".repeat(600_000), ...args }, "t", path),
    ];
    expect(new Set(refused)).toEqual(new Set(["STATE_INVALID"]));
    expect(calls()).toBe(before);
    expect(await retry({ requestState, ...args }, "t", path)).toBeUndefined();
  });

  test("is invalid with any one bit changed", async () => {
    const requestState = await stateOf(path);
    const before = calls();
    const codes = new Set<unknown>();
    const changed = flipped(requestState);
    // All of its end, where spare bits are, and a part of the rest.
    for (const [at, each] of changed.entries()) {
      if (at % 7 === 0 || at > changed.length - 30) {
        codes.add(await retry({ requestState: each }, "t", path));
      }
    }
    expect(codes).toEqual(new Set(["STATE_INVALID"]));
    expect(calls()).toBe(before);
  });

  test("is of a number spelt exactly so", async () => {
    const url = `${stand.url}/mcp/${path}`;
    const call = async (
      args: string,
      more: string,
    ): Promise<ReturnType<Awaited<ReturnType<typeof post>>["json"]>> => {
      const request = modernRequest(
        "tools/call",
        { name: "t", more: 1 },
        {
          meta: { "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } } },
        },
      );
      const body = request.body.replace('"more":1', `"arguments":{"n":${args}}${more}`);
      return (await post(url, { ...request, body })).json();
    };
    const state = JSON.stringify((await call("9007199254740993", "")).result?.["requestState"]);
    for (const number of ["9007199254740992", "9007199254740993.0", '"9007199254740993"']) {
      const answer = await call(number, `,"requestState":${state}`);
      expect([number, answer.error?.data.code]).toEqual([number, "STATE_INVALID"]);
    }
  });

  test("ends after its time", async () => {
    const requestState = await stateOf(path);
    aheadMs += 16 * 60_000;
    expect(await retry({ requestState }, "t", path)).toBe("STATE_INVALID");
  });

  test("must be a string, beside answers that are an object", async () => {
    const before = calls();
    for (const requestState of [1, null, true, [], {}, ["held-1"]]) {
      expect(await retry({ requestState }, "t", path)).toBe("PARAMS_INVALID");
    }
    for (const inputResponses of [1, null, "x", []]) {
      expect(await retry({ inputResponses }, "t", path)).toBe("PARAMS_INVALID");
    }
    expect(calls()).toBe(before);
  });
});

test("J8 the state of a held call works once", async () => {
  const requestState = await stateOf("old");
  expect(await retry({ requestState })).toBeUndefined();
  const before = legacy.answered.length;
  expect(await retry({ requestState })).toBe("UPSTREAM_UNAVAILABLE");
  expect(legacy.answered).toHaveLength(before);
});

test("J8 answers to what nobody asked do not reach a legacy server", async () => {
  const requestState = await stateOf("old");
  const before = legacy.answered.length;
  const inputResponses = { "input-2": accepted, q: accepted, constructor: accepted };
  const client = modernClient(old());
  const again = await client.call("t", { requestState, inputResponses });
  expect(again.json().result?.["resultType"]).toBe("input_required");
  expect(legacy.answered).toHaveLength(before);
  const next = String(again.json().result?.["requestState"]);
  await client.call("t", {
    requestState: next,
    inputResponses: { ...inputResponses, "input-1": accepted },
  });
  expect(legacy.answered.slice(before)).toMatchObject([{ result: accepted }]);
});

describe("J7 a response", () => {
  const answering = (id: unknown, more: object = { result: accepted }): object => ({
    jsonrpc: "2.0",
    id,
    ...more,
  });
  async function codeOf(answer: Response): Promise<unknown> {
    const { error } = (await answer.json()) as { error?: { data?: { code?: string } } };
    return [answer.status, error?.data?.code];
  }
  const refused = [400, "MESSAGE_MALFORMED"];

  test("to a question of another session, or to none, changes nothing; its own works once", async () => {
    const mine = await legacyClient(old());
    const mineToo = await legacyClient(old());
    const theirs = await legacyClient(old(), { token: tokenB });
    expect(await codeOf(await mine.send(answering("mcp-gw-0")))).toEqual(refused);
    const before = legacy.answered.length;
    const stream = await mine.call();
    const { id } = (await stream.next()) ?? {};
    expect(id).toMatch(/^mcp-gw-[0-9a-f]{32}$/);
    for (const other of [mineToo, theirs]) {
      expect(await codeOf(await other.send(answering(id)))).toEqual(refused);
    }
    const forged = [
      "q",
      1,
      0,
      -1,
      "",
      "input-1",
      "held-1",
      `${String(id)}0`,
      String(id).toUpperCase(),
      "__proto__",
    ];
    for (const each of forged)
      expect(await codeOf(await mine.send(answering(each)))).toEqual(refused);
    const bare = { "content-type": "application/json", accept: "application/json" };
    const stray = await post(old(), { headers: bare, body: JSON.stringify(answering(id)) });
    expect(stray.status).toBe(400);
    const shapes = [
      answering(null),
      answering([id]),
      { jsonrpc: "2.0", result: {} },
      [answering(id)],
    ];
    for (const each of shapes) expect((await mine.send(each)).status).toBe(400);
    const both = answering(id, { result: {}, error: { code: 1, message: "" } });
    expect((await mine.send(both)).status).toBe(400);
    expect(legacy.answered).toHaveLength(before);
    expect((await mine.send(answering(id))).status).toBe(202);
    expect(await codeOf(await mine.send(answering(id, { result: { action: "decline" } })))).toEqual(
      refused,
    );
    expect((await stream.rest()).at(-1)).toMatchObject({
      id: 1,
      result: JSON.parse(done) as object,
    });
    expect(legacy.answered.slice(before)).toMatchObject([{ result: accepted }]);
  });

  test("is asked for under an id that says nothing of the next one", async () => {
    const mine = await legacyClient(old());
    const ids: string[] = [];
    for (let count = 0; count < 20; count++) {
      const stream = await mine.call("t", count);
      const { id } = (await stream.next()) ?? {};
      ids.push(String(id));
      await mine.send(answering(id));
      await stream.rest();
    }
    expect(new Set(ids.map((id) => id.slice(7, 15))).size).toBe(20);
  });
});

test("J7 a client that leaves 1,000 questions unanswered uses up what is its own alone", async () => {
  // Calls that earlier tests left open wait still; those that nobody attends to make room.
  const calls = (): number => legacy.busy() - legacy.standing();
  const before = calls();
  const clients = await Promise.all([1, 2, 3, 4].map(() => legacyClient(old())));
  const open: Events[] = [];
  for (let batch = 0; batch < 50; batch++) {
    const streams = await Promise.all(
      Array.from({ length: 20 }, (_, at) => clients[at % 4]!.call("t", batch * 20 + at)),
    );
    for (const stream of streams) {
      if (stream.type === "text/event-stream") open.push(stream);
      else expect(await stream.body()).toMatch(/UPSTREAM_UNAVAILABLE|CONCURRENCY_EXCEEDED/);
    }
  }
  expect(open).toHaveLength(32);
  const theirs = await legacyClient(old(), { token: tokenB });
  const stream = await theirs.call();
  const { id } = (await stream.next()) ?? {};
  await theirs.send({ jsonrpc: "2.0", id, result: accepted });
  expect((await stream.rest()).at(-1)).toMatchObject({ id: 1, result: {} });
  // What an ended session has left open is over at the server too, and there is room again.
  expect(calls()).toBeGreaterThanOrEqual(32);
  await Promise.all(clients.map((client) => client.end()));
  await Promise.all(open.map((each) => each.rest()));
  await eventually(() => calls() <= before);
  const again = await (await legacyClient(old())).call();
  expect((await again.next())?.["method"]).toBe("elicitation/create");
  await again.leave();
}, 60_000);

test("J7 a client with 1,100 sessions ends its own oldest, and nobody else's", async () => {
  const theirs = await legacyClient(old(), { token: tokenB });
  const first = await legacyClient(old());
  for (let count = 0; count < 1_100; count += 20) {
    await Promise.all(Array.from({ length: 20 }, () => legacyClient(old())));
  }
  expect((await present(first.session))[0]?.status).toBe(404);
  expect(await works(theirs)).toBe(true);
}, 60_000);

test("J7 a client with 1,000 subscriptions is refused the most of them, and nobody else is", async () => {
  const url = `${stand.url}/mcp/new`;
  const listen = (token: string, canceller: AbortController): Promise<Response> => {
    const { headers, body } = modernRequest("subscriptions/listen", {
      notifications: { toolsListChanged: true },
    });
    const own = { ...headers, authorization: `Bearer ${token}` };
    return fetch(url, { method: "POST", headers: own, body, signal: canceller.signal });
  };
  const canceller = new AbortController();
  const statuses: number[] = [];
  const streams: Response[] = [];
  for (let count = 0; count < 1_000; count += 50) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const answer = await listen(tokenA, canceller);
        if (answer.status === 200) {
          // An answer that nobody holds is collected, and its stream with it.
          streams.push(answer);
          return 200;
        }
        await answer.text();
        return answer.status;
      }),
    );
    statuses.push(...answers);
  }
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  expect(streams.length).toBeLessThanOrEqual(64);
  const others = new AbortController();
  const theirs = await listen(tokenB, others);
  expect(theirs.status).toBe(200);
  others.abort();
  canceller.abort();
  // Deno notices a client that left a used connection at the next write alone.
  if ("Deno" in globalThis) return;
  await eventually(async () => {
    const last = new AbortController();
    const { status } = await listen(tokenA, last);
    last.abort();
    return status === 200;
  });
}, 60_000);
