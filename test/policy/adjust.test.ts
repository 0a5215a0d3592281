import { expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import { reread } from "../../src/mcp/index.ts";
import { toConfig } from "../stores/ports.ts";
import { openPolicy } from "./open-policy.ts";

const url = "http://127.0.0.1:9101/mcp";
type RuleInput = NonNullable<ConfigInput["rules"]>[number];

function judging(...rules: Partial<RuleInput>[]) {
  const config = toConfig({
    upstreams: { search: { url } },
    clients: { a: { auth: "anonymous", allow: { tools: ["*"] } } },
    rules: rules.map((rule, i) => ({ name: `r${i}`, on: "search/query", ...rule })),
  });
  const { policy } = openPolicy(config);
  return (args = "{}", caller: { client?: string; subject?: string } = {}) => {
    const { client = "a", subject } = caller;
    return policy.judge(
      { client, subject, address: undefined },
      { kind: "tool", upstream: "search", name: "query" },
      { args: reread(args), annotations: undefined, method: "tools/call" },
    );
  };
}

function keysOf(judge: ReturnType<typeof judging>, caller?: { client?: string; subject?: string }) {
  const judged = judge("{}", caller);
  return judged.verdict === "deny" ? judged.code : judged.adjust.buckets.map(({ key }) => key);
}

test("A rate gives a bucket of the rule, of each client or of each subject", () => {
  const rate = { burst: 5, perSecond: 0.5 };
  const judged = judging({ rate })();
  expect(judged).toMatchObject({
    verdict: "pass",
    rules: [{ name: "r0", then: "rate", mode: "enforce" }],
    adjust: { buckets: [{ name: "rule:r0", capacity: 5, perSecond: 0.5 }] },
  });
  const alice = { subject: "alice" };
  const other = { client: "b", subject: "alice" };
  const shared = judging({ rate });
  expect(keysOf(shared)).toEqual(keysOf(shared, other));
  const client = judging({ rate: { ...rate, per: "client" } });
  expect(keysOf(client)).toEqual(keysOf(client, alice));
  expect(keysOf(client)).not.toEqual(keysOf(client, other));
  const subject = judging({ rate: { ...rate, per: "subject" } });
  expect(keysOf(subject, alice)).not.toEqual(keysOf(subject, { subject: "bob" }));
  expect(keysOf(subject, alice)).not.toEqual(keysOf(subject, other));
});

test("No name of a rule or subject makes the bucket of another", () => {
  const rate = { burst: 1, perSecond: 1, per: "subject" } as const;
  const keys = [
    keysOf(judging({ name: "x", rate }), { subject: "y" }),
    keysOf(judging({ name: "x", rate })),
    keysOf(judging({ name: 'x":subject:a', rate })),
    keysOf(judging({ name: "x:a", rate }), { subject: "y" }),
    keysOf(judging({ name: "x", rate: { ...rate, per: "client" } })),
    keysOf(judging({ name: "x", rate: { ...rate, per: "rule" } })),
  ];
  expect(new Set(keys.map(String)).size).toBe(keys.length);
});

test("Of several rules each setting is the strictest, in any order", () => {
  const rules = [
    { sanitize: { secrets: "off", hidden: "deny" }, timeoutMs: 900 },
    { sanitize: { secrets: "mask" }, timeoutMs: 300 },
    { sanitize: { hidden: "off" } },
  ] as const;
  const strictest = {
    timeoutMs: 300,
    sanitize: [{ secrets: "mask", hidden: "deny" }],
    buckets: [],
  };
  for (const list of [rules, rules.toReversed()]) {
    expect(judging(...list)()).toMatchObject({ adjust: strictest });
  }
});

test("A rule is named by the first of what it does", () => {
  const rate = { burst: 1, perSecond: 1 };
  const thenOf = (rule: Partial<RuleInput>) => judging(rule)().rules.map(({ then }) => then);
  expect(thenOf({ rate, sanitize: { secrets: "off" }, timeoutMs: 1 })).toEqual(["rate"]);
  expect(thenOf({ sanitize: { secrets: "off" }, timeoutMs: 1 })).toEqual(["sanitize"]);
  expect(thenOf({ timeoutMs: 1 })).toEqual(["timeout"]);
  expect(thenOf({ set: { a: 1 } })).toEqual([]);
  expect(thenOf({ set: { a: 1 }, timeoutMs: 1 })).toEqual(["timeout"]);
});

test("What a rule changes it changes only where its conditions hold; unsure ones refuse", () => {
  const judge = judging({ timeoutMs: 5, when: { args: { n: { min: 2 } } } });
  expect(judge('{"n":3}')).toMatchObject({ adjust: { timeoutMs: 5 } });
  expect(judge('{"n":1}')).toEqual({
    verdict: "pass",
    rules: [],
    adjust: { sanitize: [], buckets: [] },
  });
  expect(judge('{"n":1e400}')).toMatchObject({ verdict: "deny", code: "RULE_FAILED" });
});

test("A denial beats all else, and names all that matched", () => {
  const rate = { burst: 1, perSecond: 1 };
  const judged = judging({ rate }, { then: "deny", when: { args: { a: 1 } } })('{"a":1}');
  expect(judged).toMatchObject({ verdict: "deny", code: "RULE_DENIED" });
  expect(judged.rules.map(({ name }) => name)).toEqual(["r0", "r1"]);
});

test("A rule in shadow is recorded and does nothing, with conditions or without", () => {
  const mode = "shadow" as const;
  const judge = judging(
    { then: "deny", mode },
    { then: "deny", when: { args: { n: 1 } }, mode },
    { rate: { burst: 1, perSecond: 1 }, timeoutMs: 1, sanitize: { secrets: "off" }, mode },
  );
  expect(judge('{"N":1}')).toEqual({
    verdict: "pass",
    rules: [
      { name: "r0", then: "deny", mode },
      { name: "r1", then: "deny", mode },
      { name: "r2", then: "rate", mode },
    ],
    adjust: { sanitize: [], buckets: [] },
  });
});
