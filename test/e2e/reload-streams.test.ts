import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Clock } from "../../src/core/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { type ChangingServer, startChangingServer } from "./changing-server.ts";
import { type EventStream, type RawSession, openEvents, openSession } from "./events.ts";
import { modernRequest, tokenA, tokenB } from "./gateway.ts";
import { type HttpRecorder, notification, startHttpRecorder } from "./recording-server.ts";
import { type Reloading, a, b, runReloading } from "./reloading.ts";
import { startSlowServer } from "./slow-server.ts";

const kinds = ["subscription of a modern client", "stream of a session"] as const;
type Kind = (typeof kinds)[number];

let own: Clock;
let servers: Record<"modern" | "legacy", ChangingServer>;
let gateway: Reloading;
let short: ReturnType<typeof watchTimers>;
const opened: EventStream[] = [];

beforeAll(async () => {
  own = (await openRuntime()).clock;
  const [modern, legacy] = await Promise.all([
    startChangingServer("modern"),
    startChangingServer("legacy"),
  ]);
  servers = { modern, legacy };
  for (const server of [modern, legacy]) server.tools.add("extra");
});
beforeEach(async () => {
  short = watchTimers();
  gateway = await runReloading(config(), { clock: short.clock });
});
afterEach(async () => {
  for (const stream of opened.splice(0)) stream.leave();
  for (const server of Object.values(servers)) {
    await vi.waitFor(() => expect(server.followers()).toBe(0));
  }
  await gateway.close();
});
afterAll(() => Promise.all(Object.values(servers).map((server) => server.stop())));

/** Timers that changes of lists are gathered for: how many there were, and those that still run. */
function watchTimers() {
  const seen = { begun: 0, open: new Set<object>() };
  const after: Clock["after"] = (ms, act) => {
    const timer = own.after(ms, () => {
      seen.open.delete(mark);
      act();
    });
    const mark = {};
    if (ms === 250) {
      seen.begun++;
      seen.open.add(mark);
    }
    return {
      cancel: () => {
        seen.open.delete(mark);
        timer.cancel();
      },
    };
  };
  return Object.assign(seen, { clock: { ...own, after } });
}

interface Change {
  /** What `a` may use; b always the same. */
  readonly allow?: object;
  readonly rules?: readonly object[];
  readonly upstreams?: readonly ("modern" | "legacy")[];
  readonly more?: object;
}
const open = ["*/note://open/*", "*/note://tree"];
const common = { tools: ["*/common"], resources: open };
function config({ allow = common, rules = [], upstreams = ["modern"], more = {} }: Change = {}) {
  return {
    upstreams: Object.fromEntries(upstreams.map((name) => [name, { url: servers[name].url }])),
    clients: { a: { ...a, allow }, b: { ...b, allow: { resources: open } } },
    rules,
    ...more,
  };
}

