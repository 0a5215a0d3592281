/** `mcp-gw replay`: on recordings of a real gateway, and on made ones that lack what a rule asks for. */
import type { CommandDef } from "citty";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readCall } from "../../src/audit/index.ts";
import type { ConfigInput, WhenFunction } from "../../src/config/index.ts";
import { reread } from "../../src/mcp/index.ts";
import { withArguments } from "../../src/policy/index.ts";
import { handClock } from "../stores/ports.ts";
import { openPolicy } from "../policy/open-policy.ts";
import { allowAll, authA, authB } from "../e2e/gateway.ts";
import { type Rules, anything, openRulesRig } from "../e2e/rules-rig.ts";
import { toSettled } from "../../src/cli/replay-recorded.ts";
import { findUsageFault } from "../../src/cli/usage-fault.ts";
import { replayCommand } from "../../src/cli/replay.ts";
import {
  type Folder,
  type Made,
  decideOne,
  makeCalls,
  makeLines,
  openFolder,
  toConfig,
  toInput,
} from "./recordings.ts";

let folder: Folder;
beforeAll(async () => {
  folder = await openFolder();
});
afterAll(() => folder.close());

const writeConfig = (input: ConfigInput): Promise<void> =>
  folder.write("gateway.config.json", JSON.stringify(input));
const doubtful = expect.stringMatching(/^doubt: /) as string;

describe("a recording of a gateway", () => {
  const before: Rules = [
    { name: "no-etc", on: "x/read", when: { args: { path: { glob: "/etc/*" } } }, then: "deny" },
    { name: "closed", on: "x/closed", then: "deny" },
    { name: "pin", on: { tools: ["x/pinned"] }, set: { region: "eu" } },
  ];
  const after: Rules = [
    { name: "no-var", on: "x/read", when: { args: { path: { glob: "/var/*" } } }, then: "deny" },
    { name: "no-eu", on: "x/pinned", when: { args: { region: "eu" } }, then: "deny" },
    { name: "here", on: { tools: ["x/torn"] }, set: { region: "eu" } },
    {
      name: "there",
      on: { tools: ["x/torn"] },
      when: { args: { far: true } },
      set: { region: "us" },
    },
    { name: "pin", on: { tools: ["x/pinned"] }, set: { region: "eu" } },
  ];
  const allowAfter = { tools: ["x/read", "x/closed", "x/pinned", "x/torn"], resources: ["x/*"] };
  const names = ["read", "closed", "pinned", "torn", "other"];
  const lists = { tools: names.map((name) => anything(name)) };
  const calls: readonly (readonly [tool: string, args: string, as: "a" | "b"])[] = [
    ["read", '{"path":"/etc/passwd"}', "a"],
    ["read", '{"path":"/var/log"}', "a"],
    ["read", '{"path":"/home"}', "b"],
    ["closed", "{}", "a"],
    ["pinned", '{"region":"us"}', "a"],
    ["pinned", '{"Region":"us"}', "a"],
    ["torn", '{"far":true}', "a"],
    ["torn", '{"far":false}', "b"],
    ["other", "{}", "a"],
    ["other", "{}", "b"],
    ["unheard-of", "{}", "a"],
  ];
  const record = async (rules: Rules, clients: ConfigInput["clients"]) => {
    const rig = await openRulesRig({ rules, lists, config: { clients } });
    try {
      await rig.ask("tools/list");
      const codes: (string | undefined)[] = [];
      for (const [tool, args, as] of calls) codes.push((await rig.call(tool, args, as)).code);
      const lines = (await rig.gateway.records()).map((each) => JSON.stringify(each));
      return { codes, text: `${lines.join("\n")}\n` };
    } finally {
      await rig.gateway.close();
      await rig.server.close();
    }
  };
  const all = { a: { auth: authA, allow: allowAll }, b: { auth: authB, allow: allowAll } };
  const less = { a: { auth: authA, allow: allowAfter }, b: { auth: authB, allow: allowAll } };

  test("changes nothing under the config that made it, and just what a gateway under another one does", async () => {
    const old = await record(before, all);
    await folder.write("real.jsonl", old.text);
    const asFile = (clients: typeof all, rules: Rules) => {
      const named = Object.entries(clients).map(([name, { allow }], index) => [
        name,
        { auth: { tokenSha256: String(index).repeat(64) }, allow },
      ]);
      const { upstreams } = toInput();
      return { upstreams, clients: Object.fromEntries(named), rules } as ConfigInput;
    };
    await writeConfig(asFile(all, before));
    const same = await folder.replay(["real.jsonl"]);
    expect(same.out).toContainEqual(
      expect.stringMatching(/^1[01] exchanges decided again: .* 0 would change, 0 cannot be told$/),
    );
    expect(same.exit).toBe(0);

    const now = await record(after, less as typeof all);
    const isTold = (code: string | undefined): boolean => code?.startsWith("RULE_") ?? false;
    const differing = old.codes.filter((code, index) => {
      const next = now.codes[index];
      return code !== next && (isTold(code) || isTold(next) || "TARGET_UNKNOWN" === (next ?? code));
    });
    expect(differing.length).toBeGreaterThan(5);
    await writeConfig(asFile(less as typeof all, after));
    const { exit, out } = await folder.replay(["real.jsonl"], { json: true });
    const found = JSON.parse(out[0] ?? "") as { changed: number; undecidable: number };
    expect({ exit, ...found }).toMatchObject({
      exit: 1,
      changed: differing.length,
      undecidable: 0,
    });
  });
});

