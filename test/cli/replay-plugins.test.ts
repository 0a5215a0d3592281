/** Calls that plugins had a say in, decided again without them. */
import { expect, test } from "vitest";
import { toSettled } from "../../src/cli/replay-recorded.ts";
import type { PluginHit } from "../../src/core/index.ts";
import { type Made, decideOne, makeCalls, toConfig, toInput } from "./recordings.ts";

const hit: PluginHit = {
  name: "guard",
  version: "1.0.0",
  sha256: "0".repeat(64),
  hook: "onToolCall",
  stage: "consult",
  verdict: "allow",
  mode: "enforce",
  ms: 1,
  count: 1,
};
const small = {
  name: "small",
  on: "x/get",
  when: { args: { n: { min: 5 } } },
  then: "deny",
} as const;
const plain = toConfig(toInput());
const withRule = toConfig(toInput([small]));

async function make(made: Made) {
  const [call] = await makeCalls([{ args: { n: 9 }, ...made }]);
  if (call === undefined) throw new Error("The record cannot be read");
  return call;
}

test.each<[string, Partial<PluginHit>, string]>([
  ["allowed", {}, "RULE_DENIED"],
  ["changed", { verdict: "modify" }, "doubt"],
  ["changed in its texts", { verdict: "redact", hook: "onText" }, "doubt"],
  ["changed in shadow", { verdict: "modify", mode: "shadow" }, "RULE_DENIED"],
  ["changed in its answer alone", { verdict: "redact", stage: "review" }, "RULE_DENIED"],
])("a call that a plugin %s is told where its arguments are known", async (_, said, wanted) => {
  const call = await make({ plugins: [{ ...hit, ...said }] });
  expect(decideOne(withRule, call)).toMatch(new RegExp(`^${wanted}`));
  expect(decideOne(plain, call)).toBe("allowed");
});

test.each(["PLUGIN_DENIED", "PLUGIN_FAILED"])(
  "a call that ended as %s before the rules were asked cannot be told, but whether it may pass at all",
  async (code) => {
    const call = await make({ decision: "denied", stage: "consult", code, plugins: [hit] });
    expect(toSettled(call)).toEqual({ code: undefined });
    expect(decideOne(plain, call)).toMatch(/^doubt: a plugin refused it/);
    const nothing = toConfig(toInput([], { tools: [] }));
    expect(decideOne(nothing, call)).toBe("POLICY_DENIED");
  },
);

test("a call whose answer a plugin refused had passed the policy", async () => {
  const denied = { decision: "denied", stage: "review", code: "PLUGIN_DENIED" } as const;
  const call = await make({ ...denied, plugins: [{ ...hit, stage: "review", verdict: "deny" }] });
  expect(toSettled(call)).toEqual({ code: undefined });
  expect(decideOne(withRule, call)).toBe("RULE_DENIED");
});
