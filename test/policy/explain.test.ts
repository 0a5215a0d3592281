import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import type { Block } from "../../src/core/index.ts";
import { type Json, reread, textOf, toValue } from "../../src/mcp/index.ts";
import { type Policy, withArguments } from "../../src/policy/index.ts";
import { handClock, toConfig } from "../stores/ports.ts";
import { naiveCall } from "./naive.ts";
import { openPolicy } from "./open-policy.ts";

const url = "http://127.0.0.1:9101/mcp";
const subject = { client: "a", subject: undefined, address: undefined };
const thing = { kind: "tool", upstream: "pay", name: "send" } as const;
const method = "tools/call";

test("Each allow pattern, each rule and the verdict stand in an explanation", () => {
  const config = toConfig({
    upstreams: { pay: { url } },
    roles: { staff: { allow: { tools: ["pay/*"] } } },
    clients: {
      a: { auth: "anonymous", roles: ["staff"], allow: { tools: ["pay/send", "*"] } },
      b: { auth: "anonymous" },
    },
    rules: [
      { name: "old", on: "pay/*", then: "deny", until: "2020-01-01" },
      { name: "others", on: "pay/*", clients: ["b"], then: "deny" },
      { name: "region", on: "pay/send", set: { region: "eu" } },
      { name: "large", on: "pay/*", then: "deny", when: { args: { n: { min: 9 } } }, why: "Large" },
      { name: "eu-only", on: "pay/*", then: "deny", unless: { args: { region: "eu" } } },
      { name: "tried", on: "pay/*", then: "deny", mode: "shadow" },
      { name: "rated", on: "pay/*", rate: { burst: 1, perSecond: 1 } },
      { name: "elsewhere", on: "pay/get", then: "deny" },
    ],
  });
  const { policy } = openPolicy(config);
  const told = policy.explain(subject, thing, {
    args: reread('{"n":1}'),
    annotations: undefined,
    method,
  });
  expect(told).toMatchObject({
    verdict: "allow",
    allows: [{ pattern: "pay/send" }, { pattern: "*" }, { pattern: "pay/*", role: "staff" }],
    set: { region: '"eu"' },
    adjust: { buckets: [{ name: "rule:rated" }] },
  });
  expect(told.rules.map(({ name, mode, answer }) => `${name} ${mode} ${answer}`)).toEqual([
    "others enforce other-caller",
    "region enforce applies",
    "large enforce does-not-apply",
    "eu-only enforce does-not-apply",
    "tried shadow applies",
    "rated enforce applies",
    "old enforce expired",
  ]);
  expect(JSON.parse(JSON.stringify(told))).toEqual(told);
  const large = policy.explain(subject, thing, {
    args: reread('{"n":10,"N":1}'),
    annotations: undefined,
    method,
  });
  expect(large).toMatchObject({ verdict: "deny", code: "RULE_FAILED" });
  expect(large.rules.find(({ name }) => name === "large")).toEqual({
    name: "large",
    then: "deny",
    mode: "enforce",
    answer: "failed",
    because: 'args "n": a name differs from it in case alone',
    why: "Large",
  });
});

test("An explanation names the block", () => {
  const config = toConfig({
    upstreams: { pay: { url } },
    clients: { a: { auth: "anonymous", allow: { tools: ["*"] } } },
  });
  const block: Block = { id: "b1", why: "incident", by: "ops", at: 0 } as Block;
  const { policy } = openPolicy(config, handClock(), () => block);
  expect(
    policy.explain(subject, thing, { args: undefined, annotations: undefined, method }),
  ).toEqual({
    verdict: "deny",
    code: "BLOCKED",
    why: 'Block "b1": incident',
    block: { id: "b1", why: "incident" },
    allows: [],
    rules: [],
    set: {},
  });
});

const argName = fc.constantFrom("p", "q");
const value = fc.constantFrom<string | number>("x", 1);
const args = fc.dictionary(argName, value, { maxKeys: 2, noNullPrototype: true });
const values = fc.dictionary(argName, value, { minKeys: 1, maxKeys: 2, noNullPrototype: true });
const condition = fc.record({
  args: fc.dictionary(argName, value, { minKeys: 1, maxKeys: 1, noNullPrototype: true }),
});
const pattern = fc.constantFrom("*", "*", "u/*", "u/*", "u/t", "u/t*", "v/*", "*/s", "v/t");
const until = fc.constantFrom<string | undefined>(undefined, undefined, "2027-01-14", "2027-01-15");
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
/** Undefined three times out of four. */
const seldom = <T>(arbitrary: fc.Arbitrary<T>) =>
  maybe(arbitrary).chain((made) => fc.constantFrom(made, undefined));
