import { afterEach, expect, test } from "vitest";
import type { ListChange, ListenWish } from "../../src/upstreams/link.ts";
import { createFakeClock, eventually, never } from "./harness.ts";
import { type Talker, end, gather, openTalker, start } from "./stdio-harness.ts";

const opened: Talker[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ close }) => close()));
});

async function open(...args: Parameters<typeof openTalker>): Promise<Talker> {
  const talker = await openTalker(...args);
  opened.push(talker);
  return talker;
}

function wish(lists: readonly ListChange[], ...uris: readonly string[]): ListenWish {
  return { lists: new Set(lists), uris };
}

/** The methods of the requests that the processes saw, without calls. */
async function asked(talker: Talker): Promise<string[]> {
  const methods = (await talker.seen()).flatMap(
    (line) => /"method":"([^"]+)"/.exec(line)?.[1] ?? [],
  );
  return methods.filter((method) => /subscribe|listen|cancelled|setLevel/.test(method));
}

async function eventuallyAsked(talker: Talker, ...methods: readonly string[]): Promise<void> {
  let found: string[] = [];
  await eventually(() => {
    void asked(talker).then((each) => (found = each));
    return found.length >= methods.length;
  });
  expect(found).toEqual(methods);
}

test.each(["legacy", "modern"])("a %s process tells what was wished for", async (era) => {
  const talker = await open(era);
  const link = await talker.link();
  const gone = new AbortController();
  const { texts, over } = gather(await link.listen(wish(["tools"], "file:///a"), gone.signal));
  await end(link, "change");
  await eventually(() => texts.length >= 2);
  expect(texts.slice(0, 2)).toEqual([
    "tools/list_changed {}",
    'resources/updated {"uri":"file:///a","n":1}',
  ]);
  gone.abort();
  await over;
  const told = texts.length;
  await end(link, "change");
  expect(texts).toHaveLength(told);
  await eventuallyAsked(
    talker,
    ...(era === "modern"
      ? ["subscriptions/listen", "notifications/cancelled"]
      : ["resources/subscribe", "resources/unsubscribe"]),
  );
});

test("a legacy process is asked once for a resource, however many listen to it", async () => {
  const talker = await open("legacy");
  const link = await talker.link();
  const gone = [new AbortController(), new AbortController()] as const;
  const told: ReturnType<typeof gather>[] = [];
  for (const { signal } of gone)
    told.push(gather(await link.listen(wish([], "file:///a"), signal)));
  await end(link, "change");
  await eventually(() => told.every(({ texts }) => texts.length === 1));
  gone[0].abort();
  await end(link, "change");
  await eventually(() => told[1]!.texts.length === 2);
  expect(await asked(talker)).toEqual(["resources/subscribe"]);
  gone[1].abort();
  await eventuallyAsked(talker, "resources/subscribe", "resources/unsubscribe");
  expect(told[0]!.texts).toHaveLength(1);
});

test("a listener whose changes nobody reads is let go of when its signal fires", async () => {
  for (const era of ["legacy", "modern"]) {
    const talker = await open(era);
    const link = await talker.link();
    const gone = new AbortController();
    await link.listen(wish(["tools"], "file:///a"), gone.signal);
    gone.abort();
    await eventuallyAsked(
      talker,
      ...(era === "modern"
        ? ["subscriptions/listen", "notifications/cancelled"]
        : ["resources/subscribe", "resources/unsubscribe"]),
    );
  }
});

test("a process that tells of nothing cannot be listened to", async () => {
  const quiet = await (await open("quiet")).link();
  expect(await quiet.listen(wish(["tools"], "file:///a"), never)).toMatchObject({
    code: "UPSTREAM_INVALID",
  });
  const legacy = await (await open("legacy")).link();
  expect(await legacy.listen(wish([], "file:///secret"), never)).toMatchObject({
    code: "UPSTREAM_INVALID",
  });
  const modern = await (await open("modern")).link();
  expect(await modern.listen(wish(["prompts"]), never)).toMatchObject({ code: "UPSTREAM_INVALID" });
  expect(await modern.listen(wish([]), never)).toMatchObject({ code: "UPSTREAM_INVALID" });
});

test("listening ends when the process ends, and when a modern one cancels it", async () => {
  for (const [era, tool] of [
    ["legacy", "exit"],
    ["modern", "exit"],
    ["modern", "hangUp"],
  ] as const) {
    const link = await (await open(era)).link();
    const { over } = gather(await link.listen(wish(["tools"]), never));
    await end(link, tool);
    await over;
  }
});

test("a modern process that does not acknowledge is given up in time", async () => {
  const clock = createFakeClock();
  const talker = await open("modern", { clock });
  const link = await talker.link();
  const gone = new AbortController();
  const busy = (await start(link, "deaf", {}, gone.signal)).next();
  const late = link.listen(wish(["tools"]), never);
  await clock.advance(5_100);
  expect(await late).toMatchObject({ code: "UPSTREAM_TIMEOUT" });
  gone.abort();
  await busy;
  // It hears nothing, and must be made to end.
  const closed = talker.close();
  for (let i = 0; i < 8; i++) await clock.advance(1_000);
  await closed;
});

test("a thousand equal changes that wait are one", async () => {
  const link = await (await open("legacy")).link();
  const changes = await link.listen(wish(["tools"]), never);
  await end(link, "storm");
  const { texts } = gather(changes);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(texts).toEqual(["tools/list_changed "]);
});

test.each(["legacy", "modern"])(
  "changes of a %s process that nobody reads are bounded",
  async (era) => {
    const link = await (await open(era)).link();
    const changes = await link.listen(wish([], "file:///a"), never);
    // They are much more than the call may receive, whose answer they are not.
    expect(await end(link, "gush", { maxBytes: 10_000 })).toBe("{}");
    const { texts, over } = gather(changes);
    await over;
    expect(texts.length).toBeGreaterThan(1_000);
    expect(texts.length).toBeLessThan(12_000);
  },
);

test.each(["legacy", "modern"])(
  "changes of a %s process that are read have no end",
  async (era) => {
    const link = await (await open(era)).link();
    const { texts } = gather(await link.listen(wish([], "file:///a"), never));
    await end(link, "gush");
    await eventually(() => texts.length === 12_000);
  },
);

test("a legacy process is told once what it is to log, and again where more is wanted", async () => {
  const talker = await open("legacy");
  const link = await talker.link();
  for (const logLevel of [undefined, "error", "error", "critical", "debug", "nonsense"]) {
    await end(link, "pid", { logLevel });
  }
  const levels = (await talker.seen()).filter((line) => line.includes("setLevel"));
  expect(levels.map((line) => /"level":"(\w+)"/.exec(line)?.[1])).toEqual(["error", "debug"]);
  const modern = await open("modern");
  await end(await modern.link(), "pid", { logLevel: "debug" });
  expect(await asked(modern)).toEqual([]);
});
