/** What rules that ask a person make of a call together. */
import { expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import { toConfig } from "../stores/ports.ts";
import { openPolicy } from "./open-policy.ts";

type Rules = NonNullable<ConfigInput["rules"]>;

function judge(rules: Rules) {
  const { policy } = openPolicy(
    toConfig({
      upstreams: { x: { url: "http://127.0.0.1:1/mcp" } },
      clients: { a: { auth: "anonymous", allow: { tools: ["*"] } } },
      rules,
    }),
  );
  const subject = { client: "a", subject: undefined, address: undefined };
  const thing = { kind: "tool", upstream: "x", name: "send" } as const;
  const call = { args: undefined, annotations: undefined, method: "tools/call" };
  return policy.judge(subject, thing, call);
}
const ask = (name: string, more: object = {}): Rules[number] => ({
  name,
  on: "x/*",
  // oxlint-disable-next-line unicorn/no-thenable -- the contract's word for what a rule does
  then: "ask",
  ...more,
});
const demandOf = (...rules: Rules): unknown => {
  const judged = judge(rules);
  return judged.verdict === "ask" ? judged.ask : judged.verdict;
};

test("a rule that asks says nothing of how by default", () => {
  expect(demandOf(ask("one"))).toEqual({
    via: "client",
    expiresMs: 300_000,
    waitMs: 0,
    rules: ["one"],
    why: undefined,
  });
});

test("of several the strictest counts, in any order", () => {
  const rules = [
    ask("one", { ask: { via: "operator", expiresMs: 9, waitMs: 9 }, why: "First" }),
    ask("two", { ask: { expiresMs: 5, waitMs: 20 }, why: "Second" }),
    ask("three"),
  ];
  const strictest = { via: "operator", expiresMs: 5, waitMs: 0 };
  expect(demandOf(...rules)).toMatchObject({ ...strictest, why: "First; Second" });
  expect(demandOf(...rules.toReversed())).toMatchObject(strictest);
});

test("a denial, and a rule that cannot be decided, beat a question", () => {
  // oxlint-disable-next-line unicorn/no-thenable -- as above
  expect(demandOf(ask("one"), { name: "no", on: "x/*", when: () => true, then: "deny" })).toBe(
    "deny",
  );
  const broken = ask("broken", { when: () => "yes" });
  expect(judge([ask("one"), broken])).toMatchObject({ verdict: "deny", code: "RULE_FAILED" });
});

test("a rule in shadow asks nobody, and is named", () => {
  expect(judge([ask("tried", { mode: "shadow" })])).toMatchObject({
    verdict: "pass",
    rules: [{ name: "tried", then: "ask", mode: "shadow" }],
  });
});

test("what else a rule does beside asking is done", () => {
  const judged = judge([ask("one", { timeoutMs: 5 })]);
  expect(judged).toMatchObject({ verdict: "ask", adjust: { timeoutMs: 5 } });
});
