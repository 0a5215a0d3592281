/** What explain says, what access prints, what a list shows and what a call gets: all the same. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { accessOf } from "../../src/cli/access.ts";
import { type ConfigInput, parseConfig } from "../../src/config/index.ts";
import type { CallWish } from "../../src/core/index.ts";
import { explainCall } from "../../src/gateway.ts";
import { type Era, reread } from "../../src/mcp/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { parseLock } from "../../src/upstreams/index.ts";
import { openPolicy } from "../policy/open-policy.ts";
import { crypto } from "../stores/ports.ts";
import { authA, authB } from "./gateway.ts";
import { type Heard, anything, ok, openRulesRig } from "./rules-rig.ts";

const names = ["t", "s", "tt"];
/** The server annotates one of its tools, and one takes an argument of one type alone. */
const tools = [
  anything("t", '{"type":"object","properties":{"p":{"type":"string"}}}'),
  anything("s").replace(/\}$/, ',"annotations":{"readOnlyHint":true}}'),
  anything("tt"),
];

const value = fc.constantFrom<string | number>("x", 1);
const argName = fc.constantFrom("p", "q");
const values = fc.dictionary(argName, value, { minKeys: 1, maxKeys: 2, noNullPrototype: true });
const pattern = fc.constantFrom("*", "x/*", "x/t", "x/t*", "x/*t", "x/s", "*/s");
const seldom = <T>(made: fc.Arbitrary<T>) => fc.option(made, { nil: undefined, freq: 1 });
const condition = fc.oneof(
  fc.record({
    args: fc.dictionary(argName, value, { minKeys: 1, maxKeys: 1, noNullPrototype: true }),
  }),
  fc.constant({ annotations: { readOnlyHint: true } }),
);
const whom = {
  on: pattern,
  clients: seldom(fc.subarray(["a", "b"], { minLength: 1 })),
  roles: seldom(fc.constant(["r"])),
  mode: fc.constantFrom("enforce", "enforce", "enforce", "shadow"),
  until: fc.constantFrom(undefined, undefined, "2020-01-01"),
  when: fc.option(condition, { nil: undefined }),
};
const rule = fc.oneof(
  fc.record({ ...whom, then: fc.constant("deny") }),
  fc.record({ ...whom, then: fc.constant("deny"), unless: condition }),
  fc.record({ ...whom, set: values }),
  fc.record({ ...whom, defaults: values }),
);
const allow = fc.record({ tools: fc.array(pattern, { maxLength: 2 }) });
const policies = fc.record({
  a: allow,
  b: allow,
  r: allow,
  rules: fc.array(rule, { maxLength: 5, size: "max" }),
  calls: fc.array(
    fc.record({
      as: fc.constantFrom<"a" | "b">("a", "a", "b"),
      name: fc.constantFrom(...names),
      args: fc.dictionary(argName, value, { maxKeys: 2, noNullPrototype: true }),
    }),
    { minLength: 6, maxLength: 6 },
  ),
});

async function listOf(ask: () => Promise<Heard>): Promise<readonly string[]> {
  const { result } = await ask();
  const listed = (result?.["tools"] ?? []) as { readonly name: string }[];
  return listed.map(({ name }) => name).sort();
}

test("explain, access, lists and calls never disagree, over both eras", async () => {
  const runtime = await openRuntime();
  const seen = new Map<string, number>();
  let client: Era = "modern";
  await fc.assert(
    fc.asyncProperty(policies, async ({ a, b, r, rules, calls }) => {
      client = client === "modern" ? "legacy" : "modern";
      const input: Partial<ConfigInput> = {
        roles: { r: { allow: r } },
        clients: { a: { auth: authA, allow: a, roles: ["r"] }, b: { auth: authB, allow: b } },
      };
      const made = JSON.parse(
        JSON.stringify(rules.map((each, at) => ({ name: `r${at}`, ...each }))),
      ) as NonNullable<ConfigInput["rules"]>;
      const upstreams = { x: { url: "http://127.0.0.1:1/mcp" } };
      const { config } = parseConfig(
        { ...input, upstreams, rules: made },
        { ...runtime.crypto, now: Date.now() },
      );
      // Rules that contradict each other without any condition are a fault of the config.
      fc.pre(config !== undefined);
      const rig = await openRulesRig({
        client,
        rules: made,
        answer: () => ok,
        lists: { tools },
        config: input,
      });
      try {
        // The first list is what gets locked.
        const lists = new Map<string, readonly string[]>();
        for (const as of ["a", "b"] as const) {
          lists.set(as, await listOf(() => rig.ask("tools/list", "", { as })));
        }
        const text = await readFile(join(rig.gateway.folder, "gateway.lock.json"), "utf8").catch(
          () => '{"lockVersion":1,"upstreams":{}}',
        );
        const parsed = parseLock(text, crypto);
        if ("fault" in parsed) throw new Error(parsed.fault);
        const { lock } = parsed;
        const ground = { policy: openPolicy(config).policy, config, lock };
        const known = [...(lock.get("x")?.keys() ?? [])];
        for (const { client: who, targets } of accessOf(ground, ["a", "b"])) {
          const reached = targets
            .filter(
              ({ kind, isPattern, target }) =>
                kind === "tool" && !isPattern && known.includes(target.slice(2)),
            )
            .map(({ target }) => target.slice(2))
            .sort();
          expect([who, reached]).toEqual([who, lists.get(who)]);
        }
        for (const { as, name, args } of calls) {
          const heard = await rig.call(name, JSON.stringify(args), as);
          const wish: CallWish = {
            client: as,
            subject: undefined,
            address: "127.0.0.1",
            kind: "tool",
            upstream: "x",
            name,
            args: reread(JSON.stringify(args)),
          };
          const live = rig.gateway.operations.explain(wish);
          const record = (await rig.gateway.records()).findLast(
            ({ method }) => method === "tools/call",
          );
          // Where the client reaches nothing at all the call never comes to the policy.
          const code =
            live.code === "POLICY_DENIED" ? record?.["code"] && live.code : record?.["code"];
          expect([live.verdict, live.code]).toEqual([record?.["decision"], code]);
          expect(live.verdict === "allowed").toBe(
            heard.code === undefined && heard.error === undefined,
          );
          if (live.code === "POLICY_DENIED") expect(lists.get(as)).not.toContain(name);
          else expect(lists.get(as)).toContain(name);
          const offline = explainCall(wish, ground);
          expect([offline.verdict, offline.code]).toEqual([live.verdict, live.code]);
          const verdict = live.code ?? live.verdict;
          seen.set(verdict, (seen.get(verdict) ?? 0) + 1);
        }
      } finally {
        await rig.close();
      }
    }),
    { numRuns: 40, interruptAfterTimeLimit: 60_000 },
  );
  for (const verdict of ["allowed", "POLICY_DENIED", "RULE_DENIED", "ARGUMENTS_INVALID"]) {
    expect([verdict, (seen.get(verdict) ?? 0) > 0]).toEqual([verdict, true]);
  }
}, 120_000);
