import { expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import type { Store } from "../../src/core/index.ts";
import { createLimits } from "../../src/limits/index.ts";
import { networkOf } from "../../src/limits/network.ts";
import { openMemoryStore } from "../../src/stores/index.ts";
import { handClock, toConfig } from "../stores/ports.ts";

type Client = NonNullable<ConfigInput["clients"]>[string];

function open(clients: Record<string, Omit<Client, "auth">>) {
  const clock = handClock();
  const store = openMemoryStore({ clock });
  const withAuth = Object.entries(clients).map(
    ([name, client]) => [name, { auth: "anonymous", ...client }] as const,
  );
  const config = toConfig({ clients: Object.fromEntries(withAuth) });
  return { clock, limits: createLimits(config, { store, clock }) };
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
  const limits = createLimits(config, { store, clock: handClock() });
  expect(codeOf(await limits.enter(plain("a"), undefined))).toBe("STORE_UNAVAILABLE");
  expect(codeOf(await limits.stranger("10.0.0.1"))).toBe("STORE_UNAVAILABLE");
});
