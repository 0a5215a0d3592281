import { expect, test } from "vitest";
import type { Store } from "../../src/core/index.ts";
import { createSessions } from "../../src/sessions/index.ts";
import { openMemoryStore } from "../../src/stores/index.ts";
import { crypto, handClock, ownSeals } from "../stores/ports.ts";

const ann = { name: "web", subject: "ann" };
const facts = {
  revision: "2025-06-18",
  capabilities: '{"roots":{},"big":12345678901234567890}',
  clientInfo: '{"name":"probe","version":"1"}',
};
const minute = 60_000;
const day = 24 * 60 * minute;

async function open() {
  const clock = handClock();
  const memory = openMemoryStore({ clock });
  const log: string[] = [];
  const store: Store = {
    ...memory,
    set: (key, value, ttlMs) => {
      log.push(`set ${ttlMs}`);
      return memory.set(key, value, ttlMs);
    },
    get: (key) => {
      log.push("get");
      return memory.get(key);
    },
  };
  return {
    clock,
    store,
    log,
    sessions: await createSessions({ store, crypto, clock, seals: ownSeals() }),
  };
}

test("A session is found again by the client that opened it, with its facts to the byte", async () => {
  const { sessions } = await open();
  const token = await sessions.open(ann, facts);
  const found = await sessions.find(token, ann);
  expect(found).toEqual({
    id: found?.id,
    ...facts,
    state: { logLevel: undefined, resources: [] },
  });
  expect(found?.id).toMatch(/^[0-9a-f]{32}$/);
});

test("A session id is visible ASCII of at most 1 KiB, whoever opens it", async () => {
  const { sessions } = await open();
  for (const client of [ann, { name: "x".repeat(64), subject: "é".repeat(5000) }]) {
    const token = await sessions.open(client, facts);
    expect(token).toMatch(/^[\x21-\x7e]{1,1024}$/);
    expect(await sessions.find(token, client)).toBeDefined();
  }
});

test("Session ids are never the same, and show neither client nor subject", async () => {
  const { sessions } = await open();
  const tokens = [await sessions.open(ann, facts), await sessions.open(ann, facts)];
  expect(tokens[0]).not.toBe(tokens[1]);
  const shown = tokens[0]!.split(".").map((part) => Buffer.from(part, "base64url").toString());
  expect(shown.join()).not.toMatch(/web|ann/);
});

test("A session of another client or subject is as unknown as a forged one", async () => {
  const { sessions } = await open();
  const token = await sessions.open(ann, facts);
  const others = [
    { name: "web", subject: "ben" },
    { name: "web", subject: undefined },
    { name: "mobile", subject: "ann" },
    { name: 'web","ann', subject: undefined },
  ];
  for (const other of others) {
    expect(await sessions.find(token, other)).toBeUndefined();
    expect(await sessions.end(token, other)).toBe(false);
  }
  const wrong = ["", "x", token.slice(0, -2), `${token}A`, ` ${token}`, "é", "x".repeat(5000)];
  for (const each of wrong) {
    expect(await sessions.find(each, ann)).toBeUndefined();
    expect(await sessions.end(each, ann)).toBe(false);
  }
  expect(await sessions.find(token, ann)).toBeDefined();
});

test("A session id of another process is unknown", async () => {
  const one = await open();
  const two = await createSessions({
    store: one.store,
    crypto,
    clock: one.clock,
    seals: ownSeals(),
  });
  expect(await two.find(await one.sessions.open(ann, facts), ann)).toBeUndefined();
});

test("A session that was ended is unknown, and cannot be ended again", async () => {
  const { sessions } = await open();
  const token = await sessions.open(ann, facts);
  expect(await sessions.end(token, ann)).toBe(true);
  expect(await sessions.find(token, ann)).toBeUndefined();
  expect(await sessions.end(token, ann)).toBe(false);
});

test("A session ends a day after its last use", async () => {
  const { sessions, clock } = await open();
  const token = await sessions.open(ann, facts);
  clock.advance(day - 1);
  expect(await sessions.find(token, ann)).toBeDefined();
  clock.advance(day - 1);
  expect(await sessions.find(token, ann)).toBeDefined();
  clock.advance(day);
  expect(await sessions.find(token, ann)).toBeUndefined();
});

