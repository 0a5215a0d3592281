import { expect, test } from "vitest";
import { type Approved, deny } from "../../src/core/index.ts";
import type { Limits, Metering } from "../../src/limits/index.ts";
import { meter } from "../../src/stages/meter.ts";

const client = { name: "a", subject: undefined };
const one = { kind: "one", upstream: "weather", what: "tool", name: "t" };

/** What a stage looks at, and no more. */
function exchangeOf(target: object, input: object): Approved {
  return { client, target, input } as unknown as Approved;
}
const calls = { kind: "request", does: { what: "act" } };

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
  expect(metered).toEqual([{ client, upstream: "weather" }]);
});

test("meter hands on a refusal", async () => {
  const refusal = deny("RATE_EXCEEDED", "Too often");
  expect(await meter(limitsOf(refusal).limits).run(exchangeOf(one, calls))).toBe(refusal);
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
