import { tmpdir } from "node:os";
import { afterEach, describe, expect, test } from "vitest";
import { type Bus, type Log, StoreLost, createKeyring } from "../../src/core/index.ts";
import { createMemoryBus } from "../../src/stores/index.ts";
import {
  type ListChange,
  type Upstream,
  type UpstreamChange,
  type UpstreamPool,
  createUpstreamPool,
} from "../../src/upstreams/index.ts";
import {
  type Answerer,
  error,
  modern,
  result,
  sendEvents,
  sendJson,
  startEvents,
  startFake,
} from "./fake-server.ts";
import {
  ask,
  callTool,
  caller,
  createFakeClock,
  eventually,
  keysOf,
  runtime,
  toConfig,
} from "./harness.ts";

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  logged.length = 0;
});

const logged: string[] = [];
const write = (message: string, fields?: object) => logged.push(message + JSON.stringify(fields));
const log: Log = { debug: write, info: write, warn: write, error: write };
const changed = (list: string) =>
  `{"jsonrpc":"2.0","method":"notifications/${list}/list_changed","params":{}}`;

/** A bus that counts, and takes nothing while it is away. */
function createBus() {
  const inner = createMemoryBus({ log });
  const texts: string[] = [];
  const state = { isAway: false };
  const bus: Bus = {
    publish: async (channel, text) => {
      if (state.isAway) throw new StoreLost("unreachable", "It is away");
      expect(channel).toBe("lists");
      texts.push(text);
      await inner.publish(channel, text);
    },
    subscribe: inner.subscribe,
  };
  return { bus, texts, state };
}

interface Setting {
  /** What a call tells of before its answer. */
  readonly told?: readonly string[];
  /** The server cannot be listened to. */
  readonly isMute?: boolean;
}

