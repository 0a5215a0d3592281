import { expect, test } from "vitest";
import { type Store, createKeyring } from "../../src/core/index.ts";
import { type SessionState, type Sessions, createSessions } from "../../src/sessions/index.ts";
import { openMemoryStore } from "../../src/stores/index.ts";
import { crypto, ownSeals } from "../stores/ports.ts";
import { settle, timerClock } from "./hand-timers.ts";

const ann = { name: "web", subject: "ann" };
const facts = { revision: "2025-11-25", capabilities: "{}", clientInfo: "{}" };
const minute = 60_000;
const day = 24 * 60 * minute;
/** Of two instances with the same keys. */
const sameSeals = createKeyring([new Uint8Array(32).fill(7)], crypto.randomBytes).seals;

async function open(wrap: (store: Store) => Store = (store) => store) {
  const clock = timerClock();
  const memory = openMemoryStore({ clock });
  const store = wrap(memory);
  return {
    clock,
    memory,
    store,
    sessions: await createSessions({ store, crypto, clock, seals: ownSeals() }),
  };
}
async function openOne(sessions: Sessions) {
  const token = await sessions.open(ann, facts);
  const session = await sessions.find(token, ann);
  return { token, id: session?.id ?? "" };
}
function follow(count: number, length = 5): SessionState["resources"] {
  const uri = "u".repeat(length);
  return Array.from({ length: count }, (_, i) => ({ upstream: "files", uri, shown: `${uri}${i}` }));
}
function level(logLevel: string): (state: SessionState) => SessionState {
  return (state) => ({ ...state, logLevel });
}
/** Holds back one kind of operation on the session's own key until it is let through. */
function gate(operation: "get" | "set") {
  let isShut = false;
  let letThrough: () => void = () => undefined;
  let wait = Promise.resolve();
  return {
    shut: () => {
      isShut = true;
      wait = new Promise((resolve) => (letThrough = resolve));
    },
    /** Who comes from now on does not wait. */
    letOthersBy: () => {
      isShut = false;
    },
    letThrough: () => letThrough(),
    wrap: (store: Store): Store => ({
      ...store,
      [operation]: async (key: string, text: string, ttlMs: number) => {
        const isHeldBack = isShut;
        if (operation === "get") {
          const found = await store.get(key);
          if (key.startsWith("session:") && isHeldBack) await wait;
          return found;
        }
        if (key.startsWith("session:") && isHeldBack) await wait;
        return store.set(key, text, ttlMs);
      },
    }),
  };
}

test("A change of a session is found again, to the byte", async () => {
  const { sessions } = await open();
  const { token, id } = await openOne(sessions);
  const state = {
    logLevel: "warning",
    resources: [{ upstream: "a", uri: 'x:"é\ud800\u2028', shown: "a+x:\u0000" }],
  };
  expect(await sessions.change(ann, id, () => state)).toEqual(state);
  expect(await sessions.find(token, ann)).toEqual({ id, ...facts, state });
});

test("Changes are made one after the other, and none is lost", async () => {
  const { sessions, clock } = await open();
  const { token, id } = await openOne(sessions);
  const heard: number[] = [];
  sessions.watch(id, (state) => heard.push(state?.resources.length ?? -1));
  clock.advance(2 * minute);
  const changes = Array.from({ length: 20 }, (_, i) =>
    sessions.change(ann, id, (state) => ({
      ...state,
      resources: [...state.resources, { upstream: "a", uri: `${i}`, shown: `${i}` }],
    })),
  );
  // Writes the session as well, since a minute has gone by.
  const found = sessions.find(token, ann);
  await Promise.all([...changes, found]);
  const uris = (await sessions.find(token, ann))?.state.resources.map(({ uri }) => uri);
  expect(uris).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
  expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
});

test("A session in use that is written anew keeps what changed while it was read", async () => {
  const door = gate("get");
  const { sessions, clock } = await open(door.wrap);
  const { token, id } = await openOne(sessions);
  clock.advance(2 * minute);
  door.shut();
  const slow = sessions.find(token, ann);
  await settle();
  door.letThrough();
  const changed = sessions.change(ann, id, level("error"));
  await Promise.all([slow, changed]);
  expect((await sessions.find(token, ann))?.state.logLevel).toBe("error");
});

test("A session follows at most 1,000 resources, and keeps at most 512 Ki characters", async () => {
  const { sessions } = await open();
  const { token, id } = await openOne(sessions);
  const full = await sessions.change(ann, id, (state) => ({ ...state, resources: follow(1000) }));
  expect(full?.resources).toHaveLength(1000);
  const over = sessions.change(ann, id, (state) => ({ ...state, resources: follow(1001) }));
  await expect(over).rejects.toThrow(RangeError);
  const large = sessions.change(ann, id, (state) => ({
    ...state,
    resources: follow(1, 300 * 1024),
  }));
  await expect(large).rejects.toThrow(RangeError);
  expect((await sessions.find(token, ann))?.state).toEqual(full);
  expect(await sessions.change(ann, id, level("info"))).toMatchObject({ logLevel: "info" });
});

test("A change that fails stops none after it", async () => {
  const { sessions } = await open();
  const { id } = await openOne(sessions);
  const failing = sessions.change(ann, id, () => {
    throw new Error("No");
  });
  const next = sessions.change(ann, id, level("info"));
  await expect(failing).rejects.toThrow("No");
  expect(await next).toMatchObject({ logLevel: "info" });
});