test("A session in use is written at most once a minute", async () => {
  const { sessions, clock, log } = await open();
  const token = await sessions.open(ann, facts);
  for (let i = 0; i < 120; i++) {
    await sessions.find(token, ann);
    clock.advance(1000);
  }
  expect(log.filter((each) => each.startsWith("set"))).toEqual([`set ${day}`, `set ${day}`]);
});

test("A session that ends while it is being read stays ended", async () => {
  const clock = handClock();
  const memory = openMemoryStore({ clock });
  let ended: () => void = () => undefined;
  const end = new Promise<void>((resolve) => (ended = resolve));
  let isFirst = true;
  const store: Store = {
    ...memory,
    get: async (key) => {
      const text = await memory.get(key);
      if (isFirst) {
        isFirst = false;
        await end;
      }
      return text;
    },
  };
  const sessions = await createSessions({ store, crypto, clock, seals: ownSeals() });
  const token = await sessions.open(ann, facts);
  clock.advance(2 * minute);
  const slow = sessions.find(token, ann);
  expect(await sessions.end(token, ann)).toBe(true);
  ended();
  expect(await slow).toBeUndefined();
  expect(await sessions.find(token, ann)).toBeUndefined();
});

test("What a client says of itself is bounded", async () => {
  const { sessions } = await open();
  const long = `{"name":"${"x".repeat(20_000)}"}`;
  const token = await sessions.open(ann, { ...facts, clientInfo: long, capabilities: long });
  expect(await sessions.find(token, ann)).toMatchObject({ clientInfo: "{}", capabilities: "{}" });
});

test("What a client says of itself is kept up to 2 KiB", async () => {
  const { sessions } = await open();
  const fits = `{"n":"${"x".repeat(2040)}"}`;
  expect(fits).toHaveLength(2048);
  const token = await sessions.open(ann, { ...facts, clientInfo: fits, capabilities: `${fits} ` });
  expect(await sessions.find(token, ann)).toMatchObject({ clientInfo: fits, capabilities: "{}" });
});

/** A store for 1500 sessions, which displaces the one idle longest. */
function openSmallStore(): { store: Store; values: Map<string, string> } {
  const values = new Map<string, string>();
  const store: Store = {
    ...openMemoryStore({ clock: handClock() }),
    get: async (key) => {
      const value = values.get(key);
      if (values.delete(key)) values.set(key, value ?? "");
      return value;
    },
    set: async (key, value) => {
      values.delete(key);
      values.set(key, value);
      if (values.size > 1500) values.delete([...values.keys()][0]!);
    },
    delete: async (key) => {
      values.delete(key);
    },
  };
  return { store, values };
}

test("A client that opens 5000 sessions ends its own oldest, and none of another client", async () => {
  const { store, values } = openSmallStore();
  const sessions = await createSessions({ store, crypto, clock: handClock(), seals: ownSeals() });
  const other = { name: "b", subject: undefined };
  const others = await sessions.open(other, facts);
  const used = await sessions.open(ann, facts);
  const first = await sessions.open(ann, facts);
  let last = "";
  for (let i = 0; i < 5000; i++) {
    last = await sessions.open({ name: "web", subject: `s${i % 10}` }, facts);
    if (i % 500 === 0) expect(await sessions.find(used, ann)).toBeDefined();
  }
  expect(await sessions.find(others, other)).toBeDefined();
  expect(await sessions.find(last, { name: "web", subject: "s9" })).toBeDefined();
  expect(await sessions.find(used, ann)).toBeDefined();
  expect(await sessions.find(first, ann)).toBeUndefined();
  // And the marks of those that ended last.
  expect(values.size).toBe(1001 + 256);
});

test("A session that was ended no longer counts", async () => {
  const { store } = openSmallStore();
  const sessions = await createSessions({ store, crypto, clock: handClock(), seals: ownSeals() });
  const first = await sessions.open(ann, facts);
  for (let i = 0; i < 1500; i++) await sessions.end(await sessions.open(ann, facts), ann);
  expect(await sessions.find(first, ann)).toBeDefined();
});

test("Garbage in the store is no session", async () => {
  const { sessions, store } = await open();
  const token = await sessions.open(ann, facts);
  const id = (await sessions.find(token, ann))?.id ?? "";
  for (const text of ["", "{}", "[]", '["2025-06-18"]', "[1,2,3]", "nonsense"]) {
    await store.set(`session:web:${id}`, text, minute);
    expect(await sessions.find(token, ann)).toBeUndefined();
  }
});
