import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ConditionConfig, ConfigInput, TestConfig } from "../../src/config/index.ts";
import { reread } from "../../src/mcp/index.ts";
import type { Judgement } from "../../src/policy/index.ts";
import { toConfig } from "../stores/ports.ts";
import { openPolicy } from "./open-policy.ts";

const url = "http://127.0.0.1:9101/mcp";
type RuleInput = NonNullable<ConfigInput["rules"]>[number];
interface Call {
  readonly args?: string;
  readonly annotations?: string;
  readonly address?: string;
  readonly name?: string;
  readonly client?: string;
}

function judging(...rules: Partial<RuleInput>[]) {
  const config = toConfig({
    upstreams: { pay: { url }, other: { url } },
    clients: { a: { auth: "anonymous", allow: { tools: ["*"] } } },
    rules: rules.map((rule, i) => ({ name: `r${i}`, on: "pay/send", then: "deny", ...rule })),
  });
  const { policy } = openPolicy(config);
  return (call: Call): Judgement =>
    policy.judge(
      { client: call.client ?? "a", subject: undefined, address: call.address },
      { kind: "tool", upstream: "pay", name: call.name ?? "send" },
      {
        args: call.args === undefined ? undefined : reread(call.args),
        annotations: call.annotations === undefined ? undefined : reread(call.annotations),
        method: "tools/call",
      },
    );
}

/** What one rule with this test on `args.v` answers: "pass", or the code of its refusal. */
function tested(test: TestConfig) {
  const judge = judging({ when: { args: { v: test } } });
  return (value: string | undefined): string => {
    const judged = judge({ args: value === undefined ? "{}" : `{"v":${value}}` });
    return judged.verdict === "deny" ? judged.code : judged.verdict;
  };
}

test("A rule denies where its conditions hold, says why, and is named", () => {
  const judge = judging({ when: { args: { to: "mallory" } }, why: "Not to mallory" });
  expect(judge({ args: '{"to":"mallory"}' })).toEqual({
    verdict: "deny",
    code: "RULE_DENIED",
    why: "Not to mallory",
    rules: [{ name: "r0", then: "deny", mode: "enforce" }],
  });
  expect(judge({ args: '{"to":"alice"}' })).toEqual({
    verdict: "pass",
    rules: [],
    adjust: { sanitize: [], buckets: [] },
  });
});

test("All tests of when must hold, and unless cancels when all of its tests hold", () => {
  const judge = judging({
    when: { args: { a: 1, b: 2 } },
    unless: { args: { c: 3 }, address: "10.0.0.1" },
  });
  const verdict = (call: Call) => judge(call).verdict;
  expect(verdict({ args: '{"a":1}' })).toBe("pass");
  expect(verdict({ args: '{"a":1,"b":2}' })).toBe("deny");
  expect(verdict({ args: '{"a":1,"b":2,"c":3}' })).toBe("deny");
  expect(verdict({ args: '{"a":1,"b":2,"c":3}', address: "10.0.0.1" })).toBe("pass");
});

test("A rule with unless alone denies whatever it does not excuse", () => {
  const judge = judging({ unless: { args: { amount: { max: 100 } } } });
  expect(judge({ args: '{"amount":100}' }).verdict).toBe("pass");
  for (const args of ['{"amount":101}', '{"amount":"1"}', '{"amount":[1]}', "{}", undefined]) {
    expect(judge(args === undefined ? {} : { args }).verdict).toBe("deny");
  }
});

test("A rule speaks of its targets and clients alone", () => {
  const when: ConditionConfig = { args: { v: 1 } };
  const judge = judging({ when, clients: ["b"] }, { when, on: ["pay/s*", "pay/send"] });
  const named = (call: Call) => judge({ args: '{"v":1}', ...call }).rules.map((hit) => hit.name);
  expect(named({})).toEqual(["r1"]);
  expect(named({ client: "b" })).toEqual(["r0", "r1"]);
  expect(named({ name: "save" })).toEqual(["r1"]);
  expect(named({ name: "load" })).toEqual([]);
});

