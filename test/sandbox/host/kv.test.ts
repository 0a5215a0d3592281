import { describe, expect, test } from "vitest";
import { StoreLost } from "../../../src/core/index.ts";
import { kvSuite } from "./kv.suite.ts";
import { countCalls, createAsk, createBench } from "./ports.ts";

kvSuite("a store in memory", () => {
  const { ports, clock } = createBench();
  return Promise.resolve({
    ports: [ports, { ...ports }],
    wait: (ms) => Promise.resolve(clock.advance(ms)),
    close: ports.store.close,
  });
});

const grants = { kv: "client" } as const;

describe("kv", () => {
  test.each([
    ["a key that is no text", ["kv.get", 7], /key of kv is a text/],
    ["a key of 257 characters", ["kv.get", "k".repeat(257)], /at most 256 characters/],
    ["a value of more than 64 KB", ["kv.set", "k", "é".repeat(32_768)], /at most 65536 bytes/],
    ["an end in no time", ["kv.set", "k", 1, { ttlSeconds: 0 }], /ttlSeconds/],
    ["an end in 31 days", ["kv.set", "k", 1, { ttlSeconds: 31 * 86_400 }], /at most 2592000/],
    ["an end that is a text", ["kv.incr", "k", 1, { ttlSeconds: "60" }], /ttlSeconds/],
    ["options that are a list", ["kv.set", "k", 1, [60]], /options of kv/],
    ["half a step", ["kv.incr", "k", 0.5], /whole number/],
    ["a step that is a text", ["kv.incr", "k", "1"], /whole number/],
    ["a step beyond what is exact", ["kv.incr", "k", 2 ** 53], /whole number/],
  ] as const)("refuses %s, and changes nothing", async (_, [name, ...args], fault) => {
    const { ports } = createBench();
    const ask = createAsk(ports, grants);
    expect(await ask(name, ...args)).toMatch(/^fault: /);
    expect(await ask(name, ...args)).toMatch(fault);
    expect(await ask("kv.get", "k")).toBeNull();
  });

  test("takes a value of exactly 64 KB, a key of 256 characters and 30 days", async () => {
    const ask = createAsk(createBench().ports, grants);
    const [key, value] = ["ü".repeat(256), "x".repeat(65_534)];
    expect(await ask("kv.set", key, value, { ttlSeconds: 30 * 86_400 })).toBeNull();
    expect(await ask("kv.get", key)).toBe(value);
  });

  test("incr counts down, and leaves what it cannot count as it is", async () => {
    const ask = createAsk(createBench().ports, grants);
    expect(await ask("kv.incr", "n", -3)).toBe(-3);
    await ask("kv.set", "text", "12");
    expect(await ask("kv.incr", "text")).toMatch(/^fault: .*no whole number/);
    expect(await ask("kv.get", "text")).toBe("12");
    await ask("kv.set", "most", Number.MAX_SAFE_INTEGER);
    expect(await ask("kv.incr", "most")).toMatch(/^fault: .*more than a number/);
    expect(await ask("kv.get", "most")).toBe(Number.MAX_SAFE_INTEGER);
  });

  test("incr leaves the end that set gave", async () => {
    const { ports, clock } = createBench();
    const ask = createAsk(ports, grants);
    await ask("kv.set", "n", 5, { ttlSeconds: 10 });
    expect(await ask("kv.incr", "n", 1, { ttlSeconds: 1_000 })).toBe(6);
    clock.advance(10_000);
    expect(await ask("kv.get", "n")).toBeNull();
  });

  test("a value without ttlSeconds ends after a day", async () => {
    const { ports, clock } = createBench();
    const ask = createAsk(ports, grants);
    await ask("kv.set", "k", 1);
    clock.advance(86_399_000);
    expect(await ask("kv.get", "k")).toBe(1);
    clock.advance(1_000);
    expect(await ask("kv.get", "k")).toBeNull();
  });

  test("keys that have ended make room", async () => {
    const { ports, clock } = createBench();
    const ask = createAsk(ports, grants);
    await ask("kv.set", "longer", 1, { ttlSeconds: 600 });
    for (let i = 1; i < 1_000; i++) await ask("kv.set", `k${i}`, 1, { ttlSeconds: 60 });
    expect(await ask("kv.set", "more", 1)).toMatch(/^fault: kv holds/);
    clock.advance(60_000);
    expect(await ask("kv.set", "more", 1)).toBeNull();
  });

  test("a key that is set to live longer counts for as long as it lives", async () => {
    const { ports, clock } = createBench();
    const ask = createAsk(ports, grants);
    for (let i = 0; i < 1_000; i++) await ask("kv.set", `k${i}`, 1, { ttlSeconds: 60 });
    for (let i = 0; i < 1_000; i++) await ask("kv.set", `k${i}`, 1, { ttlSeconds: 600 });
    clock.advance(599_000);
    expect(await ask("kv.set", "more", 1)).toMatch(/^fault: kv holds/);
  });

  test("a key that two instances make at once counts once", async () => {
    const { ports } = createBench();
    const asks = [createAsk(ports, grants), createAsk(ports, grants)];
    for (let i = 0; i < 500; i++) {
      await Promise.all(asks.map((ask) => ask("kv.incr", `k${i}`)));
      expect(await asks[0]?.("kv.get", `k${i}`)).toBe(2);
    }
    for (let i = 500; i < 1_000; i++) await asks[0]?.("kv.set", `k${i}`, 1);
    expect(await asks[0]?.("kv.get", "k999")).toBe(1);
    expect(await asks[0]?.("kv.set", "more", 1)).toMatch(/^fault: kv holds/);
  });

  test("asks the store once to read, and twice to change what is there", async () => {
    const { ports, clock } = createBench();
    const counted = countCalls(ports.store);
    const ask = createAsk({ ...ports, store: counted.store }, grants);
    await ask("kv.incr", "n");
    expect(counted.take()).toBe(4);
    await ask("kv.incr", "n");
    expect(counted.take()).toBe(2);
    await ask("kv.get", "n");
    expect(counted.take()).toBe(1);
    // Now and then the count of keys is told of a later end.
    for (let i = 0; i < 100; i++) {
      await ask("kv.set", "n", i, { ttlSeconds: 100_000 });
      clock.advance(1_000);
    }
    expect(counted.take()).toBe(202);
  });

  test("the store sees neither keys nor values nor who they belong to", async () => {
    const written: string[] = [];
    const { ports } = createBench();
    const { store } = ports;
    const replace: typeof store.replace = (...args) => {
      written.push(JSON.stringify(args));
      return store.replace(...args);
    };
    const spied = { ...ports, store: { ...store, replace } };
    const ask = createAsk(spied, grants, { plugin: "plugin-name", client: "client-name" });
    await ask("kv.set", "key-of-jo@example.com", "value-of-jo");
    expect(written).toHaveLength(2);
    expect(written.join()).not.toMatch(/plugin-name|client-name|example|value-of|kv\.set/);
  });

  test("a value that was moved to another's place, or spoiled, counts as none", async () => {
    const { ports } = createBench();
    const { store } = ports;
    const places: string[] = [];
    const replace: typeof store.replace = (key, ...rest) => {
      places.push(key);
      return store.replace(key, ...rest);
    };
    const spied = { ...ports, store: { ...store, replace } };
    const [mine, theirs] = ["a", "b"].map((client) => createAsk(spied, grants, { client }));
    await mine?.("kv.set", "k", "mine");
    await theirs?.("kv.set", "k", "theirs");
    const [myIndex = "", myKey = "", , theirKey = ""] = places;
    await store.set(myKey, (await store.get(theirKey)) ?? "", 60_000);
    expect(await mine?.("kv.get", "k")).toBeNull();
    expect(await mine?.("kv.incr", "k")).toBe(1);
    for (const key of [myIndex, myKey]) await store.set(key, "spoiled", 60_000);
    expect(await mine?.("kv.get", "k")).toBeNull();
    expect(await mine?.("kv.set", "k", 7)).toBeNull();
    expect(await mine?.("kv.get", "k")).toBe(7);
  });

  test("a store that is lost is a fault of each of them, and nothing is logged", async () => {
    const lost = (): Promise<never> => Promise.reject(new StoreLost("unreachable", "10.1.2.3"));
    const { ports, lines } = createBench();
    const store = { ...ports.store, get: lost, replace: lost, set: lost, delete: lost };
    const ask = createAsk({ ...ports, store }, grants);
    const answers = [
      await ask("kv.get", "k"),
      await ask("kv.set", "k", 1),
      await ask("kv.incr", "k"),
      await ask("kv.delete", "k"),
    ];
    expect(new Set(answers)).toEqual(new Set(["fault: kv cannot be reached now"]));
    expect(lines).toEqual([]);
  });

  test("gives up a key that others change all the time", async () => {
    const { ports } = createBench();
    let tries = 0;
    const replace = (): Promise<boolean> => Promise.resolve(++tries < 0);
    const store = { ...ports.store, replace };
    const ask = createAsk({ ...ports, store }, grants);
    expect(await ask("kv.incr", "k")).toMatch(/^fault: /);
    expect(tries).toBeLessThan(100);
  });

  test("does not begin what could not end in time any more", async () => {
    const { ports, clock } = createBench();
    const store = {
      ...ports.store,
      get: async (key: string) => {
        const found = await ports.store.get(key);
        clock.advance(400);
        return found;
      },
    };
    const ask = createAsk({ ...ports, store }, grants, { wallMs: 1_000 });
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask("kv.incr", "n")));
    expect(answers.slice(0, 2)).toEqual([1, 2]);
    expect(answers.slice(2)).toEqual(Array(3).fill("fault: kv has too much to do"));
  });

  test("needs the same key to read what was written, and counts anew without it", async () => {
    const { ports } = createBench();
    await createAsk(ports, grants)("kv.set", "k", 1);
    const other = createBench({ store: ports.store, seals: (label) => ports.seals(`${label}2`) });
    expect(await createAsk(other.ports, grants)("kv.get", "k")).toBeNull();
  });
});