test("A session that is gone, or another client's, has no state to change", async () => {
  const { sessions, clock } = await open();
  const { token, id } = await openOne(sessions);
  const mobile = { name: "mobile", subject: "ann" };
  expect(await sessions.change(mobile, id, level("info"))).toBeUndefined();
  expect((await sessions.find(token, ann))?.state.logLevel).toBeUndefined();
  expect(await sessions.change(ann, "0".repeat(32), level("info"))).toBeUndefined();
  await sessions.end(token, ann);
  expect(await sessions.change(ann, id, level("info"))).toBeUndefined();
  const other = await openOne(sessions);
  clock.advance(day);
  expect(await sessions.change(ann, other.id, level("info"))).toBeUndefined();
});

test("A watcher hears each change, and the end once", async () => {
  const { sessions } = await open();
  const { token, id } = await openOne(sessions);
  const heard: unknown[] = [];
  const stop = sessions.watch(id, (state) => heard.push(["stopped", state]));
  sessions.watch(id, (state) => heard.push(state?.logLevel));
  stop();
  await sessions.change(ann, id, level("info"));
  await sessions.change(ann, id, (state) => state);
  await sessions.find(token, ann);
  expect(heard).toEqual(["info"]);
  expect(await sessions.end(token, ann)).toBe(true);
  await sessions.end(token, ann);
  await sessions.change(ann, id, level("error"));
  expect(heard).toEqual(["info", undefined]);
});

test("A watcher that stops another while both are told keeps it from being told", async () => {
  const { sessions } = await open();
  const { id } = await openOne(sessions);
  const heard: string[] = [];
  let stop: () => void = () => undefined;
  sessions.watch(id, () => {
    heard.push("first");
    stop();
    sessions.watch(id, () => heard.push("new"));
  });
  stop = sessions.watch(id, () => heard.push("second"));
  await sessions.change(ann, id, level("info"));
  expect(heard).toEqual(["first"]);
});

test("A watcher of a session that has ended hears that, unless it stops", async () => {
  const { sessions } = await open();
  const { token, id } = await openOne(sessions);
  await sessions.end(token, ann);
  const heard: unknown[] = [];
  sessions.watch(id, (state) => heard.push(state));
  const stop = sessions.watch(id, () => heard.push("stopped"));
  stop();
  expect(heard).toEqual([]);
  await settle();
  expect(heard).toEqual([undefined]);
});

test("A change under way does not revive a session that ends meanwhile", async () => {
  for (const operation of ["get", "set"] as const) {
    const door = gate(operation);
    const { sessions, memory } = await open(door.wrap);
    const { token, id } = await openOne(sessions);
    door.shut();
    const slow = sessions.change(ann, id, level("info"));
    await settle();
    const end = sessions.end(token, ann);
    await settle();
    door.letThrough();
    expect(await end).toBe(true);
    expect(await slow).toBeUndefined();
    expect(await sessions.find(token, ann)).toBeUndefined();
    expect(await memory.get(`session:web:${id}`)).toBeUndefined();
    expect(sessions.count()).toBe(0);
  }
});

test("A session that ends while it is looked for is not held again", async () => {
  const door = gate("get");
  const { sessions } = await open(door.wrap);
  const { token } = await openOne(sessions);
  door.shut();
  const slow = sessions.find(token, ann);
  await settle();
  door.letOthersBy();
  expect(await sessions.end(token, ann)).toBe(true);
  door.letThrough();
  expect(await slow).toBeUndefined();
  expect(sessions.count()).toBe(0);
});

test("A session that one instance ends is unknown to another, whatever that one is writing", async () => {
  const clock = timerClock();
  const memory = openMemoryStore({ clock });
  const door = gate("set");
  const one = await createSessions({ store: memory, crypto, clock, seals: sameSeals });
  const two = await createSessions({ store: door.wrap(memory), crypto, clock, seals: sameSeals });
  const token = await one.open(ann, facts);
  const { id } = (await two.find(token, ann))!;
  const heard: unknown[] = [];
  two.watch(id, (state) => heard.push(state));
  door.shut();
  const slow = two.change(ann, id, level("info"));
  await settle();
  expect(await one.end(token, ann)).toBe(true);
  door.letThrough();
  await slow;
  expect(await memory.get(`session:web:${id}`)).toBeDefined();
  expect(await two.find(token, ann)).toBeUndefined();
  expect(await one.find(token, ann)).toBeUndefined();
  expect(heard.at(-1)).toBeUndefined();
  expect([one.count(), two.count()]).toEqual([0, 0]);
  clock.advance(day);
  expect(await two.find(token, ann)).toBeUndefined();
});

test("A session that two requests end at once was there for one of them", async () => {
  const { sessions } = await open();
  const { token } = await openOne(sessions);
  const ends = await Promise.all([sessions.end(token, ann), sessions.end(token, ann)]);
  expect(ends.sort()).toEqual([false, true]);
});

test("A client whose sessions fill the store ends its own oldest ones alone", async () => {
  const { sessions } = await open();
  const other = { name: "other", subject: undefined };
  const others = await sessions.open(other, facts);
  const tokens: string[] = [];
  for (let i = 0; i < 40; i++) {
    const { token, id } = await openOne(sessions);
    tokens.push(token);
    await sessions.change(ann, id, (state) => ({ ...state, resources: follow(1, 200 * 1024) }));
  }
  expect(await sessions.find(others, other)).toBeDefined();
  const isFound = await Promise.all(
    tokens.map(async (token) => (await sessions.find(token, ann)) !== undefined),
  );
  expect(isFound.filter(Boolean)).toHaveLength(20);
  expect(isFound.slice(-20).every(Boolean)).toBe(true);
});
