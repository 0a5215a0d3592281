import { expect, test } from "vitest";
import { createCanceller } from "../../src/core/index.ts";
import { createStreams } from "../../src/sessions/streams.ts";
import { crypto } from "../stores/ports.ts";
import { settle, timerClock } from "./hand-timers.ts";

const { signal } = createCanceller();
const minute = 60_000;
const mebi = 1024 * 1024;

function open() {
  const clock = timerClock();
  const gone = new Set<string>();
  const clientOf = (session: string): string | undefined =>
    gone.has(session) ? undefined : session.split(":")[0];
  return { clock, gone, streams: createStreams({ clock, crypto }, clientOf) };
}
function idOf(event: string): string {
  return /^id: (.*)$/m.exec(event)?.[1] ?? "";
}
async function take(events: AsyncIterable<string> | undefined): Promise<string[] | undefined> {
  if (events === undefined) return undefined;
  const taken: string[] = [];
  for await (const event of events) taken.push(event);
  return taken;
}

test("A stream is gone on with from any of its events, and from the one it was primed with", async () => {
  const { streams } = open();
  const log = streams.open("a");
  const primed = log.prime(500);
  expect(primed).toMatch(/^retry: 500\nid: [\w-]{22}-1\ndata: \n\n$/);
  const sent = [log.append("1"), log.append("2")];
  log.close();
  expect(await take(streams.resume("a", idOf(primed), signal))).toEqual(sent);
  expect(await take(streams.resume("a", idOf(sent[0]!), signal))).toEqual([sent[1]]);
  expect(await take(streams.resume("a", idOf(sent[1]!), signal))).toEqual([]);
});

test("A stream gives nothing of another stream, and nothing to another session", async () => {
  const { streams } = open();
  const [one, other] = [streams.open("a"), streams.open("a")];
  const first = one.prime();
  const sent = one.append("1");
  const foreign = other.append("2");
  one.close();
  expect(idOf(first).slice(0, 22)).not.toBe(idOf(foreign).slice(0, 22));
  expect(await take(streams.resume("a", idOf(first), signal))).toEqual([sent]);
  const last = idOf(sent);
  for (const wrong of ["", "x", last.slice(1), `${last}0`, `B${last.slice(1)}-x`, `${last} `]) {
    expect(streams.resume("a", wrong, signal)).toBeUndefined();
  }
  expect(streams.resume("b", idOf(first), signal)).toBeUndefined();
});

test("A stream can be asked for during five minutes after its end", async () => {
  const { streams, clock } = open();
  const log = streams.open("a");
  const first = log.prime();
  clock.advance(60 * minute);
  log.append("1");
  log.close();
  clock.advance(5 * minute - 1);
  log.close();
  expect(await take(streams.resume("a", idOf(first), signal))).toHaveLength(1);
  clock.advance(1);
  expect(streams.resume("a", idOf(first), signal)).toBeUndefined();
  expect([streams.entries(), clock.pending()]).toEqual([0, 0]);
});

test("A session keeps 64 streams: the oldest closed one goes, or else the oldest", () => {
  const { streams } = open();
  const kept = Array.from({ length: 64 }, () => {
    const log = streams.open("a");
    return { log, id: idOf(log.prime()) };
  });
  const isKept = (at: number): boolean => streams.resume("a", kept[at]!.id, signal) !== undefined;
  kept[9]!.log.close();
  kept[5]!.log.close();
  const other = idOf(streams.open("b").prime());
  streams.open("a");
  expect([0, 5, 9].map(isKept)).toEqual([true, false, true]);
  streams.open("a");
  expect([0, 9].map(isKept)).toEqual([true, false]);
  streams.open("a");
  expect([0, 1].map(isKept)).toEqual([false, true]);
  expect(streams.resume("b", other, signal)).toBeDefined();
  expect(kept[0]!.log.append("1")).toMatch(/^id: [\w-]{22}-2\ndata: 1\n\n$/);
});

test("A client that fills its streams loses its own oldest, and no other client any", () => {
  const { streams } = open();
  const quiet = idOf(streams.open("quiet:1").prime());
  const data = "x".repeat(mebi - 100);
  const fill = (session: string): string => {
    const log = streams.open(session);
    const id = idOf(log.prime());
    log.append(data);
    return id;
  };
  const first = fill("loud:1");
  const ids = Array.from({ length: 70 }, (_, i) => fill(`loud:${i % 7}`));
  expect(streams.resume("quiet:1", quiet, signal)).toBeDefined();
  expect(streams.resume("loud:1", first, signal)).toBeUndefined();
  const isKept = ids.map((id, i) => streams.resume(`loud:${i % 7}`, id, signal) !== undefined);
  expect(isKept.slice(-60)).toEqual(Array.from({ length: 60 }, () => true));
  expect(isKept.filter(Boolean).length).toBeLessThanOrEqual(64);
});

test("A session has one stream of its own: the newest", () => {
  const { streams } = open();
  const ended: string[] = [];
  const leaveFirst = streams.takeOver("a", () => ended.push("first"));
  const leaveSecond = streams.takeOver("a", () => ended.push("second"));
  expect(ended).toEqual(["first"]);
  leaveFirst();
  const leaveThird = streams.takeOver("a", () => ended.push("third"));
  expect(ended).toEqual(["first", "second"]);
  leaveSecond();
  leaveThird();
  streams.takeOver("a", () => undefined);
  expect(ended).toEqual(["first", "second"]);
});

test("The streams of a session that ends are over, and nothing more is kept for it", async () => {
  const { streams, gone, clock } = open();
  const log = streams.open("a");
  const first = log.prime();
  log.close();
  const open2 = streams.open("a");
  const reader = take(streams.resume("a", idOf(open2.prime()), signal));
  const ended: string[] = [];
  streams.takeOver("a", () => ended.push("own"));
  gone.add("a");
  streams.end("a");
  expect(ended).toEqual(["own"]);
  expect(await reader).toEqual([]);
  expect(streams.resume("a", idOf(first), signal)).toBeUndefined();
  expect(open2.append("1")).toMatch(/^id: /);
  expect(streams.open("a").append("1")).toMatch(/^id: [\w-]{22}-1\ndata: 1\n\n$/);
  streams.takeOver("a", () => ended.push("late"));
  const leave = streams.takeOver("a", () => ended.push("left"));
  leave();
  expect(ended).toEqual(["own"]);
  await settle();
  expect(ended).toEqual(["own", "late"]);
  expect([streams.entries(), clock.pending()]).toEqual([0, 0]);
});
