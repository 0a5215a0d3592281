import { describe, expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import type { NamedBucket, Store } from "../../src/core/index.ts";
import { createLimits, createSlotTable } from "../../src/limits/index.ts";
import { networkOf } from "../../src/limits/network.ts";
import { openMemoryStore } from "../../src/stores/index.ts";
import { handClock, toConfig } from "../stores/ports.ts";

type Client = NonNullable<ConfigInput["clients"]>[string];

function open(
  clients: Record<string, Omit<Client, "auth">>,
  upstreams: NonNullable<ConfigInput["upstreams"]> = {},
) {
  const clock = handClock();
  const store = openMemoryStore({ clock });
  const withAuth = Object.entries(clients).map(
    ([name, client]) => [name, { auth: "anonymous", ...client }] as const,
  );
  const config = toConfig({ clients: Object.fromEntries(withAuth), upstreams });
  return { clock, store, limits: createLimits(config, { store }, createSlotTable()) };
}

const plain = (name: string) => ({ name, subject: undefined });
const codeOf = (given: object | undefined) =>
  given && "code" in given ? (given.code as string) : "passed";

test("Limits answer the first request after start", async () => {
  const { limits } = open({ a: {} });
  expect(codeOf(await limits.enter(plain("a"), "10.0.0.1"))).toBe("passed");
});

test("Limits refuse the request after the burst, and say when to come back", async () => {
  const { limits, clock } = open({ a: { rate: { burst: 2, perSecond: 0.4 } } });
  await limits.enter(plain("a"), undefined);
  await limits.enter(plain("a"), undefined);
  const refusal = await limits.enter(plain("a"), undefined);
  expect(refusal).toMatchObject({
    verdict: "deny",
    code: "RATE_EXCEEDED",
    headers: {
      "Retry-After": "3",
      RateLimit: '"default";r=0;t=3',
      "RateLimit-Policy": '"default";q=2;w=5',
    },
  });
  clock.advance(3000);
  expect(codeOf(await limits.enter(plain("a"), undefined))).toBe("passed");
});

test("Retry-After is at least one second", async () => {
  const { limits } = open({ a: { rate: { burst: 1, perSecond: 1000 } } });
  await limits.enter(plain("a"), undefined);
  expect(await limits.enter(plain("a"), undefined)).toMatchObject({
    headers: { "Retry-After": "1", RateLimit: '"default";r=0;t=1' },
  });
});

test("One client's bucket is not another's, and an address does not matter", async () => {
  const { limits } = open({ a: { rate: { burst: 1 } }, b: { rate: { burst: 1 } } });
  await limits.enter(plain("a"), "10.0.0.1");
  expect(codeOf(await limits.enter(plain("a"), "10.0.0.2"))).toBe("RATE_EXCEEDED");
  expect(codeOf(await limits.enter(plain("b"), "10.0.0.1"))).toBe("passed");
});

test("Buckets are per subject, or per client where the config says so or there is none", async () => {
  const { limits } = open({
    subjects: { rate: { burst: 1 } },
    clients: { rate: { burst: 1, per: "client" } },
  });
  const come = async (name: string, subject?: string) =>
    codeOf(await limits.enter({ name, subject }, undefined));
  expect(await come("subjects", "ann")).toBe("passed");
  expect(await come("subjects", "ben")).toBe("passed");
  expect(await come("subjects", "ann")).toBe("RATE_EXCEEDED");
  expect(await come("subjects")).toBe("passed");
  expect(await come("subjects")).toBe("RATE_EXCEEDED");
  expect(await come("clients", "ann")).toBe("passed");
  expect(await come("clients", "ben")).toBe("RATE_EXCEEDED");
});

describe("Several rates of one client", () => {
  const slow = { perSecond: 0.001 };

  test("are each a bucket, and the one that is empty refuses by its name", async () => {
    const rate = [
      { burst: 1, ...slow, per: "subject" },
      { burst: 3, ...slow, per: "client" },
      { burst: 2, perSecond: 0.5, per: "address" },
    ] as const;
    const { limits } = open({ a: { rate: [...rate] } });
    const come = async (subject: string, address: string) => {
      const quota = await limits.enter({ name: "a", subject }, address);
      return "headers" in quota ? quota.headers?.["RateLimit"] : "passed";
    };
    expect(await come("ann", "10.0.0.1")).toBe("passed");
    expect(await come("ann", "10.0.0.2")).toBe('"subject";r=0;t=1000');
    expect(await come("ben", "10.0.0.1")).toBe("passed");
    expect(await come("cyd", "10.0.0.1")).toBe('"address";r=0;t=2');
    expect(await come("cyd", "10.0.0.2")).toBe("passed");
    expect(await come("dan", "10.0.0.3")).toBe('"client";r=0;t=1000');
    expect(await limits.enter({ name: "a", subject: "dan" }, "10.0.0.3")).toMatchObject({
      why: 'Client "a" is over the rate "client" of 0.001 per second',
      headers: {
        "Retry-After": "1000",
        "RateLimit-Policy": '"subject";q=1;w=1000, "client";q=3;w=3000, "address";q=2;w=4',
      },
    });
  });

  test("lose nothing where one of them refuses", async () => {
    const { limits, clock } = open({
      a: {
        rate: [
          { burst: 3, ...slow, per: "client" },
          { burst: 1, perSecond: 1, per: "address" },
        ],
      },
    });
    const come = async () => codeOf(await limits.enter(plain("a"), "10.0.0.1"));
    const codes = [];
    for (let second = 0; second < 4; second++) {
      codes.push(await come(), await come());
      clock.advance(1000);
    }
    const turn = ["passed", "RATE_EXCEEDED"];
    expect(codes).toEqual([...turn, ...turn, ...turn, "RATE_EXCEEDED", "RATE_EXCEEDED"]);
  });

  test("may be for the same callers: a burst and a long run", async () => {
    const { limits, clock } = open({
      a: {
        rate: [
          { burst: 2, perSecond: 2, per: "client" },
          { burst: 3, ...slow, per: "client" },
        ],
      },
    });
    const come = async () => {
      const quota = await limits.enter(plain("a"), undefined);
      return "headers" in quota ? quota.headers?.["RateLimit"] : "passed";
    };
    expect([await come(), await come(), await come()]).toEqual([
      "passed",
      "passed",
      '"client";r=0;t=1',
    ]);
    clock.advance(1000);
    expect([await come(), await come()]).toEqual(["passed", '"client-2";r=0;t=999']);
  });

  test("are taken in one take, each under a key that no other rate has", async () => {
    const { store } = open({});
    const takes: (readonly string[])[] = [];
    const spy: Store = {
      ...store,
      take: async (buckets) => {
        takes.push(buckets.map(({ key }) => key));
        return store.take(buckets);
      },
    };
    const rate = (["subject", "client", "address", "client"] as const).map((per, burst) => ({
      burst: burst + 1,
      per,
    }));
    const clients = { a: { auth: "anonymous", rate } } as const;
    const limits = createLimits(toConfig({ clients }), { store: spy }, createSlotTable());
    await limits.enter({ name: "a", subject: "client:1" }, "2001:db8::7");
    await limits.enter(plain("a"), undefined);
    expect(takes).toEqual([
      [
        "rate:a:subject:1:client:1",
        "rate:a:client:1",
        "rate:a:address:1:2001:db8:0:0::/64",
        "rate:a:client:2",
      ],
      ["rate:a:subject:1", "rate:a:client:1", "rate:a:address:1:unknown", "rate:a:client:2"],
    ]);
  });
});

test("Addresses of one IPv6 network share the bucket of their client, and of no other", async () => {
  const rate = { burst: 1, per: "address" } as const;
  const { limits } = open({ a: { rate }, b: { rate } });
  expect(codeOf(await limits.enter(plain("a"), "2001:db8::1"))).toBe("passed");
  expect(codeOf(await limits.enter(plain("a"), "2001:db8::2"))).toBe("RATE_EXCEEDED");
  expect(codeOf(await limits.enter(plain("a"), "2001:db8:0:1::1"))).toBe("passed");
  expect(codeOf(await limits.enter(plain("b"), "2001:db8::1"))).toBe("passed");
});

describe("The rate of an upstream", () => {
  const upstreams = {
    all: { url: "http://127.0.0.1/", rate: { burst: 1, perSecond: 0.5 } },
    each: { url: "http://127.0.0.1/", rate: { burst: 1, perSecond: 0.5, per: "client" } },
    free: { url: "http://127.0.0.1/" },
  } as const;
  const meterOf =
    ({ limits }: ReturnType<typeof open>) =>
    async (upstream: string, name = "a", buckets: readonly NamedBucket[] = []) =>
      limits.meter({ client: plain(name), upstream, buckets });

  test("is for everybody together, or for each client", async () => {
    const meter = meterOf(open({}, upstreams));
    expect(await meter("all")).toBeUndefined();
    expect(await meter("all", "b")).toMatchObject({
      code: "RATE_EXCEEDED",
      why: 'Calls to "all" are over the rate "upstream" of 0.5 per second',
      headers: {
        "Retry-After": "2",
        RateLimit: '"upstream";r=0;t=2',
        "RateLimit-Policy": '"upstream";q=1;w=2',
      },
    });
    expect(await meter("each")).toBeUndefined();
    expect(await meter("each", "b")).toBeUndefined();
    expect(codeOf(await meter("each"))).toBe("RATE_EXCEEDED");
  });

  test("is none where the config has none, and the store is not asked", async () => {
    const { limits } = open({}, upstreams);
    for (let i = 0; i < 200; i++) {
      expect(await limits.meter({ client: plain("a"), upstream: "free" })).toBeUndefined();
    }
    const take = async () => Promise.reject(new Error("connection lost"));
    const lost: Store = { ...openMemoryStore({ clock: handClock() }), take };
    const without = createLimits(toConfig({ upstreams }), { store: lost }, createSlotTable());
    const about = { client: plain("a"), upstream: "free" };
    expect(await without.meter(about)).toBeUndefined();
    expect(codeOf(await without.meter({ ...about, upstream: "all" }))).toBe("STORE_UNAVAILABLE");
  });

  test("is taken together with what else counts the call, or not at all", async () => {
    const meter = meterOf(open({}, upstreams));
    const dear = (capacity: number) => ({
      name: "dear",
      key: "rule:dear",
      capacity,
      perSecond: 0.1,
    });
    expect(await meter("free", "a", [dear(1)])).toBeUndefined();
    expect(await meter("all", "a", [dear(1)])).toMatchObject({
      headers: {
        RateLimit: '"dear";r=0;t=10',
        "RateLimit-Policy": '"upstream";q=1;w=2, "dear";q=1;w=10',
      },
    });
    expect(await meter("all")).toBeUndefined();
  });
});

test("A bucket of any name breaks out of no header", async () => {
  const { limits } = open({});
  const bucket = { name: 'a"\\b\r\nx: é', key: "k", capacity: 1, perSecond: 1 };
  const about = { client: plain("a"), upstream: "none", buckets: [bucket] };
  await limits.meter(about);
  expect(await limits.meter(about)).toMatchObject({
    headers: { RateLimit: '"a\\"\\\\b??x: ?";r=0;t=1' },
  });
});

test("Calls that are under way count after a reload, against the new cap", async () => {
  const slots = createSlotTable();
  const store = openMemoryStore({ clock: handClock() });
  const limitsOf = (maxConcurrent: number) => {
    const clients = { a: { auth: "anonymous", maxConcurrent } } as const;
    return createLimits(toConfig({ clients }), { store }, slots);
  };
  const old = await limitsOf(2).enter(plain("a"), undefined);
  const reloaded = limitsOf(1);
  expect(codeOf(await reloaded.enter(plain("a"), undefined))).toBe("CONCURRENCY_EXCEEDED");
  if ("release" in old) old.release();
  expect(codeOf(await reloaded.enter(plain("a"), undefined))).toBe("passed");
});

test("A bucket goes on after a reload that puts another rate before it", async () => {
  const store = openMemoryStore({ clock: handClock() });
  const rate = { burst: 1, perSecond: 0.001, per: "client" } as const;
  const limitsOf = (rates: NonNullable<Client["rate"]>) =>
    createLimits(
      toConfig({ clients: { a: { auth: "anonymous", rate: rates } } }),
      { store },
      createSlotTable(),
    );
  expect(codeOf(await limitsOf(rate).enter(plain("a"), undefined))).toBe("passed");
  const reloaded = limitsOf([{ burst: 5, per: "address" }, rate]);
  expect(codeOf(await reloaded.enter(plain("a"), undefined))).toBe("RATE_EXCEEDED");
});

test("A call over the concurrency cap is refused and still costs its token", async () => {
  const { limits } = open({ a: { rate: { burst: 3, perSecond: 0.001 }, maxConcurrent: 1 } });
  const first = await limits.enter(plain("a"), undefined);
  expect(await limits.enter(plain("a"), undefined)).toMatchObject({
    code: "CONCURRENCY_EXCEEDED",
    headers: {
      "Retry-After": "1",
      RateLimit: '"concurrent";r=0;t=1',
      "RateLimit-Policy": '"concurrent";q=1;qu="concurrent-requests"',
    },
  });
  if ("release" in first) first.release();
  expect(codeOf(await limits.enter(plain("a"), undefined))).toBe("passed");
  expect(codeOf(await limits.enter(plain("a"), undefined))).toBe("RATE_EXCEEDED");
});

test("A request over the rate takes no slot", async () => {
  const { limits, clock } = open({ a: { rate: { burst: 1, perSecond: 1 }, maxConcurrent: 2 } });
  await limits.enter(plain("a"), undefined);
  for (let i = 0; i < 5; i++) await limits.enter(plain("a"), undefined);
  clock.advance(1000);
  expect(codeOf(await limits.enter(plain("a"), undefined))).toBe("passed");
});

test("Failed authentications are refused from the twenty-first on, by address", async () => {
  const { limits, clock } = open({ a: {} });
  for (let i = 0; i < 20; i++) expect(await limits.stranger("10.0.0.1")).toBeUndefined();
  expect(await limits.stranger("10.0.0.1")).toMatchObject({
    code: "RATE_EXCEEDED",
    headers: { "Retry-After": "1" },
  });
  expect(await limits.stranger("10.0.0.2")).toBeUndefined();
  expect(codeOf(await limits.enter(plain("a"), "10.0.0.1"))).toBe("passed");
  clock.advance(1000);
  expect(await limits.stranger("10.0.0.1")).toBeUndefined();
  expect(codeOf(await limits.stranger("10.0.0.1"))).toBe("RATE_EXCEEDED");
});

test("Failed authentications of one IPv6 network count together", async () => {
  const { limits } = open({});
  for (let i = 0; i < 20; i++) await limits.stranger(`2001:db8::${i.toString(16)}`);
  expect(codeOf(await limits.stranger("2001:db8:0:0:1:2:3:4"))).toBe("RATE_EXCEEDED");
  expect(codeOf(await limits.stranger("2001:db8:0:1::1"))).toBe("passed");
  expect(networkOf("::1")).toBe("0:0:0:0::/64");
  expect(networkOf("2001:db8:a:b::")).toBe("2001:db8:a:b::/64");
  expect(networkOf("2001:db8:a:b:c:d:e:f")).toBe("2001:db8:a:b::/64");
});

test("Failed authentications without an address share one bucket", async () => {
  const { limits } = open({});
  for (let i = 0; i < 20; i++) await limits.stranger(undefined);
  expect(codeOf(await limits.stranger(undefined))).toBe("RATE_EXCEEDED");
});

test("A store that is lost refuses", async () => {
  const lost = async () => Promise.reject(new Error("connection lost"));
  const store: Store = { ...openMemoryStore({ clock: handClock() }), take: lost };
  const config = toConfig({ clients: { a: { auth: "anonymous" } } });
  const limits = createLimits(config, { store }, createSlotTable());
  expect(codeOf(await limits.enter(plain("a"), undefined))).toBe("STORE_UNAVAILABLE");
  expect(codeOf(await limits.stranger("10.0.0.1"))).toBe("STORE_UNAVAILABLE");
});