/** Two instances in front of one server; what a call on the second makes known, the first hears of. */
async function start({ told = ["tools"], isMute = false }: Setting = {}) {
  const clock = createFakeClock();
  const server = { tools: ["old"], isDown: false };
  const answer: Answerer = ({ id, method }, response) => {
    const tools = server.tools.map((name) => `{"name":"${name}","inputSchema":{}}`);
    if (method === "tools/call") {
      sendEvents(response, ...told.map(changed), result(id, '{"content":[]}'));
    } else if (method === "subscriptions/listen" && isMute) {
      sendJson(response, error(id, -32601), 404);
    } else if (method === "subscriptions/listen") {
      const meta = `"_meta":{"io.modelcontextprotocol/subscriptionId":${id}}`;
      const params = `{${meta},"notifications":{"toolsListChanged":true}}`;
      startEvents(response);
      response.write(
        `data: {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":${params}}\n\n`,
      );
    } else if (server.isDown) {
      sendJson(response, "{}", 503);
    } else if (method === "prompts/list") {
      sendJson(response, result(id, '{"prompts":[]}'));
    } else {
      sendJson(response, result(id, `{"tools":[${tools.join(",")}]}`));
    }
  };
  const fake = await startFake(modern(answer));
  const { bus, texts, state } = createBus();
  const config = toConfig({ upstreams: { it: { url: fake.url } } });
  const { seals } = createKeyring([], runtime.crypto.randomBytes);
  const open = (instance: string, on = bus): { pool: UpstreamPool; it: Upstream } => {
    const about = { folder: tmpdir(), version: "1", env: {}, instance };
    const pool = createUpstreamPool(about, { ...runtime, log, clock, bus: on, seals });
    closers.push(pool.close);
    const it = pool.open(config, () => new Set()).get("it");
    if (it === undefined) throw new Error("No upstream");
    return { pool, it };
  };
  const [a, b] = [open("a"), open("b")];
  closers.push(fake.close);
  await settle();
  // What each does when it begins to hear is over.
  await clock.advance(1_000);
  const lists = () => fake.methods().filter((method) => method === "tools/list").length;
  const change = () => ask(b.it, callTool("t"));
  return { clock, server, bus, texts, state, a, b, lists, change, open };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** What somebody hears who listens to these lists, from now on. */
async function hear(it: Upstream, ...lists: ListChange[]) {
  const gone = new AbortController();
  const heard: UpstreamChange[] = [];
  let isOver = false;
  const run = async (): Promise<void> => {
    const wish = { lists: new Set(lists), uris: [] };
    for await (const change of it.listen(caller(), wish, gone.signal)) heard.push(change);
    isOver = true;
  };
  void run();
  closers.unshift(() => gone.abort());
  await eventually(() => heard.some(({ kind }) => kind === "way"));
  await settle();
  heard.length = 0;
  return { heard, leave: () => gone.abort(), isOver: () => isOver };
}

const aboutTools = { kind: "list", list: "tools" };

describe.each([
  ["that can be listened to", false],
  ["that cannot be listened to", true],
])("a change of an upstream %s", (_, isMute) => {
  test("that one instance sees is heard of on the other, whose list is fetched again", async () => {
    const { a, server, change, lists } = await start({ isMute });
    const { heard } = await hear(a.it, "tools");
    expect(await keysOf(a.it, "tools")).toEqual(["old"]);
    server.tools = ["new"];
    expect(await keysOf(a.it, "tools")).toEqual(["old"]);
    const before = lists();
    await change();
    await eventually(() => heard.length > 0);
    expect(heard).toEqual([aboutTools]);
    expect(await keysOf(a.it, "tools")).toEqual(["new"]);
    expect(lists()).toBe(before + 1);
  });

  test("is told to nobody who did not wish for it, or has left", async () => {
    const { a, change } = await start({ isMute, told: ["prompts", "tools"] });
    const other = await hear(a.it, "prompts");
    const gone = await hear(a.it, "tools");
    gone.leave();
    await eventually(gone.isOver);
    await change();
    await eventually(() => other.heard.length > 0);
    expect(other.heard).toEqual([{ kind: "list", list: "prompts" }]);
    expect(gone.heard).toEqual([]);
  });
});

test("who breaks off while nothing happens leaves nothing behind", async () => {
  const { a } = await start();
  const wish = { lists: new Set(["tools"] as const), uris: [] };
  const changes = a.it.listen(caller(), wish, new AbortController().signal);
  for await (const change of changes) if (change.kind === "list") break;
  await a.pool.close();
});

test("a listener ends with its pool", async () => {
  const { a } = await start({ isMute: true });
  const { isOver } = await hear(a.it, "tools");
  await a.pool.close();
  await eventually(isOver);
});

test("a list of no wish is fetched again too, for every caller", async () => {
  const { a, server, change } = await start();
  const shown = async (client: string) => {
    const listing = await a.it.list("tools", caller(client), new AbortController().signal);
    return "kind" in listing ? listing.code : listing.items.map(({ key }) => key);
  };
  expect([await shown("x"), await shown("y")]).toEqual([["old"], ["old"]]);
  server.tools = ["new"];
  await change();
  await settle();
  expect([await shown("x"), await shown("y")]).toEqual([["new"], ["new"]]);
});

test("an old list stands in where the upstream fails after a change that others saw", async () => {
  const { a, server, change, lists } = await start();
  expect(await keysOf(a.it, "tools")).toEqual(["old"]);
  await change();
  await settle();
  server.isDown = true;
  expect(await keysOf(a.it, "tools")).toEqual(["old"]);
  expect(lists()).toBe(2);
});

test("a flood of changes is two texts, and the last one is not lost", async () => {
  const { a, b, clock, texts, change } = await start({ told: Array(500).fill("tools") });
  const { heard } = await hear(a.it, "tools");
  await change();
  await change();
  expect(texts.map((text) => JSON.parse(text) as unknown)).toEqual([
    { v: 1, from: "b", upstream: "it", list: "tools" },
  ]);
  await clock.advance(249);
  expect(texts).toHaveLength(1);
  await clock.advance(1);
  expect(texts).toHaveLength(2);
  await clock.advance(10_000);
  expect(texts).toHaveLength(2);
  expect(heard).toEqual([aboutTools, aboutTools]);
  await b.pool.close();
});

test("a change that waits for its turn is said at the end", async () => {
  const { b, texts, change } = await start({ told: ["tools", "tools"] });
  await change();
  expect(texts).toHaveLength(1);
  await b.pool.close();
  expect(texts).toHaveLength(2);
});

test("what was heard is not said again", async () => {
  const { a, clock, texts, change } = await start();
  const { heard } = await hear(a.it, "tools");
  await change();
  await eventually(() => heard.length > 0);
  await keysOf(a.it, "tools");
  await clock.advance(10_000);
  expect(texts).toHaveLength(1);
});

describe("a text from the bus", () => {
  const good = { v: 1, from: "z", upstream: "it", list: "tools" };

  test.each<[string, string]>([
    ["is no JSON", "{"],
    ["is no object", "[1]"],
    ["has another version", JSON.stringify({ ...good, v: 2 })],
    ["has its version as text", JSON.stringify({ ...good, v: "1" })],
    ["has no sender", JSON.stringify({ ...good, from: undefined, more: 1 })],
    ["has more", JSON.stringify({ ...good, more: 1 })],
    ["names one member twice", JSON.stringify(good).replace("{", '{"v":1,')],
    ["is about an unknown upstream", JSON.stringify({ ...good, upstream: "other" })],
    ["is about an unknown list", JSON.stringify({ ...good, list: "resourceTemplates" })],
    ["is its own", JSON.stringify({ ...good, from: "a" })],
    ["is too long", JSON.stringify({ ...good, from: "z".repeat(2_000) })],
  ])("that %s is ignored", async (_, text) => {
    const { a, bus, clock, lists } = await start();
    const { heard } = await hear(a.it, "tools");
    await keysOf(a.it, "tools");
    const before = lists();
    await bus.publish("lists", text);
    await clock.advance(1_000);
    await keysOf(a.it, "tools");
    expect(heard).toEqual([]);
    expect(lists()).toBe(before);
  });

  test("that comes a thousand times costs two looks", async () => {
    const { a, bus, clock } = await start();
    const { heard } = await hear(a.it, "tools");
    for (let i = 0; i < 1_000; i++) {
      await bus.publish("lists", JSON.stringify({ ...good, from: `z${i}` }));
    }
    await clock.advance(10_000);
    expect(heard).toEqual([aboutTools, aboutTools]);
  });
});

test("each list counts as changed when something may have been missed, and what the bus refused is said then", async () => {
  const { a, b, clock, server, state, texts, change } = await start();
  const { heard } = await hear(a.it, "tools", "prompts");
  await keysOf(a.it, "tools");
  server.tools = ["new"];
  state.isAway = true;
  await change();
  await clock.advance(1_000);
  expect(heard).toEqual([]);
  state.isAway = false;
  a.pool.missed();
  await settle();
  expect(heard).toEqual([aboutTools, { kind: "list", list: "prompts" }]);
  expect(await keysOf(a.it, "tools")).toEqual(["new"]);
  expect(texts).toEqual([]);
  b.pool.missed();
  await clock.advance(1_000);
  expect(texts).toHaveLength(1);
  expect(heard.at(-1)).toEqual(aboutTools);
});

test("a return of the bus that happens all the time costs no more than other texts", async () => {
  const { a, clock } = await start();
  const { heard } = await hear(a.it, "tools");
  for (let i = 0; i < 100; i++) a.pool.missed();
  await settle();
  await clock.advance(10_000);
  expect(heard).toEqual([aboutTools, aboutTools]);
});

test("each list counts as changed once an instance begins to hear", async () => {
  const { server, open, bus } = await start();
  let begin = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const c = open("c", {
    ...bus,
    subscribe: async (channel, act) => {
      if (channel === "lists") await ready;
      return bus.subscribe(channel, act);
    },
  });
  expect(await keysOf(c.it, "tools")).toEqual(["old"]);
  server.tools = ["new"];
  begin();
  await settle();
  expect(await keysOf(c.it, "tools")).toEqual(["new"]);
});

test("an instance that may not listen to the bus says so and works on", async () => {
  const { open, bus } = await start();
  const c = open("c", {
    ...bus,
    subscribe: async (channel, act) => {
      if (channel === "lists") throw new Error("NOPERM");
      return bus.subscribe(channel, act);
    },
  });
  expect(await keysOf(c.it, "tools")).toEqual(["old"]);
  expect(logged).toEqual([expect.stringContaining("NOPERM")]);
});
