import { expect, test } from "vitest";
import { failure } from "../../src/core/index.ts";
import { createClosing } from "../../src/upstreams/closing.ts";
import { isFailure } from "../../src/upstreams/link.ts";
import { type Kept, type Place, createSlots } from "../../src/upstreams/slots.ts";
import { createFakeClock, never } from "./harness.ts";

interface Thing extends Kept {
  readonly name: string;
  readonly break: () => void;
  readonly isEnded: () => boolean;
}

function createThing(name: string): Thing {
  let settle = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    settle = resolve;
  });
  let isEnded = false;
  const end = async (): Promise<void> => {
    isEnded = true;
    settle();
  };
  return { name, over, end, break: settle, isEnded: () => isEnded };
}

function setUp(max = 2) {
  const clock = createFakeClock();
  const closing = createClosing();
  const slots = createSlots<Thing>({ clock, closing, max, one: "thing", many: "things" });
  const opened: Thing[] = [];
  const take = (key: string, idleMs = 1_000) =>
    slots.take(
      key,
      idleMs,
      async () => {
        const thing = createThing(`${key}${opened.length}`);
        opened.push(thing);
        return thing;
      },
      never,
    );
  const have = async (key: string, idleMs?: number): Promise<Place<Thing>> => {
    const place = await take(key, idleMs);
    if (isFailure(place)) throw new Error(place.why);
    return place;
  };
  return { clock, closing, slots, opened, take, have };
}

test("slots open one for a key, also for those who ask at once", async () => {
  const { have, opened } = setUp();
  const places = await Promise.all([have("a"), have("a"), have("b")]);
  expect(places.map(({ kept }) => kept.name)).toEqual(["a0", "a0", "b1"]);
  expect(opened).toHaveLength(2);
});

test("slots end what nobody holds when it was idle for so long", async () => {
  const { have, clock } = setUp();
  const { kept, hold } = await have("a");
  const release = hold();
  await clock.advance(5_000);
  expect(kept.isEnded()).toBe(false);
  release();
  release();
  const again = hold();
  await clock.advance(5_000);
  expect(kept.isEnded()).toBe(false);
  again();
  await clock.advance(999);
  expect(kept.isEnded()).toBe(false);
  await clock.advance(2);
  expect(kept.isEnded()).toBe(true);
  expect((await have("a")).kept.name).toBe("a1");
});

test("slots keep for the longest that anybody wished", async () => {
  const { have, clock } = setUp();
  const { kept } = await have("a", 5_000);
  await have("a", 1_000);
  await clock.advance(4_000);
  expect(kept.isEnded()).toBe(false);
  await clock.advance(1_100);
  expect(kept.isEnded()).toBe(true);
});

test("slots clean up behind what ended by itself, and pause", async () => {
  const { have, take, clock } = setUp();
  const { kept } = await have("a");
  kept.break();
  await clock.advance(0);
  expect(kept.isEnded()).toBe(true);
  expect(await take("a")).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  await clock.advance(1_001);
  expect((await have("a")).kept.name).toBe("a1");
});

test("slots pause for longer after each failure, and for a minute at most", async () => {
  const { slots, clock } = setUp();
  let opens = 0;
  const take = () =>
    slots.take(
      "a",
      600_000,
      async () => {
        opens++;
        return failure("UPSTREAM_UNAVAILABLE", "no");
      },
      never,
    );
  const pauses = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000];
  for (const [index, ms] of pauses.entries()) {
    await take();
    await clock.advance(ms - 1);
    await take();
    expect(opens).toBe(index + 1);
    await clock.advance(1);
  }
});

test("slots make room by ending the one that was idle for longest, and no other", async () => {
  const { have, take, clock } = setUp();
  const [a, b] = [await have("a"), await have("b")];
  const release = a.hold();
  await clock.advance(10);
  await have("c");
  expect([a.kept.isEnded(), b.kept.isEnded()]).toEqual([false, true]);
  const c = (await have("c")).hold();
  expect(await take("d")).toMatchObject({ why: "All 2 things are busy" });
  release();
  c();
});

test("slots move what they keep to a key that is free", async () => {
  const { have } = setUp(3);
  const a = await have("a");
  const b = await have("b");
  a.moveTo("shared");
  b.moveTo("shared");
  expect((await have("shared")).kept.name).toBe("a0");
  expect((await have("b")).kept.name).toBe("b1");
  expect((await have("a")).kept.name).toBe("a2");
});

test("slots end all at the close, also what was still opening", async () => {
  const { slots, closing, take, clock, have } = setUp();
  const { kept } = await have("a");
  let open: ((thing: Thing) => void) | undefined;
  const late = createThing("late");
  const opening = slots.take("b", 1_000, () => new Promise((resolve) => (open = resolve)), never);
  closing.close();
  const closed = slots.close();
  open?.(late);
  await closed;
  expect([kept.isEnded(), late.isEnded()]).toEqual([true, true]);
  await opening;
  expect(await take("c")).toMatchObject({ why: "The gateway is closing" });
  await clock.advance(60_000);
});