const whom = {
  on: fc.oneof(pattern, fc.array(pattern, { minLength: 1, maxLength: 2 })),
  clients: seldom(fc.subarray(["x", "y"], { minLength: 1 })),
  roles: seldom(fc.subarray(["r", "s"], { minLength: 1 })),
  mode: fc.constantFrom<"enforce" | "shadow">("enforce", "enforce", "enforce", "shadow"),
  until,
};
const denial = fc.record({
  ...whom,
  then: fc.constantFrom("deny", "deny", "ask"),
  when: maybe(condition),
  unless: maybe(condition),
});
const setter = fc.record({
  ...whom,
  when: seldom(condition),
  unless: seldom(condition),
  set: maybe(values),
  defaults: maybe(values),
  timeoutMs: seldom(fc.constantFrom(1, 2)),
});
/** A rule that `check` would refuse for what it cannot do means what it says all the same. */
const both = fc.tuple(denial, setter).map(([one, other]) => ({ ...other, ...one }));
const rule = fc.oneof(denial, setter, setter, both);
const allow = fc.record({ tools: fc.array(pattern, { minLength: 1, maxLength: 2 }) });
const policies = fc.record({
  x: allow,
  y: allow,
  r: fc.record({ allow, until }),
  s: fc.record({ allow, until }),
  held: fc.subarray(["r", "s"]),
  rules: fc.array(rule, { maxLength: 6, size: "max" }),
});
const calls = fc.record({
  client: fc.constantFrom("x", "x", "x", "y", "z"),
  upstream: fc.constantFrom("u", "v"),
  name: fc.constantFrom("t", "s", "tt"),
  kind: fc.constantFrom("tool", "tool", "tool", "prompt"),
  args,
});

/** The road: what is decided, set and judged, one after the other. */
function walk(
  policy: Policy,
  caller: typeof subject,
  asked: Parameters<Policy["decide"]>[1],
  given: Json,
): { readonly verdict: string; readonly sent: Json } {
  const decision = policy.decide(caller, asked);
  if (!decision.allowed) return { verdict: decision.recorded, sent: given };
  const shaped = policy.shape(caller, asked, { args: given, annotations: undefined });
  if (shaped.kind === "deny") return { verdict: shaped.code, sent: given };
  const sent = withArguments(given, shaped.set) ?? given;
  const judged = policy.judge(caller, asked, { args: sent, annotations: undefined, method });
  if (judged.verdict === "deny") return { verdict: judged.code, sent };
  return { verdict: judged.verdict === "pass" ? "allow" : "ask", sent };
}

test("explain, the road and the plain reading of the config say the same of every call", () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(policies, fc.array(calls, { minLength: 10, maxLength: 10 }), (made, asked) => {
      const { x, y, r, s, held, rules } = made;
      const input = {
        upstreams: { u: { url }, v: { url } },
        roles: { r, s },
        clients: {
          x: { auth: "anonymous", allow: x, roles: held },
          y: { auth: "anonymous", allow: y },
        },
        rules: rules.map((each, i) => ({ name: `r${i}`, ...each })),
      };
      const config = toConfig(JSON.parse(JSON.stringify(input)) as ConfigInput);
      const clock = handClock();
      const { policy } = openPolicy(config, clock);
      for (const { client, args: values, ...what } of asked) {
        const caller = { client, subject: undefined, address: undefined };
        const given = reread(JSON.stringify(values));
        const plain = naiveCall(config, caller, what, values, clock.now());
        const road = walk(policy, caller, what, given);
        const told = policy.explain(caller, what, { args: given, annotations: undefined, method });
        expect(road.verdict).toBe(plain.verdict);
        expect(told.verdict === "deny" ? told.code : told.verdict).toBe(road.verdict);
        expect(textOf(withArguments(given, new Map(Object.entries(told.set))) ?? given)).toBe(
          textOf(road.sent),
        );
        if (["allow", "ask"].includes(road.verdict)) expect(toValue(road.sent)).toEqual(plain.args);
        if (road.verdict !== "POLICY_DENIED") expect(told.allows.length).toBeGreaterThan(0);
        seen.set(road.verdict, (seen.get(road.verdict) ?? 0) + 1);
      }
    }),
    { numRuns: 500 },
  );
  for (const verdict of ["allow", "ask", "POLICY_DENIED", "RULE_DENIED", "RULE_CONFLICT"]) {
    expect([verdict, (seen.get(verdict) ?? 0) > 5]).toEqual([verdict, true]);
  }
});