interface Follower {
  readonly stream: EventStream;
  readonly session: RawSession | undefined;
  readonly next: () => Promise<string | undefined>;
}
/** Hears of tools, and of these resources. */
async function follow(
  kind: Kind,
  uris: readonly string[] = ["modern+note://open/1"],
  token = tokenA,
): Promise<Follower> {
  const session = kind === kinds[1] ? await openSession(gateway.url, { token }) : undefined;
  const stream =
    session === undefined ? await subscribe(uris, token) : await listenTo(session, uris);
  opened.push(stream);
  return { stream, session, next: async () => toWord((await stream.next())?.message) };
}
function toWord(message: { method?: string; params?: { uri?: string } } | undefined) {
  const { method, params } = message ?? {};
  return method?.replace(/^notifications\//, "").replace("resources/updated", params?.uri ?? "");
}
async function subscribe(uris: readonly string[], token: string): Promise<EventStream> {
  const notifications = { toolsListChanged: true, resourceSubscriptions: uris };
  const request = modernRequest("subscriptions/listen", { notifications }, { id: "sub" });
  const stream = await openEvents(`${gateway.url}/mcp`, { method: "POST", ...request }, token);
  expect(toWord((await stream.next())?.message)).toBe("subscriptions/acknowledged");
  return stream;
}
async function listenTo(session: RawSession, uris: readonly string[]): Promise<EventStream> {
  for (const uri of uris) await session.send("resources/subscribe", { uri });
  const before = followers();
  const stream = await session.listen();
  await vi.waitFor(() => expect(followers()).toBeGreaterThan(before));
  return stream;
}
const followers = (): number =>
  Object.values(servers).reduce((sum, server) => sum + server.followers(), 0);

describe.each(kinds)("over a reload a %s", (kind) => {
  test("hears of a list where what its client sees has changed, and else of nothing", async () => {
    const changed = await follow(kind);
    const same = await follow(kind, undefined, tokenB);
    const deny = { name: "no-extra", on: "*/extra", then: "deny" };
    const both = { tools: ["*/common", "*/extra"], resources: open };
    const steps: readonly Change[] = [
      { allow: both },
      { allow: both, rules: [deny] },
      { allow: both },
      { allow: both, upstreams: ["modern", "legacy"] },
      { upstreams: ["modern", "legacy"] },
      // Nothing is left that it could hear of.
      { allow: {}, upstreams: ["modern", "legacy"] },
      { upstreams: ["modern", "legacy"] },
    ];
    for (const step of steps) {
      await gateway.change(config(step));
      expect(await changed.next()).toBe("tools/list_changed");
    }
    const before = short.begun;
    const more = { drain: { deadlineMs: 1 } };
    await gateway.change(config({ upstreams: ["modern", "legacy"], more }));
    // Each stream looks at its lists a moment later.
    await vi.waitFor(() => expect(short.begun).toBeGreaterThanOrEqual(before + 2));
    await vi.waitFor(() => expect(short.open.size).toBe(0));
    for (const { next } of [changed, same]) {
      const heard = next();
      await repeating(heard);
      expect(await heard).toBe("modern+note://open/1");
    }
  });

  test("hears of resources as before, however many reloads come at once", async () => {
    const uris = ["modern+note://open/1", "modern+note://tree"];
    const all = [await follow(kind, uris), await follow(kind, uris, tokenB)];
    const before = followers();
    for (const deadlineMs of [1, 2, 3])
      await gateway.change(config({ more: { drain: { deadlineMs } } }));
    await vi.waitFor(() => expect(followers()).toBe(before));
    for (const { next } of all) {
      const round = async (): Promise<unknown[]> => {
        servers.modern.updated("note://open/1");
        servers.modern.updated("note://tree");
        const words = [await next()];
        while (words.at(-1) !== "modern+note://tree") words.push(await next());
        return words;
      };
      const once = ["modern+note://open/1", "modern+note://tree"];
      // The ways of before end one after the other.
      await vi.waitFor(
        async () => {
          for (let count = 0; count < 4; count++) expect(await round()).toEqual(once);
        },
        { timeout: 10_000 },
      );
    }
  });

  test("hears no more of a resource that its client may not read any more", async () => {
    const follower = await follow(kind, ["modern+note://open/1", "modern+note://tree"]);
    await gateway.change(config({ allow: { ...common, resources: ["*/note://tree"] } }));
    const tree = "modern+note://tree";
    const round = async (): Promise<unknown[]> => {
      servers.modern.updated("note://open/1");
      servers.modern.updated("note://tree");
      const words = [await follower.next()];
      while (words.at(-1) !== tree) words.push(await follower.next());
      return words;
    };
    await vi.waitFor(async () => expect(await round()).toEqual([tree]));
    for (let count = 0; count < 3; count++) expect(await round()).toEqual([tree]);
  });

  test.each([
    ["its client is there no more", () => ({ ...config(), clients: { b } })],
    [
      "its client has another token",
      () => {
        gateway.env["TOKEN_A"] = "another-token-of-client-a-that-is-long-enough";
        return config();
      },
    ],
  ])("ends where %s", async (_, change) => {
    const { stream } = await follow(kind);
    await gateway.change(change());
    const rest = (await stream.rest()).map(({ message }) => message.result?.["resultType"]);
    expect(rest).toEqual(kind === kinds[0] ? ["complete"] : []);
    expect(gateway.logged.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  /** The upstream says it until it is heard. */
  async function repeating(heard: Promise<unknown>): Promise<void> {
    const timer = setInterval(() => servers.modern.updated("note://open/1"), 50);
    await heard.finally(() => clearInterval(timer));
  }
});

test("a subscription of the official client goes on over reloads, on one connection", async () => {
  const client = new Client(
    { name: "test", version: "1" },
    { versionNegotiation: { mode: "auto" } },
  );
  const heard: string[] = [];
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
    heard.push(params.uri);
  });
  client.setNotificationHandler("notifications/tools/list_changed", () => {
    heard.push("tools");
  });
  let requests = 0;
  const transport = new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${tokenA}` } },
    fetch: (...all: Parameters<typeof fetch>) => {
      requests++;
      return fetch(...all);
    },
  });
  await client.connect(transport);
  const uri = "modern+note://open/1";
  const subscription = await client.listen({
    toolsListChanged: true,
    resourceSubscriptions: [uri],
  });
  const before = requests;
  for (const tools of [["*/*"], ["*/common"], ["*/extra"]]) {
    heard.length = 0;
    await gateway.change(config({ allow: { ...common, tools } }));
    await vi.waitFor(() => expect(heard).toEqual(["tools"]));
    servers.modern.updated("note://open/1");
    await vi.waitFor(() => expect(heard).toEqual(["tools", uri]));
  }
  expect(requests).toBe(before);
  await subscription.close();
  await client.close();
});

describe("while the next gateway is not heard of by an upstream yet", () => {
  const [uri, other] = ["note://one", "note://two"];
  let slow: Awaited<ReturnType<typeof startSlowServer>>;
  const slowly = (change: object = {}, allow: object = a.allow): object => ({
    upstreams: { slow: { url: slow.server.url, ...change } },
    clients: { a: { ...a, allow } },
  });
  /** The next gateway listens, and is not told that it does. */
  async function moving(kind: Kind, allow?: object): Promise<Follower> {
    slow = await startSlowServer();
    await gateway.close();
    gateway = await runReloading(slowly());
    const session = kind === kinds[1] ? await openSession(gateway.url) : undefined;
    const uris = [uri, other].map((each) => `slow+${each}`);
    for (const each of uris) await session?.send("resources/subscribe", { uri: each });
    const notifications = { resourceSubscriptions: uris };
    const request = modernRequest("subscriptions/listen", { notifications });
    const opening =
      session?.listen() ?? openEvents(`${gateway.url}/mcp`, { method: "POST", ...request });
    await vi.waitFor(() => expect(slow.listens()).toBe(1));
    slow.acknowledge();
    const stream = await opening;
    opened.push(stream);
    if (session === undefined) await stream.next();
    await gateway.change(slowly({ headers: { "x-new": "1" } }, allow));
    await vi.waitFor(() => expect(slow.listens()).toBe(2));
    return { stream, session, next: async () => toWord((await stream.next())?.message) };
  }
  afterEach(() => slow.server.close());

  test.each(kinds)("a %s goes on to hear it the old way", async (kind) => {
    const { next } = await moving(kind);
    slow.tell(uri);
    expect(await next()).toBe(`slow+${uri}`);
    slow.acknowledge();
    await vi.waitFor(() => expect(gateway.logged.join()).toContain("reloaded"));
    slow.tell(uri);
    expect(await next()).toBe(`slow+${uri}`);
  });

  test.each(kinds)(
    "a %s hears nothing more of what its client may not read any more",
    async (kind) => {
      const { next } = await moving(kind, { resources: [`slow/${other}`] });
      slow.tell(uri);
      slow.tell(other);
      expect(await next()).toBe(`slow+${other}`);
    },
  );

  test.each(kinds)("a %s may leave, and both let it go", async (kind) => {
    const { stream } = await moving(kind);
    stream.leave();
    await vi.waitFor(() => expect(slow.open()).toBe(0));
    await vi.waitFor(async () => {
      const decisions = (await gateway.records()).map(({ decision }) => decision);
      expect(decisions.filter((decision) => decision === "cancelled")).toHaveLength(1);
    });
    expect(gateway.logged.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  test("a session may end, and its stream does", async () => {
    const { stream, session } = await moving(kinds[1]);
    expect((await session?.end())?.status).toBe(204);
    expect(await stream.rest()).toEqual([]);
    await vi.waitFor(() => expect(slow.open()).toBe(0));
    expect(gateway.logged.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  test.each(kinds)("a %s may be blocked, and ends", async (kind) => {
    const { stream } = await moving(kind);
    const { blocks } = gateway.started.instance.operations;
    await blocks.add({ what: { kind: "client", name: "a" }, why: "test", by: "op" } as never);
    await stream.rest();
    await vi.waitFor(() => expect(slow.open()).toBe(0));
  });
});

describe("a stream that was open before the reload", () => {
  let recorder: HttpRecorder;
  const secret = "AKIAIOSFODNN7EXAMPLE";
  afterEach(() => recorder.close());

  test.each(kinds)("is cleaned as the new config says: a %s", async (kind) => {
    recorder = await startHttpRecorder({ era: "modern", answer: () => ({ end: "" }) });
    const cleaned = (secrets: string): object => ({
      upstreams: { x: { url: recorder.url } },
      clients: { a: { ...a, sanitize: { secrets } } },
    });
    await gateway.close();
    gateway = await runReloading(cleaned("off"));
    const uri = "note://open/1";
    const session = kind === kinds[1] ? await openSession(gateway.url) : undefined;
    await session?.send("resources/subscribe", { uri: `x+${uri}` });
    const notifications = { resourceSubscriptions: [`x+${uri}`] };
    const request = modernRequest("subscriptions/listen", { notifications });
    const stream = await (session?.listen() ??
      openEvents(`${gateway.url}/mcp`, { method: "POST", ...request }));
    opened.push(stream);
    if (session === undefined) await stream.next();
    const tell = (note: string): void =>
      recorder.tell((id) => {
        const meta = `"_meta":{"io.modelcontextprotocol/subscriptionId":${id}}`;
        const params = `{"uri":"${uri}","note":"${note} ${secret}",${meta}}`;
        return notification("notifications/resources/updated", params);
      });
    const until = async (note: string): Promise<string> => {
      const timer = setInterval(() => tell(note), 50);
      try {
        for (;;) {
          const said = String((await stream.next())?.message.params?.["note"]);
          if (said.startsWith(note)) return said;
        }
      } finally {
        clearInterval(timer);
      }
    };
    expect(await until("first")).toContain(secret);
    await gateway.change(cleaned("redact"));
    // What was on its way may still come as it was.
    await vi.waitFor(async () => expect(await until("second")).not.toContain(secret));
  });
});
