import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type ChangingServer, startChangingServer } from "./changing-server.ts";
import { type EventStream, openEvents } from "./events.ts";
import {
  type RunningGateway,
  authA,
  authB,
  modernRequest,
  post,
  runGateway,
  tokenA,
  tokenB,
} from "./gateway.ts";
import { startSlowServer } from "./slow-server.ts";

const subscriptionId = "io.modelcontextprotocol/subscriptionId";
const seesAll = { tools: ["*"], resources: ["*"], prompts: ["*"] };
/** Sees one tool and one folder of each upstream. */
const seesLittle = { tools: ["*/common"], resources: ["*/note://open/*", "*/note://tree"] };

let servers: Record<"modern" | "legacy", ChangingServer>;
let gateway: RunningGateway;

beforeAll(async () => {
  const [modern, legacy] = await Promise.all([
    startChangingServer("modern"),
    startChangingServer("legacy"),
  ]);
  servers = { modern, legacy };
  gateway = await start();
});
afterAll(async () => {
  await gateway.close();
  await Promise.all(Object.values(servers).map((server) => server.stop()));
});

const start = (): Promise<RunningGateway> =>
  runGateway({
    upstreams: {
      modern: { url: servers.modern.url },
      legacy: { url: servers.legacy.url },
    },
    clients: { a: { auth: authA, allow: seesAll }, b: { auth: authB, allow: seesLittle } },
  });

interface Subscribing {
  readonly path?: string;
  readonly token?: string;
  readonly id?: unknown;
  readonly at?: RunningGateway;
}
async function subscribe(
  notifications: object,
  { path = "/mcp", token = tokenA, id = "sub", at = gateway }: Subscribing = {},
): Promise<EventStream> {
  const request = modernRequest("subscriptions/listen", { notifications }, { id });
  return openEvents(`${at.url}${path}`, { method: "POST", ...request }, token);
}
/** A subscription behind its acknowledgement. */
async function subscribed(notifications: object, how?: Subscribing): Promise<EventStream> {
  const stream = await subscribe(notifications, how);
  const first = (await stream.next())?.message.method;
  expect(first).toBe("notifications/subscriptions/acknowledged");
  return stream;
}
const nextOf = async (stream: EventStream) => (await stream.next())?.message;

test.each(["sub-1", 7, -3])(
  "an acknowledgement comes first and names the subscription %j as its client does",
  async (id) => {
    const stream = await subscribe({ toolsListChanged: true }, { id });
    const first = await nextOf(stream);
    expect(first).toEqual({
      jsonrpc: "2.0",
      method: "notifications/subscriptions/acknowledged",
      params: { notifications: { toolsListChanged: true }, _meta: { [subscriptionId]: id } },
    });
    servers.modern.tools.add(`for-${id}`);
    servers.modern.changed("tools");
    expect(await nextOf(stream)).toEqual({
      jsonrpc: "2.0",
      method: "notifications/tools/list_changed",
      params: { _meta: { [subscriptionId]: id } },
    });
    stream.leave();
  },
);

test("an acknowledgement names only what the client may read", async () => {
  const wanted = {
    resourcesListChanged: true,
    promptsListChanged: false,
    somethingElse: true,
    resourceSubscriptions: [
      "modern+note://open/1",
      "modern+note://secret/1",
      "nobody+note://open/1",
      "legacy+note://open/2",
    ],
  };
  const stream = await subscribe(wanted, { token: tokenB });
  expect((await nextOf(stream))?.params?.["notifications"]).toEqual({
    resourcesListChanged: true,
    resourceSubscriptions: ["modern+note://open/1", "legacy+note://open/2"],
  });
  stream.leave();
});

test("a subscription to more than a thousand resources is refused", async () => {
  const resourceSubscriptions = Array.from({ length: 1_001 }, (_, n) => `modern+note://open/${n}`);
  const request = modernRequest("subscriptions/listen", {
    notifications: { resourceSubscriptions },
  });
  const answer = await post(`${gateway.url}/mcp`, request);
  expect(answer.json().error).toMatchObject({ code: -32602, data: { code: "PARAMS_INVALID" } });
});