test("A scalar equals a value of its own type", () => {
  expect(tested("1")('"1"')).toBe("RULE_DENIED");
  expect(tested("1")("1")).toBe("pass");
  expect(tested(1)("1")).toBe("RULE_DENIED");
  expect(tested(1)("1.0e0")).toBe("RULE_DENIED");
  expect(tested(0)("-0")).toBe("RULE_DENIED");
  expect(tested(1)('"1"')).toBe("pass");
  expect(tested(true)("true")).toBe("RULE_DENIED");
  expect(tested(true)("false")).toBe("pass");
  expect(tested(true)('"true"')).toBe("pass");
  expect(tested(null)("null")).toBe("RULE_DENIED");
  expect(tested(null)("false")).toBe("pass");
  expect(tested("a")('"\\u0061"')).toBe("RULE_DENIED");
  expect(tested("a")('["a"]')).toBe("pass");
});

test("A list holds an equal value", () => {
  const judged = tested(["a", 2, null]);
  for (const value of ['"a"', "2", "null"]) expect(judged(value)).toBe("RULE_DENIED");
  for (const value of ['"b"', "3", "true", "[]", "{}"]) expect(judged(value)).toBe("pass");
  expect(tested([])("1")).toBe("pass");
});

test("A glob matches a whole string", () => {
  const judged = tested({ glob: "/etc/*" });
  expect(judged('"/etc/passwd"')).toBe("RULE_DENIED");
  expect(judged('"\\/etc/passwd"')).toBe("RULE_DENIED");
  expect(judged('"/home/etc/x"')).toBe("pass");
  expect(judged("1")).toBe("pass");
});

test("A pattern matches anywhere in a string, in linear time", () => {
  const judged = tested({ matches: "^(a+)+$|secret" });
  expect(judged('"aaa"')).toBe("RULE_DENIED");
  expect(judged('"the secret word"')).toBe("RULE_DENIED");
  const started = performance.now();
  expect(judged(`"${"a".repeat(5000)}!"`)).toBe("pass");
  expect(performance.now() - started).toBeLessThan(1000);
});

test("A pattern that cannot be used, or that gives up, denies", () => {
  expect(tested({ matches: "(" })('"x"')).toBe("RULE_FAILED");
  expect(tested({ matches: "(?=x)y" })('"x"')).toBe("RULE_FAILED");
  expect(tested({ matches: "x" })(`"${"a".repeat(2_000_000)}"`)).toBe("RULE_FAILED");
});

test("A range includes both of its ends", () => {
  const judged = tested({ min: -1, max: 2.5 });
  for (const value of ["-1", "0", "2.5", "25e-1"]) expect(judged(value)).toBe("RULE_DENIED");
  for (const value of ["-1.1", "2.6", '"1"', "null", "true"]) expect(judged(value)).toBe("pass");
  expect(tested({ min: 5 })("1000")).toBe("RULE_DENIED");
  expect(tested({ max: 5 })("-1000")).toBe("RULE_DENIED");
});

test("maxLength counts code points of a string", () => {
  const judged = tested({ maxLength: 2 });
  for (const value of ['""', '"ab"', '"😀😀"', '"\\ud83d\\ude00b"']) {
    expect(judged(value)).toBe("RULE_DENIED");
  }
  for (const value of ['"abc"', '"😀😀😀"', '"a😀b"', "1", "[]"])
    expect(judged(value)).toBe("pass");
});

test("An absent value passes no test", () => {
  const tests: TestConfig[] = [
    "",
    null,
    [null],
    { glob: "*" },
    { matches: "x*" },
    { maxLength: 9 },
  ];
  for (const test of [...tests, { max: 9 }]) expect(tested(test)(undefined)).toBe("pass");
  expect(judging({ when: { args: { v: null } } })({}).verdict).toBe("pass");
});

test("A number that JavaScript would round denies the rule that is about to read it", () => {
  const numbers = ["9007199254740993", "1e400", "0.1000000000000000055511151231257827", "1e-400"];
  for (const number of numbers) {
    expect(tested({ max: 100 })(number)).toBe("RULE_FAILED");
    expect(tested(1)(number)).toBe("RULE_FAILED");
    expect(tested(["a", 1])(number)).toBe("RULE_FAILED");
    expect(tested("a")(number)).toBe("pass");
    expect(tested({ glob: "*" })(number)).toBe("pass");
  }
  const judge = judging({ unless: { args: { amount: { max: 100 } } } });
  const judged = judge({ args: '{"amount":-9007199254740993}' });
  expect(judged).toMatchObject({ code: "RULE_FAILED", rules: [{ name: "r0" }] });
  expect(JSON.stringify(judged)).not.toContain("9007199254740993");
});

