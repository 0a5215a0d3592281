import { expect, test } from "vitest";
import type { ConfigInput, WhenFacts } from "../../src/config/index.ts";
import { reread } from "../../src/mcp/index.ts";
import { handClock, toConfig } from "../stores/ports.ts";
import { openPolicy } from "./open-policy.ts";

const url = "http://127.0.0.1:9101/mcp";
type RuleInput = NonNullable<ConfigInput["rules"]>[number];
type When = RuleInput["when"];

function asking(when: unknown, more: Partial<RuleInput> = {}) {
  const config = toConfig({
    upstreams: { pay: { url } },
    roles: { staff: {}, gone: { until: "2020-01-01" } },
    clients: { a: { auth: "anonymous", roles: ["gone", "staff"], allow: { tools: ["*"] } } },
    rules: [{ name: "r", on: "pay/*", then: "deny", when: when as When, ...more }],
  });
  const clock = handClock();
  const { policy, lines } = openPolicy(config, clock);
  const subject = { client: "a", subject: "alice", address: "10.0.0.1" };
  const thing = { kind: "tool", upstream: "pay", name: "send" } as const;
  const judge = (args: string | undefined, annotations?: string) =>
    policy.judge(subject, thing, {
      args: args === undefined ? undefined : reread(args),
      annotations: annotations === undefined ? undefined : reread(annotations),
      method: "tools/call",
    });
  const code = (args?: string, annotations?: string) => {
    const judged = judge(args, annotations);
    return judged.verdict === "deny" ? judged.code : judged.verdict;
  };
  return { code, judge, lines, clock };
}

test("A function sees the whole call, as plain data", () => {
  const seen: WhenFacts[] = [];
  const { code, clock } = asking((facts: WhenFacts) => {
    seen.push(facts);
    return false;
  });
  expect(code('{"n":1.5,"list":[{"x":null}]}', '{"readOnlyHint":true}')).toBe("pass");
  expect(JSON.parse(JSON.stringify(seen[0]))).toEqual({
    args: { n: 1.5, list: [{ x: null }] },
    kind: "tool",
    method: "tools/call",
    upstream: "pay",
    name: "send",
    annotations: { readOnlyHint: true },
    client: "a",
    roles: ["staff"],
    subject: "alice",
    claims: {},
    scopes: [],
    address: "10.0.0.1",
    now: clock.now(),
  });
});

test("Nothing that a function sees can be changed, and nothing absent is inherited", () => {
  const { code } = asking((facts: WhenFacts) => {
    const all = [facts, facts.args, facts.args["o"], facts.args["l"], facts.roles, facts.claims];
    const isOpen = all.some((each) => !Object.isFrozen(each));
    return (
      isOpen || facts.args["constructor"] !== undefined || facts.args["toString"] !== undefined
    );
  });
  expect(code('{"o":{"x":1},"l":[1]}')).toBe("pass");
  const proto = asking((facts: WhenFacts) => facts.args["__proto__"] === 7);
  expect(proto.code('{"__proto__":7}')).toBe("RULE_DENIED");
});

test("A call without arguments shows a function none", () => {
  const { code } = asking(({ args }: WhenFacts) => Object.keys(args).length === 0);
  expect(code()).toBe("RULE_DENIED");
  expect(code("{}")).toBe("RULE_DENIED");
  expect(code("[1]")).toBe("RULE_FAILED");
});

test("A function that throws, or answers anything but a boolean, refuses the call", async () => {
  const answers: unknown[] = [
    undefined,
    null,
    0,
    1,
    "",
    "true",
    {},
    [],
    () => true,
    new Boolean(false),
  ];
  for (const answer of answers) expect(asking(() => answer).code("{}")).toBe("RULE_FAILED");
  for (const when of [
    () => {
      throw new Error("hunter2");
    },
    () => {
      throw "hunter2";
    },
    async () => true,
    async () => {
      throw new Error("hunter2");
    },
    () => ({
      get then() {
        throw new Error("hunter2");
      },
    }),
  ]) {
    const judged = asking(when).judge("{}");
    expect(judged).toMatchObject({ verdict: "deny", code: "RULE_FAILED" });
    expect(JSON.stringify(judged)).not.toContain("hunter2");
  }
  // A rejection that nobody hears would end the process, and fail this test.
  await new Promise((resolve) => setImmediate(resolve));
});

test("A number that JavaScript cannot hold is shown to no function", () => {
  let asked = 0;
  const { code } = asking(() => {
    asked++;
    return false;
  });
  for (const number of ["9007199254740993", "0.1000000000000000055", "1e400"]) {
    expect(code(`{"deep":[{"n":${number}}]}`)).toBe("RULE_FAILED");
    expect(code("{}", `{"n":${number}}`)).toBe("RULE_FAILED");
  }
  expect(asked).toBe(0);
  expect(code('{"n":9007199254740991,"m":1.0,"e":1e3}')).toBe("pass");
});

test("A function that runs long is logged with its rule's name, and its answer counts", () => {
  const slow = asking(() => {
    slow.clock.advance(101);
    return true;
  });
  expect(slow.code("{}")).toBe("RULE_DENIED");
  expect(slow.lines).toEqual(['warn: The function of a rule is slow {"rule":"r","ms":101}']);
  const stuck = asking(() => {
    stuck.clock.advance(10_000);
    return false;
  });
  expect(stuck.code("{}")).toBe("pass");
  expect(stuck.lines).toEqual(['warn: The function of a rule is slow {"rule":"r","ms":10000}']);
  const quick = asking(() => {
    quick.clock.advance(100);
    return true;
  });
  expect(quick.code("{}")).toBe("RULE_DENIED");
  expect(quick.lines).toEqual([]);
});

test("In shadow a function is asked and recorded, whatever it does", () => {
  const hits = (when: unknown) => asking(when, { mode: "shadow" }).judge("{}");
  const hit = { name: "r", then: "deny", mode: "shadow" };
  expect(hits(() => true)).toMatchObject({ verdict: "pass", rules: [hit] });
  expect(hits(() => false)).toMatchObject({ verdict: "pass", rules: [] });
  expect(hits(() => "no")).toMatchObject({ verdict: "pass", rules: [hit] });
});

test("unless takes a rule away before its function is asked", () => {
  const asked: string[] = [];
  const { code } = asking(
    () => {
      asked.push("asked");
      return true;
    },
    { unless: { args: { ok: true } } },
  );
  expect(code('{"ok":true}')).toBe("pass");
  expect(asked).toEqual([]);
  expect(code('{"ok":false}')).toBe("RULE_DENIED");
});

test("A function also decides what is set, on what the client sent", () => {
  const config = toConfig({
    upstreams: { pay: { url } },
    clients: { a: { auth: "anonymous", allow: { tools: ["*"] } } },
    rules: [
      {
        name: "r",
        on: "pay/*",
        set: { checked: true },
        when: ({ args, method }) => args["amount"] === 5 && method === "tools/call",
      },
    ],
  });
  const { policy } = openPolicy(config);
  const shape = (args: string) =>
    policy.shape(
      { client: "a", subject: undefined, address: undefined },
      { kind: "tool", upstream: "pay", name: "send" },
      { args: reread(args), annotations: undefined },
    );
  expect(shape('{"amount":5}')).toMatchObject({ set: new Map([["checked", "true"]]) });
  expect(shape('{"amount":6}')).toMatchObject({ set: new Map() });
});