describe.each(["modern", "legacy"] as const)("with an upstream of the %s era", (era) => {
  test("a client hears of a list only where what it sees has changed", async () => {
    const server = servers[era];
    const all = await subscribed({ toolsListChanged: true, resourcesListChanged: true });
    const little = await subscribed(
      { toolsListChanged: true, resourcesListChanged: true },
      { token: tokenB },
    );
    server.tools.add("private");
    server.changed("tools");
    expect((await nextOf(all))?.method).toBe("notifications/tools/list_changed");
    server.resources.add("note://open/new");
    server.changed("resources");
    expect((await nextOf(all))?.method).toBe("notifications/resources/list_changed");
    // The first thing that this client hears: the change of the tools was none for it.
    expect((await nextOf(little))?.method).toBe("notifications/resources/list_changed");
    all.leave();
    little.leave();
  });

  test("the list that is asked for behind a change is the new one", async () => {
    const server = servers[era];
    const stream = await subscribed({ toolsListChanged: true });
    server.tools.add("fresh");
    server.changed("tools");
    await stream.next();
    const { tools } =
      (await post(`${gateway.url}/mcp`, modernRequest("tools/list"))).json().result ?? {};
    expect(tools?.map(({ name }) => name)).toContain(`${era}__fresh`);
    stream.leave();
  });

  test("a resource is named as its endpoint names it", async () => {
    const shown = `${era}+note://open/1`;
    const shared = await subscribed({ resourceSubscriptions: [shown] });
    const own = await subscribed(
      { resourceSubscriptions: ["note://open/1"] },
      { path: `/mcp/${era}` },
    );
    servers[era].updated("note://open/1");
    expect(await nextOf(shared)).toMatchObject({
      method: "notifications/resources/updated",
      params: { uri: shown, _meta: { [subscriptionId]: "sub" } },
    });
    expect((await nextOf(own))?.params?.uri).toBe("note://open/1");
    shared.leave();
    own.leave();
  });

  test("a client that leaves leaves nothing behind at the upstream", async () => {
    const server = servers[era];
    await vi.waitFor(() => expect(server.followers()).toBe(0));
    const stream = await subscribed({ resourceSubscriptions: [`${era}+note://open/1`] });
    expect(server.followers()).toBe(1);
    stream.leave();
    await vi.waitFor(() => expect(server.followers()).toBe(0));
    await vi.waitFor(async () => {
      const { method, decision } = (await gateway.records()).at(-1) ?? {};
      expect({ method, decision }).toEqual({
        method: "subscriptions/listen",
        decision: "cancelled",
      });
    });
  });

  test("a subscription outlives its upstream, and tells what has changed meanwhile", async () => {
    const server = servers[era];
    const stream = await subscribed({
      toolsListChanged: true,
      resourceSubscriptions: [`${era}+note://open/1`],
    });
    const little = await subscribed({ toolsListChanged: true }, { token: tokenB });
    await server.stop();
    // That this fails is remembered for a while, and must not outlive the absence.
    await post(`${gateway.url}/mcp`, modernRequest("tools/list"));
    server.tools.add("reborn");
    await server.start();
    const heard = [await nextOf(stream), await nextOf(stream)];
    expect(heard.map((message) => [message?.method, message?.params?.uri]).toSorted()).toEqual([
      ["notifications/resources/updated", `${era}+note://open/1`],
      ["notifications/tools/list_changed", undefined],
    ]);
    const { tools } =
      (await post(`${gateway.url}/mcp`, modernRequest("tools/list"))).json().result ?? {};
    expect(tools?.map(({ name }) => name)).toContain(`${era}__reborn`);
    server.updated("note://open/1");
    expect((await nextOf(stream))?.params?.uri).toBe(`${era}+note://open/1`);
    stream.leave();
    little.leave();
  }, 30_000);
});

test("a client hears of an upstream that was away when it subscribed", async () => {
  await servers.legacy.stop();
  const own = await start();
  const stream = await subscribed({ toolsListChanged: true }, { at: own });
  await servers.legacy.start();
  expect((await nextOf(stream))?.method).toBe("notifications/tools/list_changed");
  const { tools } = (await post(`${own.url}/mcp`, modernRequest("tools/list"))).json().result ?? {};
  expect(tools?.map(({ name }) => name)).toContain("legacy__common");
  stream.leave();
  await own.close();
}, 30_000);

test("a change between the look at a list and the subscription to it is told of", async () => {
  const { server, tools, listens, acknowledge } = await startSlowServer();
  const own = await runGateway({
    upstreams: { slow: { url: server.url } },
    clients: { a: { auth: authA, allow: seesAll } },
  });
  const listed = async () =>
    (await post(`${own.url}/mcp`, modernRequest("tools/list"))).json().result?.tools;
  expect(await listed()).toEqual([]);
  const opening = subscribed({ toolsListChanged: true }, { at: own });
  await vi.waitFor(() => expect(listens()).toBe(1));
  tools.push("late");
  acknowledge();
  const stream = await opening;
  expect((await nextOf(stream))?.method).toBe("notifications/tools/list_changed");
  expect(await listed()).toMatchObject([{ name: "slow__late" }]);
  stream.leave();
  await own.close();
  await server.close();
});

test("a part of what is followed is told of only to who may read the part", async () => {
  const uris = ["legacy+note://tree"];
  const all = await subscribed({ resourceSubscriptions: uris });
  const little = await subscribed({ resourceSubscriptions: uris }, { token: tokenB });
  servers.legacy.updated("note://tree/leaf");
  servers.legacy.updated("note://tree");
  expect((await nextOf(all))?.params?.uri).toBe("legacy+note://tree/leaf");
  expect((await nextOf(all))?.params?.uri).toBe("legacy+note://tree");
  expect((await nextOf(little))?.params?.uri).toBe("legacy+note://tree");
  all.leave();
  little.leave();
});

test("the official client listens, and is told when the gateway closes", async () => {
  const own = await start();
  const open = async () => {
    const client = new Client(
      { name: "test", version: "1" },
      { versionNegotiation: { mode: "auto" } },
    );
    const changed: string[] = [];
    client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
      changed.push(params.uri);
    });
    const requestInit = { headers: { authorization: `Bearer ${tokenA}` } };
    const endpoint = new URL(`${own.url}/mcp`);
    await client.connect(new StreamableHTTPClientTransport(endpoint, { requestInit }));
    const uri = "modern+note://open/1";
    const subscription = await client.listen({ resourceSubscriptions: [uri] });
    expect(subscription.honoredFilter).toEqual({ resourceSubscriptions: [uri] });
    servers.modern.updated("note://open/1");
    await vi.waitFor(() => expect(changed).toEqual([uri]));
    return subscription;
  };
  const [left, kept] = [await open(), await open()];
  await left.close();
  expect(await left.closed).toBe("local");
  await own.close();
  expect(await kept.closed).toBe("graceful");
});

test("a closing gateway ends its subscriptions with a word", async () => {
  const own = await start();
  const stream = await subscribed({ toolsListChanged: true }, { at: own, id: 12 });
  const closed = own.close();
  const rest = await stream.rest().catch((error: unknown) => error);
  await closed;
  expect(rest).toMatchObject([
    { message: { id: 12, result: { resultType: "complete", _meta: { [subscriptionId]: 12 } } } },
  ]);
});
