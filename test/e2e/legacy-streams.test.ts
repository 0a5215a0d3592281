import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type BusyServer, startBusyServer } from "./busy-server.ts";
import { type ChangingServer, startChangingServer } from "./changing-server.ts";
import { type EventStream, type RawSession, openEvents, openSession } from "./events.ts";
import {
  type RunningGateway,
  allowAll,
  authA,
  authB,
  runGateway,
  tokenA,
  tokenB,
} from "./gateway.ts";
import { startSlowServer } from "./slow-server.ts";

const eras = ["modern", "legacy"] as const;
/** Sees one tool and one folder of each upstream. */
const seesLittle = { tools: ["*/common"], resources: ["*/note://open/*", "*/note://tree"] };

let changing: Record<"modern" | "legacy", ChangingServer>;
let busy: BusyServer;
let gateway: RunningGateway;

beforeAll(async () => {
  const [modern, legacy, other] = await Promise.all([
    startChangingServer("modern"),
    startChangingServer("legacy"),
    startBusyServer("modern"),
  ]);
  changing = { modern, legacy };
  busy = other;
  gateway = await start();
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([busy.close(), ...Object.values(changing).map((server) => server.stop())]);
});

const start = (): Promise<RunningGateway> =>
  runGateway({
    upstreams: {
      modern: { url: changing.modern.url },
      legacy: { url: changing.legacy.url },
      busy: { url: busy.url },
    },
    clients: { a: { auth: authA, allow: allowAll }, b: { auth: authB, allow: seesLittle } },
  });
const open = (token = tokenA, path = "/mcp", at = gateway): Promise<RawSession> =>
  openSession(at.url, { token, path }).then(tracked);
const opened: EventStream[] = [];
/** Its streams are left when the test is over. */
function tracked(session: RawSession): RawSession {
  const track = (stream: EventStream): EventStream => {
    opened.push(stream);
    return stream;
  };
  return { ...session, listen: (headers) => session.listen(headers).then(track) };
}
const nextOf = async (stream: EventStream) => (await stream.next())?.message;

/** Whoever has left is followed up to the upstreams. */
afterEach(async () => {
  for (const stream of opened.splice(0)) stream.leave();
  for (const server of Object.values(changing)) {
    await vi.waitFor(() => expect(server.followers()).toBe(0));
  }
});

