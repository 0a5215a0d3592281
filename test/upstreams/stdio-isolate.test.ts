import { afterEach, expect, test } from "vitest";
import { createFakeClock, eventually } from "./harness.ts";
import { type Talker, end, form, gather, next, openTalker, pidOf, start } from "./stdio-harness.ts";

const opened: Talker[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ close }) => close()));
});

async function open(...args: Parameters<typeof openTalker>): Promise<Talker> {
  const talker = await openTalker(...args);
  opened.push(talker);
  return talker;
}

type Who = readonly [client: string, capabilities: string, subject?: string];

/** For each caller, the number of the first one that has the same process. */
async function parted(talker: Talker, ...callers: readonly Who[]): Promise<number[]> {
  const pids: number[] = [];
  for (const [client, capabilities, subject] of callers) {
    pids.push(await pidOf(await talker.link(client, capabilities, subject)));
  }
  return pids.map((pid) => pids.indexOf(pid));
}

test.each(["legacy", "modern"])(
  "isolate subject parts the subjects of a %s server",
  async (era) => {
    const talker = await open(era, { isolate: "subject" });
    const found = await parted(talker, ["a", "{}", "x"], ["a", "{}", "y"], ["a", "{}", "x"]);
    expect(found).toEqual([0, 1, 0]);
  },
);

test.each(["legacy", "modern"])("isolate client parts the clients of a %s server", async (era) => {
  const talker = await open(era, { isolate: "client" });
  const found = await parted(talker, ["a", "{}", "x"], ["a", "{}", "y"], ["b", "{}", "x"]);
  expect(found).toEqual([0, 0, 2]);
});

test.each(["legacy", "modern"])("isolate shared parts nobody of a %s server", async (era) => {
  const talker = await open(era, { isolate: "shared" });
  expect(await parted(talker, ["a", form, "x"], ["a", "{}", "y"], ["b", "{}"])).toEqual([0, 0, 0]);
});

test("a legacy process that may ask is of one subject and one set of capabilities", async () => {
  const talker = await open("legacy", { isolate: "client" });
  const found = await parted(
    talker,
    ["a", form, "x"],
    ["a", form, "y"],
    ["a", '{"sampling":{}}', "x"],
    ["a", "{}", "x"],
    ["a", form, "x"],
  );
  expect(found).toEqual([0, 1, 2, 3, 0]);
});

test("a modern process serves all capabilities of its client", async () => {
  const talker = await open("modern", { isolate: "client" });
  expect(await parted(talker, ["a", form], ["a", "{}"], ["b", "{}"])).toEqual([0, 0, 2]);
});

test("a process is not found by a client whose name looks like another's key", async () => {
  const talker = await open("legacy", { isolate: "subject" });
  const found = await parted(talker, ["a", "{}", "x"], ['a","x', "{}"], ['["a","x"', "{}"]);
  expect(found).toEqual([0, 1, 2]);
});

test("a list change is told for all who see the lists of the process", async () => {
  const talker = await open("modern", { isolate: "client" });
  const told = [form, '{"sampling":{}}', "{}"];
  for (const capabilities of told) await talker.link("a", capabilities);
  await end(await talker.link("a", "{}"), "storm");
  const scopes = new Set(talker.changes);
  const own = told.map((capabilities) => `tools ${talker.scope("a", capabilities)}`);
  expect([...scopes].sort()).toEqual(own.sort());
  expect(talker.scope("a", "{}", "x")).not.toBe(talker.scope("a", "{}"));
});

test("a log message that could be another caller's is dropped", async () => {
  const kinds = async (isolate: "client" | "shared", subject?: string) => {
    const talker = await open("legacy", { isolate });
    const messages = await start(await talker.link("a", "{}", subject), "log");
    return (await next(messages)).kind;
  };
  expect(await kinds("client")).toBe("notification");
  expect(await kinds("client", "x")).toBe("result");
  expect(await kinds("shared")).toBe("result");
});

test("callers that meet at the first start get the processes of their own", async () => {
  const talker = await open("legacy", { isolate: "client" });
  const links = await Promise.all([talker.link("a", form), talker.link("a", "{}")]);
  const [one, other] = await Promise.all(links.map(pidOf));
  expect(one).not.toBe(other);
});

test("a listener keeps the process from being idle", async () => {
  const clock = createFakeClock();
  const talker = await open("legacy", { clock });
  const link = await talker.link("a");
  const pid = await pidOf(link);
  const gone = new AbortController();
  const wish = { lists: new Set(["tools"] as const), uris: [] };
  const { over } = gather(await link.listen(wish, gone.signal));
  await clock.advance(3_600_000);
  expect(await pidOf(await talker.link("a"))).toBe(pid);
  gone.abort();
  await over;
  await clock.advance(601_000);
  await eventually(() => !isAlive(pid));
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
