import { expect, test } from "vitest";
import { type Approved, deny } from "../../src/core/index.ts";
import type { Limits, Metering } from "../../src/limits/index.ts";
import { meter } from "../../src/stages/meter.ts";

const client = { name: "a", subject: undefined };
const one = { kind: "one", upstream: "weather", what: "tool", name: "t" };

/** What a stage looks at, and no more. */
function exchangeOf(target: object, input: object, buckets: readonly object[] = []): Approved {
  const judgement = { rules: [], adjust: { sanitize: [], buckets } };
  return { client, target, input, judgement } as unknown as Approved;
}
const calls = { kind: "request", does: { what: "act" } };
const dear = { key: "rule:dear", name: "dear", capacity: 1, perSecond: 1 };

function limitsOf(answer?: ReturnType<typeof deny>) {
  const metered: Metering[] = [];
  const limits: Pick<Limits, "meter"> = {
    meter: async (metering) => {
      metered.push(metering);
      return answer;
    },
  };
  return { metered, limits: limits as Limits };
}

test("meter counts what is sent to one upstream", async () => {
  const { metered, limits } = limitsOf();
  const exchange = exchangeOf(one, calls);
  expect(await meter(limits).run(exchange)).toEqual({
    verdict: "pass",
    out: { ...exchange, metered: true },
  });
  expect(metered).toEqual([{ client, upstream: "weather", buckets: [] }]);
});

test("meter hands on a refusal", async () => {
  const refusal = deny("RATE_EXCEEDED", "Too often");
  expect(await meter(limitsOf(refusal).limits).run(exchangeOf(one, calls))).toBe(refusal);
});

test("meter gives back the yes of a call that it refuses, and of no other", async () => {
  let back = 0;
  const giveBack = async (): Promise<void> => void back++;
  const exchange = {
    ...exchangeOf(one, calls),
    approval: { id: "a", via: "client", by: "a", giveBack },
  } as const;
  await meter(limitsOf().limits).run(exchange);
  expect(back).toBe(0);
  await meter(limitsOf(deny("RATE_EXCEEDED", "Too often")).limits).run(exchange);
  expect(back).toBe(1);
});

test.each([
  ["a list", { kind: "list", list: "tools", upstreams: ["weather"] }, calls],
  ["the gateway's own answer", { kind: "gateway", upstreams: ["weather"] }, calls],
  ["a subscription", one, { kind: "request", does: { what: "follow", starts: true } }],
])("meter does not count %s", async (_, target, input) => {
  const { metered, limits } = limitsOf(deny("RATE_EXCEEDED", "Too often"));
  expect(await meter(limits).run(exchangeOf(target, input))).toMatchObject({ verdict: "pass" });
  expect(metered).toEqual([]);
});

test("meter takes what rules count together with what the upstream counts", async () => {
  const { metered, limits } = limitsOf();
  await meter(limits).run(exchangeOf(one, calls, [dear]));
  expect(metered).toEqual([{ client, upstream: "weather", buckets: [dear] }]);
});

test.each([
  [
    "a subscription",
    { kind: "subscription", upstreams: ["weather"] },
    { kind: "request", does: { what: "listen" } },
  ],
  ["a resource that is followed", one, { kind: "request", does: { what: "follow", starts: true } }],
])("meter takes what rules count of %s, and nothing of an upstream's", async (_, target, input) => {
  const { metered, limits } = limitsOf();
  await meter(limits).run(exchangeOf(target, input, [dear]));
  expect(metered).toEqual([{ client, upstream: undefined, buckets: [dear] }]);
});

test.each([
  ["the next round of an exchange", { ...calls, refused: new Map() }],
  ["who stops following", { kind: "request", does: { what: "follow", starts: false } }],
])("meter does not count %s", async (_, input) => {
  const { metered, limits } = limitsOf(deny("RATE_EXCEEDED", "Too often"));
  expect(await meter(limits).run(exchangeOf(one, input, [dear]))).toMatchObject({
    verdict: "pass",
  });
  expect(metered).toEqual([]);
});