describe("the stream of a session", () => {
  test("is there for a session alone", async () => {
    const headers = { "mcp-session-id": "0123456789abcdef0123456789abcdef" };
    const unknown = await openEvents(`${gateway.url}/mcp`, { headers });
    expect(unknown.response.status).toBe(404);
    const none = await openEvents(`${gateway.url}/mcp`, {});
    expect([none.response.status, none.response.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("is no stream for another client", async () => {
    const { headers } = await open(tokenB);
    expect((await openEvents(`${gateway.url}/mcp`, { headers }, tokenA)).response.status).toBe(404);
  });

  test("is refused to who accepts none", async () => {
    const session = await open();
    const refused = await session.listen({ accept: "application/json" });
    expect(refused.response.status).toBe(405);
  });

  test("is replaced by a new one", async () => {
    const session = await open();
    const first = await session.listen();
    const second = await session.listen();
    expect(await first.next()).toBeUndefined();
    // Nobody says when a stream has begun to listen, so what happens meanwhile must not be lost.
    changing.modern.tools.add("for-the-second");
    changing.modern.changed("tools");
    expect(await nextOf(second)).toEqual({
      jsonrpc: "2.0",
      method: "notifications/tools/list_changed",
    });
    second.leave();
  });

  test("goes on where it was left, with what is still to come", async () => {
    const session = await open();
    const uri = "note://open/again";
    await session.send("resources/subscribe", { uri: `legacy+${uri}` });
    const stream = await session.listen();
    const last = await repeating(() => changing.legacy.updated(uri), stream.next);
    const after = { "last-event-id": last?.id ?? "" };
    // A client may know of a break before the gateway does.
    const early = await session.listen(after);
    expect(await said(early)).toBe(`legacy+${uri}`);
    stream.leave();
    early.leave();
    await vi.waitFor(() => expect(changing.legacy.followers()).toBe(0));
    const late = await session.listen(after);
    expect(late.response.status).toBe(200);
    await vi.waitFor(() => expect(changing.legacy.followers()).toBe(1));
    expect(await said(late)).toBe(`legacy+${uri}`);

    function said(from: EventStream): Promise<string | undefined> {
      const say = (): void => changing.legacy.updated(uri);
      return repeating(say, async () => (await nextOf(from))?.params?.uri);
    }
  });

  test("ends with its session", async () => {
    const session = await open();
    const stream = await session.listen();
    expect((await session.end()).status).toBe(204);
    expect(await stream.next()).toBeUndefined();
    expect((await session.listen()).response.status).toBe(404);
  });

  test("ends with the gateway", async () => {
    const own = await start();
    const stream = await (await openSession(own.url)).listen();
    const rest = stream.rest();
    await own.close();
    expect(await rest).toEqual([]);
  });

  test("leaves one record, when it ends", async () => {
    const session = await open();
    const before = (await gateway.records()).length;
    const stream = await session.listen();
    stream.leave();
    await vi.waitFor(async () => {
      const records = (await gateway.records()).slice(before);
      expect(records.filter(({ client }) => client === "a")).toHaveLength(1);
    });
  });
});

describe.each(eras)("with an upstream of the %s era, the stream of a session", (era) => {
  test("tells of a list only where what the client sees has changed", async () => {
    const server = changing[era];
    const marker = "note://open/marker";
    const streams = await Promise.all(
      [await open(), await open(tokenB)].map(async (session) => {
        await session.send("resources/subscribe", { uri: `${era}+${marker}` });
        const stream = await session.listen();
        await heard(stream, `${era}+${marker}`, () => server.updated(marker));
        return stream;
      }),
    );
    server.tools.add("private");
    server.changed("tools");
    server.resources.add("note://open/new");
    server.changed("resources");
    const told = await Promise.all(streams.map((stream) => listsUntil("resources", stream)));
    expect(told).toEqual([["tools", "resources"], ["resources"]]);
    for (const stream of streams) stream.leave();
  });

  test("tells of what is subscribed to while it is open, and no more of what is left", async () => {
    const server = changing[era];
    const session = await open();
    const stream = await session.listen();
    for (const name of ["one", "two"]) {
      const { last } = await session.send("resources/subscribe", {
        uri: `${era}+note://open/${name}`,
      });
      expect(last.result).toEqual({});
    }
    await first(stream, `${era}+note://open/one`, () => server.updated("note://open/one"));
    await session.send("resources/unsubscribe", { uri: `${era}+note://open/one` });
    await heard(stream, `${era}+note://open/two`, () => server.updated("note://open/two"));
    server.updated("note://open/one");
    server.updated("note://open/two");
    expect((await nextOf(stream))?.params?.uri).toBe(`${era}+note://open/two`);
    stream.leave();
  });

  test("tells of what was subscribed to before it was open", async () => {
    const session = await open(tokenA, `/mcp/${era}`);
    await session.send("resources/subscribe", { uri: "note://open/early" });
    const stream = await session.listen();
    await first(stream, "note://open/early", () => changing[era].updated("note://open/early"));
    stream.leave();
  });

  test("does not follow what the client may not read", async () => {
    const session = await open(tokenB);
    const uri = `${era}+note://secret/1`;
    const { last } = await session.send("resources/subscribe", { uri });
    const unknown = await session.send("resources/subscribe", { uri: `nobody+note://secret/1` });
    expect(last.error?.data?.code).toBe("TARGET_UNKNOWN");
    expect({ ...last.error, data: undefined }).toEqual({
      ...unknown.last.error,
      data: undefined,
    });
  });
});

test("a part of what a session follows is told of only to who may read the part", async () => {
  const session = await open(tokenB);
  const stream = await session.listen();
  await session.send("resources/subscribe", { uri: "legacy+note://tree" });
  await first(stream, "legacy+note://tree", () => {
    changing.legacy.updated("note://tree/leaf");
    changing.legacy.updated("note://tree");
  });
  stream.leave();
});

test("nothing is missed of one resource while another is subscribed to", async () => {
  const { server, followed, tell, acknowledge } = await startSlowServer();
  const own = await runGateway({
    upstreams: { slow: { url: server.url } },
    clients: { a: { auth: authA, allow: allowAll } },
  });
  const session = await open(tokenA, "/mcp/slow", own);
  await session.send("resources/subscribe", { uri: "note://one" });
  const stream = await session.listen();
  await vi.waitFor(() => expect(followed()).toEqual(["note://one"]));
  acknowledge();
  tell("note://one");
  expect((await nextOf(stream))?.params?.uri).toBe("note://one");
  await session.send("resources/subscribe", { uri: "note://two" });
  await vi.waitFor(() => expect(followed()).toEqual(["note://one", "note://two"]));
  tell("note://one");
  expect((await nextOf(stream))?.params?.uri).toBe("note://one");
  await session.send("resources/unsubscribe", { uri: "note://one" });
  tell("note://one");
  await vi.waitFor(() => expect(followed()).toEqual(["note://two"]));
  acknowledge();
  tell("note://two");
  expect((await nextOf(stream))?.params?.uri).toBe("note://two");
  stream.leave();
  await own.close();
  await server.close();
});

/** The upstream says it until it is heard: a subscription of a legacy session needs a moment. */
async function repeating<T>(say: () => void, act: () => Promise<T>): Promise<T> {
  const timer = setInterval(say, 50);
  try {
    say();
    return await act();
  } finally {
    clearInterval(timer);
  }
}

/** The first thing that is heard. */
async function first(stream: EventStream, uri: string, say: () => void): Promise<void> {
  expect(await repeating(say, () => nextOf(stream))).toMatchObject({
    method: "notifications/resources/updated",
    params: { uri },
  });
}

/** What was said before may be heard before. */
async function heard(stream: EventStream, uri: string, say: () => void): Promise<void> {
  await repeating(say, () =>
    vi.waitFor(async () => expect((await nextOf(stream))?.params?.uri).toBe(uri)),
  );
}

/** The lists that are said to have changed, up to this one. */
async function listsUntil(last: string, stream: EventStream): Promise<string[]> {
  const lists: string[] = [];
  while (lists.at(-1) !== last) {
    const message = await nextOf(stream);
    const list = /^notifications\/(\w+)\/list_changed$/.exec(message?.method ?? "")?.[1];
    if (list !== undefined) lists.push(list);
  }
  return lists;
}

describe("the stream of a call that broke", () => {
  let runs = 0;
  async function broken(session: RawSession) {
    const run = `run-${runs++}`;
    const call = {
      name: "busy__steps",
      arguments: { run },
      _meta: { progressToken: run },
    };
    const stream = await session.stream("tools/call", call, run);
    const first = await stream.next();
    expect(first?.message.params?.["progress"]).toBe(1);
    stream.leave();
    return { run, after: { "last-event-id": first?.id ?? "" } };
  }
  const said = async (stream: EventStream) =>
    (await stream.rest()).map(({ message }) => message.params?.["progress"] ?? message.id);

  test("goes on where it was left, once and in order", async () => {
    const session = await open();
    const { run, after } = await broken(session);
    const stream = await session.listen(after);
    expect(stream.response.status).toBe(200);
    busy.release(run);
    expect(await said(stream)).toEqual([2, 3, run]);
    const calls = (await gateway.records()).filter(({ target }) => target === "steps");
    expect(calls.at(-1)).toMatchObject({ decision: "allowed", method: "tools/call", client: "a" });
  });

  test("can be asked for again when the call is over", async () => {
    const session = await open();
    const { run, after } = await broken(session);
    busy.release(run);
    await vi.waitFor(async () => {
      const calls = (await gateway.records()).filter(({ target }) => target === "steps");
      expect(calls).toHaveLength(runs);
    });
    for (const _ of [1, 2]) {
      expect(await said(await session.listen(after))).toEqual([2, 3, run]);
    }
  });

  test("is no stream of another session or client", async () => {
    const session = await open();
    const { run, after } = await broken(session);
    busy.release(run);
    for (const other of [await open(), await open(tokenB)]) {
      const { response } = await other.listen(after);
      const problem = (await response.json()) as { code: string };
      expect([response.status, problem.code]).toEqual([404, "EVENT_UNKNOWN"]);
    }
    expect(await said(await session.listen(after))).toEqual([2, 3, run]);
  });

  test.each(["", "nonsense", `${"A".repeat(22)}-1`, `${"A".repeat(22)}-99999999999999999999`])(
    "is none of the id %j",
    async (id) => {
      const { response } = await (await open()).listen({ "last-event-id": id });
      expect(response.status).toBe(404);
    },
  );

  test("is gone with its session", async () => {
    const session = await open();
    const { run, after } = await broken(session);
    await session.end();
    busy.release(run);
    expect((await session.listen(after)).response.status).toBe(404);
  });
});