describe("the answer", () => {
  test("names client, target, what was and would be, the rule or pattern, and one example", async () => {
    const calls: Made[] = [
      { args: { n: 5 } },
      { args: { n: 50 } },
      { args: { n: 60 } },
      { target: "set", decision: "denied", code: "POLICY_DENIED" },
      { client: "gone" },
    ];
    await folder.write("made.jsonl", (await makeLines(calls)).join("\n"));
    await writeConfig(
      toInput([{ name: "small", on: "x/get", when: { args: { n: { min: 10 } } }, then: "deny" }]),
    );
    const { out, exit } = await folder.replay(["made.jsonl"]);
    expect(out).toEqual([
      "Would change:",
      "  a  x/get  2 times",
      '    allowed → denied (RULE_DENIED): Rule "small"',
      "    such as r1 of 2026-03-01T12:00:00.000Z",
      "  a  x/set  1 time",
      '    denied (POLICY_DENIED) → allowed: Pattern "*"',
      "    such as r3 of 2026-03-01T12:00:00.000Z",
      "  gone  x/get  1 time",
      '    allowed → denied (POLICY_DENIED): Client "gone" is not there, or reaches no such thing',
      "    such as r4 of 2026-03-01T12:00:00.000Z",
      "",
      "5 exchanges decided again: 1 the same, 4 would change, 0 cannot be told",
    ]);
    expect(exit).toBe(1);
    const one = await folder.replay(["made.jsonl"], { limit: "1" });
    expect(one.out).toContain("  and 2 more (--limit shows them)");
  });

  test("tells a call that a person was asked about from one that just passed", async () => {
    const rules = [{ name: "consent", then: "ask", mode: "enforce" }] as const;
    const asked = {
      decision: "denied",
      stage: "approve",
      code: "APPROVAL_REFUSED",
      rules,
    } as const;
    const [plain, refused] = await makeCalls([{}, asked]);
    expect(toSettled(plain!)).toEqual({ code: undefined });
    expect(toSettled(refused!)).toEqual({ code: "APPROVAL_REQUIRED" });
    const config = toConfig(
      toInput([{ name: "consent", on: "x/*", then: "ask" } as Rules[number]]),
    );
    expect(decideOne(config, plain!)).toBe("APPROVAL_REQUIRED");
  });

  test("counts what no policy decides apart from what is the same", async () => {
    const refused = { decision: "denied" } as const;
    const calls: Made[] = [
      { method: "tools/list" },
      { ...refused, stage: "limit", code: "RATE_EXCEEDED" },
      { ...refused, stage: "shape", code: "TARGET_UNKNOWN" },
      { ...refused, code: "BLOCKED" },
      { ...refused, stage: "meter", code: "RATE_EXCEEDED" },
      { ...refused, stage: "judge", code: "ARGUMENTS_INVALID" },
      { decision: "failed", stage: "forward", code: "UPSTREAM_TIMEOUT" },
      { decision: "cancelled" },
    ];
    await folder.write("made.jsonl", (await makeLines(calls)).join("\n"));
    await writeConfig(toInput());
    const { out, exit } = await folder.replay(["made.jsonl"], { json: true });
    expect(JSON.parse(out[0] ?? "")).toMatchObject({
      decided: 4,
      same: 4,
      aside: {
        "not about one tool, resource or prompt": 1,
        "refused before the policy was asked": 1,
        "not offered by the upstream": 1,
        "taken away by a block": 1,
      },
    });
    expect(exit).toBe(0);
  });

  test("counts damaged lines, names them, and passes them over", async () => {
    const [start = "", first = "", second = ""] = await makeLines([{}, {}]);
    const bad = [
      "",
      "{",
      "[]",
      '{"seq":1}',
      first.replace('"allowed"', '"perhaps"'),
      first.slice(9),
    ];
    await folder.write("bad.jsonl", [start, first, ...bad, second].join("\n"));
    await folder.write("more.jsonl", "nothing");
    await writeConfig(toInput());
    const { out, exit } = await folder.replay(["bad.jsonl", "more.jsonl"], { json: true });
    const { damaged, decided } = JSON.parse(out[0] ?? "") as {
      decided: number;
      damaged: { count: number; places: readonly { file: string; line: number }[] };
    };
    expect(decided).toBe(2);
    expect(damaged.count).toBe(7);
    expect(damaged.places.map(({ line }) => line)).toEqual([3, 4, 5, 6, 7, 8, 1]);
    expect(exit).toBe(0);
  });

  test("writes out what could move a terminal's cursor", async () => {
    const calls: Made[] = [{ target: "a\u001b[2Jb", client: "nobody" }];
    await folder.write("made.jsonl", (await makeLines(calls)).join("\n"));
    await writeConfig(toInput());
    const { out } = await folder.replay(["made.jsonl"]);
    // oxlint-disable-next-line no-control-regex -- what must not be there
    expect(out.join("\n")).not.toMatch(/\u001b/);
  });

  test("shows how far it is on a terminal alone", async () => {
    await folder.write(
      "long.jsonl",
      (await makeLines(Array.from({ length: 600 }, () => ({})))).join("\n"),
    );
    await writeConfig(toInput());
    expect((await folder.replay(["long.jsonl"])).shown).toEqual([]);
    const { shown } = await folder.replay(["long.jsonl"], {}, true);
    expect(shown[0]).toMatch(/^\[#+-+\] +\d+% {2}256 records$/);
    expect(shown.at(-1)).toBe("");
  });

  test("is exit 2 for a wrong option, a file or a config that is not there", async () => {
    await writeConfig(toInput());
    expect((await folder.replay(["long.jsonl"], { limit: "many" })).exit).toBe(2);
    expect((await folder.replay(["nowhere.jsonl"])).exit).toBe(2);
    expect((await folder.replay([])).err[0]).toMatch(/There is no audit file/);
    expect((await folder.replay(["long.jsonl"], { config: "none.json" })).exit).toBe(2);
    expect(
      await findUsageFault(replayCommand as unknown as CommandDef, [
        "a.jsonl",
        "b.jsonl",
        "c.jsonl",
      ]),
    ).toBeUndefined();
  });
});

describe("a call of which something is not recorded", () => {
  const long = { n: 1, text: "word ".repeat(2_000) };
  const secret = { n: 1, key: `sk-${"a".repeat(24)}` };
  const rules: Rules = [
    { name: "small", on: "x/*", when: { args: { n: { min: 10 } } }, then: "deny" },
  ];
  const config = toConfig(toInput(rules));
  const bare = toConfig(toInput([{ name: "shut", on: "x/closed", then: "deny" }]));

  test("cannot be told where a rule asks for it, and can where none does", async () => {
    const cases = [
      ...(await makeCalls([{ args: long }, { args: secret }])),
      ...(await makeCalls([{ args: { n: 1 } }], { arguments: false })),
    ];
    for (const call of cases) {
      expect(decideOne(config, call)).toEqual(doubtful);
      expect(decideOne(bare, call)).toBe("allowed");
    }
    const [none] = await makeCalls([{}], { arguments: false });
    expect(decideOne(config, none!)).toBe("allowed");
  });

  test("is not mistaken for one whose arguments look like what stands for them", async () => {
    const [honest, marked] = await makeCalls([
      { args: { cut: true, text: "short", n: 50 } },
      { args: { n: 1, note: "[redacted:aws]" } },
    ]);
    expect(decideOne(config, honest!)).toBe("RULE_DENIED");
    expect(decideOne(config, marked!)).toEqual(doubtful);
  });

  test("is not mistaken for what stands for it where both have one length", async () => {
    const [call] = await makeCalls([{ args: `{"t":"${"a".repeat(8_209)}"}` }]);
    const asked: Rules = [{ name: "cut", on: "x/*", when: { args: { cut: true } }, then: "deny" }];
    expect(decideOne(toConfig(toInput(asked)), call!)).toEqual(doubtful);
  });

  test("cannot be told where a rule sets arguments, which one in another case would refuse", async () => {
    const setting = toConfig(toInput([{ name: "pin", on: { tools: ["x/*"] }, set: { n: 1 } }]));
    const [blind] = await makeCalls([{ args: { N: 1 } }], { arguments: false });
    const [plain, other] = await makeCalls([{ args: { n: 1 } }, { args: { N: 1 } }]);
    expect(decideOne(setting, blind!)).toEqual(doubtful);
    expect(decideOne(setting, plain!)).toBe("allowed");
    expect(decideOne(setting, other!)).toBe("RULE_FAILED");
  });

  test("can be told where a test that is known does not hold, or another rule denies", async () => {
    const [call] = await makeCalls([{ args: { n: 1 } }]);
    const annotated = (n: number, more: Rules = []) =>
      toConfig(
        toInput([
          {
            name: "both",
            on: "x/get",
            when: { args: { n }, annotations: { readOnlyHint: false } },
            then: "deny",
          },
          ...more,
        ]),
      );
    expect(decideOne(annotated(2), call!)).toBe("allowed");
    expect(decideOne(annotated(1), call!)).toEqual(doubtful);
    const denying: Rules = [{ name: "one", on: "x/get", when: { args: { n: 1 } }, then: "deny" }];
    expect(decideOne(annotated(1, denying), call!)).toBe("RULE_DENIED");
  });

  test("cannot be told where a function looked at it, and can where it did not", async () => {
    const made = [{ args: { n: 1 }, subject: "ann" }];
    const [call] = await makeCalls(made);
    const [blind] = await makeCalls(made, { arguments: false });
    const march = Date.parse("2026-03-02T00:00:00Z");
    const asked: [WhenFunction, string][] = [
      [({ subject }) => subject === "ann", "RULE_DENIED"],
      [({ subject }) => subject === "bob", "allowed"],
      [({ args }) => args["n"] === 1, "RULE_DENIED"],
      [({ now }) => now < march, "RULE_DENIED"],
      [({ annotations }) => annotations["a"] === 1, "doubt"],
      [(facts) => ({ ...facts }).client === "b", "doubt"],
      [(facts) => "annotations" in facts, "doubt"],
      [({ annotations }) => (annotations["a"] as unknown as string[])[0] === "", "doubt"],
    ];
    for (const [when, wanted] of asked) {
      const rule = { name: "asked", on: "x/get", when, then: "deny" } as const;
      const config_ = toConfig(toInput([rule]));
      expect(decideOne(config_, call!)).toMatch(new RegExp(`^${wanted}`));
      // A number in them that cannot be held would have refused the call.
      expect(decideOne(config_, blind!)).toEqual(doubtful);
    }
  });

  test("cannot be told where its personal part was forgotten and a rule asks who it was", async () => {
    const [, line = ""] = await makeLines([{ address: "192.0.2.1", subject: "ann" }]);
    const blank = line.replace(/,"(?:subject|address|salt)":"[^"]*"/g, "");
    const forgotten = readCall(blank);
    if (typeof forgotten === "string") throw new Error(forgotten);
    const near = (address: string) =>
      toConfig(toInput([{ name: "near", on: "x/*", when: { address }, then: "deny" }]));
    expect(decideOne(near("192.0.2.1"), forgotten)).toEqual(doubtful);
    expect(decideOne(bare, forgotten)).toBe("allowed");
    const [whole] = await makeCalls([{ address: "192.0.2.1" }]);
    expect(decideOne(near("192.0.2.1"), whole!)).toBe("RULE_DENIED");
  });

  test("cannot be told where its name is not whole, or may be another's", async () => {
    const refused = { decision: "denied", stage: "route", code: "TARGET_UNKNOWN" } as const;
    const route = { ...refused, upstream: undefined };
    const [cut, shown, foreign, task] = await makeCalls([
      { target: "n".repeat(1_100) },
      { ...route, target: "x__get" },
      { ...route, target: "y__get" },
      { ...route, target: `x__${"n".repeat(52)}_0123abcd` },
    ]);
    expect(decideOne(bare, cut!)).toEqual(doubtful);
    expect(decideOne(bare, shown!)).toBe("allowed");
    expect(decideOne(bare, foreign!)).toBe("POLICY_DENIED");
    expect(decideOne(bare, task!)).toEqual(doubtful);
  });
});

test("a role or rule that has ended by now is not there, whenever the call was made", async () => {
  const [call] = await makeCalls([{ time: Date.parse("2020-01-01T00:00:00Z") }]);
  const ended = { ...toInput([{ name: "past", on: "x/get", then: "deny", until: "2021-01-01" }]) };
  expect(decideOne(toConfig(ended), call!)).toBe("allowed");
});

test("an answer is the policy's own, or none: whatever the record lacks, it is never another", async () => {
  const value = fc.constantFrom<unknown>(1, 2, 50, "a", true, null, "(inexact)");
  const test_ = fc.constantFrom<object | number | string>({ min: 2 }, { max: 1 }, 1, "a", {
    glob: "a*",
  });
  const condition = fc
    .record(
      {
        args: fc.dictionary(fc.constantFrom("n", "m", "/o/n"), test_, { minKeys: 1, maxKeys: 2 }),
        annotations: fc.constant({ readOnlyHint: true }),
        address: fc.constantFrom("192.0.2.1", "192.0.2.2"),
      },
      { requiredKeys: [] },
    )
    .filter((each) => Object.keys(each).length > 0);
  const effect = fc.constantFrom<object>(
    { then: "deny" },
    { set: { n: 1 } },
    { set: { m: "a" } },
    { defaults: { n: 50 } },
    { timeoutMs: 5 },
  );
  const asked = fc.constantFrom<WhenFunction | undefined>(
    undefined,
    ({ args }) => args["n"] === 1,
    ({ address }) => address === "192.0.2.1",
    ({ annotations }) => annotations["readOnlyHint"] === true,
    ({ client, args }) => client === "b" || args["m"] === "a",
  );
  const rule = fc
    .tuple(
      fc.record({ when: condition, unless: condition }, { requiredKeys: [] }),
      effect,
      fc.constantFrom("enforce", "shadow"),
      asked,
    )
    .map(([conditions, does, mode, when]) => ({
      on: { tools: ["x/get"] },
      ...conditions,
      ...(when && { when }),
      ...does,
      mode,
    }));
  const args = fc.option(
    fc.dictionary(fc.constantFrom("n", "m", "N", "o"), fc.oneof(value, fc.constant({ n: 1 }))),
    { nil: undefined },
  );
  const lacking = fc.constantFrom("nothing", "arguments", "whole", "secret");
  let doubts = 0;
  let told = 0;
  const property = fc.asyncProperty(
    fc.array(rule, { maxLength: 4 }),
    args,
    fc.boolean(),
    lacking,
    async (made, sent, readOnlyHint, lacks) => {
      const rules = made.map((each, index) => ({ name: `rule-${index}`, ...each }));
      const config = toConfig(toInput(rules as unknown as Rules));
      const more =
        lacks === "whole"
          ? { pad: "word ".repeat(2_000) }
          : lacks === "secret"
            ? { key: `sk-${"a".repeat(24)}` }
            : {};
      const whole = sent && { ...sent, ...more };
      const text = JSON.stringify(whole)?.replaceAll('"(inexact)"', "9007199254740993");
      const [call] = await makeCalls(
        [{ address: "192.0.2.1", ...(text !== undefined && { args: text }) }],
        { arguments: lacks !== "arguments" },
      );
      const answer = decideOne(config, call!);
      if (answer.startsWith("doubt")) {
        doubts++;
        expect(rules.some(({ mode }) => mode === "enforce")).toBe(true);
        return;
      }
      told++;
      const { policy } = openPolicy(config, handClock(call!.time));
      const subject = { client: "a", subject: undefined, address: "192.0.2.1" };
      const thing = { kind: "tool", upstream: "x", name: "get" } as const;
      const annotations = reread(JSON.stringify({ readOnlyHint }));
      const exact = text === undefined ? undefined : reread(text);
      const shaped = policy.shape(subject, thing, { args: exact, annotations });
      const truth = (): string => {
        if (!policy.decide(subject, thing).allowed) return "POLICY_DENIED";
        if (shaped.kind === "deny") return shaped.code;
        const judged = policy.judge(subject, thing, {
          args: withArguments(exact, shaped.set),
          annotations,
          method: "tools/call",
        });
        return judged.verdict === "deny" ? judged.code : "allowed";
      };
      expect(answer).toBe(truth());
    },
  );
  await fc.assert(property, { numRuns: 400 });
  expect(doubts).toBeGreaterThan(20);
  expect(told).toBeGreaterThan(100);
});