test("A number spelt at any length is answered at once", () => {
  const started = performance.now();
  expect(tested({ max: 5 })(`1.${"0".repeat(500_000)}1`)).toBe("RULE_FAILED");
  expect(tested(1)(`1.${"0".repeat(500_000)}`)).toBe("RULE_FAILED");
  expect(performance.now() - started).toBeLessThan(1000);
});

test("A rule that denies is told before one that failed, and both are named", () => {
  const judge = judging(
    { when: { args: { v: { min: 1 } } } },
    { when: { args: { w: 1 } }, why: "No w" },
    { when: { args: { x: 1 } } },
  );
  const judged = judge({ args: '{"v":1e999,"w":1}' });
  expect(judged).toMatchObject({ code: "RULE_DENIED", why: "No w" });
  expect(judged.rules.map((hit) => hit.name)).toEqual(["r0", "r1"]);
});

test("A test that does not hold decides, whatever another could not read", () => {
  const judge = judging({ when: { args: { n: { min: 1 }, path: { glob: "/etc/*" } } } });
  expect(judge({ args: '{"n":1e999,"path":"/home"}' }).verdict).toBe("pass");
  expect(judge({ args: '{"n":1e999,"path":"/etc/x"}' })).toMatchObject({ code: "RULE_FAILED" });
});

test("A key that starts with / is a JSON Pointer, any other a member at the top", () => {
  const args = '{"a":{"b":[{"c":1}],"m/n":{"~":2}},"a.b":3,"":4}';
  const holds = (key: string, value: number) =>
    judging({ when: { args: { [key]: value } } })({ args }).verdict === "deny";
  expect(holds("/a/b/0/c", 1)).toBe(true);
  expect(holds("/a/m~1n/~0", 2)).toBe(true);
  expect(holds("a.b", 3)).toBe(true);
  expect(holds("/", 4)).toBe(true);
  for (const key of ["/a/b/00/c", "/a/b/-/c", "/a/b/1/c", "/a/b/c", "/a/b/length", "a/b/0/c"]) {
    expect(holds(key, 1)).toBe(false);
  }
  for (const key of ["/__proto__", "/__proto__/x", "/constructor", "toString"]) {
    expect(judging({ when: { args: { [key]: { glob: "*" } } } })({ args }).verdict).toBe("pass");
  }
});

test("Annotations and the address are tested as arguments are", () => {
  const judge = judging(
    { when: { annotations: { destructiveHint: true } } },
    { when: { address: { glob: "203.0.113.*" } } },
  );
  const named = (call: Call) => judge(call).rules.map((hit) => hit.name);
  expect(named({ annotations: '{"destructiveHint":true}' })).toEqual(["r0"]);
  expect(named({ annotations: '{"destructiveHint":false}' })).toEqual([]);
  expect(named({ args: '{"destructiveHint":true}' })).toEqual([]);
  expect(named({ address: "203.0.113.9" })).toEqual(["r1"]);
  expect(named({})).toEqual([]);
});

test("A range agrees with JavaScript on every number that can be held", () => {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(number, number, number, (value, min, max) => {
      fc.pre(!Number.isInteger(value) || Number.isSafeInteger(value));
      const expected = value >= min && value <= max ? "RULE_DENIED" : "pass";
      expect(tested({ min, max })(String(value))).toBe(expected);
      expect(tested(value)(String(value))).toBe("RULE_DENIED");
    }),
  );
});

test.each([
  ["the member itself in another case", "to", '{"To":"mallory"}'],
  ["another case beside it", "to", '{"to":"alice","TO":"mallory"}'],
  ["a letter that folds to it", "kind", '{"\u212aind":"x"}'],
  ["another case on the way", "/opts/to", '{"Opts":{"to":"mallory"}}'],
  ["another case at its end", "/opts/to", '{"opts":{"to":"alice","To":"mallory"}}'],
])("A rule denies what a reader that folds case would read otherwise: %s", (_, key, args) => {
  const judge = judging({ when: { args: { [key]: "mallory" } } });
  expect(judge({ args })).toMatchObject({ verdict: "deny", code: "RULE_FAILED" });
});
