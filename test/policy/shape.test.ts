import { expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import { reread, textOf } from "../../src/mcp/index.ts";
import { withArguments } from "../../src/policy/index.ts";
import { toConfig } from "../stores/ports.ts";
import { openPolicy } from "./open-policy.ts";

const url = "http://127.0.0.1:9101/mcp";
type RuleInput = NonNullable<ConfigInput["rules"]>[number];
const subject = { client: "a", subject: undefined, address: undefined };
const thing = { kind: "tool", upstream: "cloud", name: "create" } as const;

function shaping(...rules: Partial<RuleInput>[]) {
  const config = toConfig({
    upstreams: { cloud: { url } },
    clients: { a: { auth: "anonymous", allow: { tools: ["*"], prompts: ["*"] } } },
    rules: rules.map((rule, i) => ({ name: `r${i}`, on: "cloud/create", ...rule })),
  });
  const { policy } = openPolicy(config);
  const shape = (args?: string, kind: "tool" | "prompt" = "tool") => {
    const call = { args: args === undefined ? undefined : reread(args), annotations: undefined };
    const shaped = policy.shape(subject, { ...thing, kind }, call);
    return shaped.kind === "shaped" ? Object.fromEntries(shaped.set) : shaped.code;
  };
  return { policy, shape };
}

test("A set argument is sent whatever the client sends, and pinned", () => {
  const { policy, shape } = shaping({ set: { region: "eu", tags: [1, { a: null }] } });
  const given = { region: '"eu"', tags: '[1,{"a":null}]' };
  for (const args of [undefined, "{}", '{"region":"us","tags":1}']) {
    expect(shape(args)).toEqual(given);
  }
  expect([...policy.pinned(subject, thing)]).toEqual(["region", "tags"]);
  expect([...policy.defaulted(subject, thing)]).toEqual([]);
  const shaped = policy.shape(subject, thing, { args: undefined, annotations: undefined });
  expect(shaped.rules).toEqual([{ name: "r0", then: "set", mode: "enforce" }]);
});

test("A default is sent where the client leaves the argument out, null included as given", () => {
  const { policy, shape } = shaping({ defaults: { region: "eu", size: 2 } });
  expect(shape()).toEqual({ region: '"eu"', size: "2" });
  expect(shape('{"region":null}')).toEqual({ size: "2" });
  expect(shape('{"region":"us","size":3}')).toEqual({});
  expect([...policy.defaulted(subject, thing)]).toEqual(["region", "size"]);
  expect([...policy.pinned(subject, thing)]).toEqual([]);
});

test("What is set beats a default, in any order of the rules", () => {
  const set = { set: { region: "eu" } };
  const defaults = { defaults: { region: "us" } };
  expect(shaping(set, defaults).shape()).toEqual({ region: '"eu"' });
  expect(shaping(defaults, set).shape()).toEqual({ region: '"eu"' });
});

test("Conditions of set see what the client sent, not what another rule set", () => {
  const { policy, shape } = shaping(
    { set: { region: "eu" } },
    { set: { zone: "b" }, when: { args: { region: "eu" } } },
  );
  expect(shape('{"region":"us"}')).toEqual({ region: '"eu"' });
  expect(shape('{"region":"eu"}')).toEqual({ region: '"eu"', zone: '"b"' });
  expect([...policy.pinned(subject, thing)]).toEqual(["region"]);
});

test("Rules that give one argument two values refuse the call, those of one value do not", () => {
  expect(shaping({ set: { a: 1 } }, { set: { a: 2 } }).shape()).toBe("RULE_CONFLICT");
  expect(shaping({ defaults: { a: 1 } }, { defaults: { a: 2 } }).shape()).toBe("RULE_CONFLICT");
  const same = shaping({ set: { a: { x: 1, y: 2 } } }, { set: { a: { y: 2, x: 1 } } });
  expect(same.shape()).toEqual({ a: '{"x":1,"y":2}' });
  const settled = shaping({ defaults: { a: 1 } }, { defaults: { a: 2 } });
  expect(settled.shape('{"a":3}')).toEqual({});
  expect(shaping({ set: { a: 1 } }, { set: { a: 2 }, mode: "shadow" }).shape()).toEqual({ a: "1" });
});

test("A conflict names the rules, and all that matched", () => {
  const { policy } = shaping({ set: { a: 1 } }, { set: { a: 2 } });
  expect(policy.shape(subject, thing, { args: undefined, annotations: undefined })).toEqual({
    kind: "deny",
    code: "RULE_CONFLICT",
    why: 'Rules "r0" and "r1" give "a" different values',
    rules: [
      { name: "r0", then: "set", mode: "enforce" },
      { name: "r1", then: "set", mode: "enforce" },
    ],
  });
});

test("An argument in another case than one that is set refuses the call", () => {
  for (const rule of [{ set: { region: "eu" } }, { defaults: { region: "eu" } }]) {
    const { shape } = shaping(rule);
    expect(shape('{"Region":"us"}')).toBe("RULE_FAILED");
    expect(shape('{"re\\u0067ion":"us"}')).not.toBe("RULE_FAILED");
  }
});

test("A name that is written with escapes is the same name, in its own case and in another", () => {
  const { shape } = shaping({ set: { region: "eu" }, defaults: { size: 2 } });
  expect(shape(String.raw`{"\u0072egion":"us","s\u0069ze":3}`)).toEqual({ region: '"eu"' });
  for (const name of [String.raw`\u0052egion`, String.raw`\u017fize`, "\u017fize", "REGION"]) {
    expect(shape(`{"${name}":1}`)).toBe("RULE_FAILED");
  }
  expect(shape('{"r\u0435gion":"us"}')).toEqual({ region: '"eu"', size: "2" });
});

test("Half a character can be set, and reaches the server as it is written", () => {
  const { shape } = shaping({ set: { region: "\ud800" } });
  const sent = withArguments(reread('{"id":1e400}'), new Map(Object.entries(shape("{}"))));
  expect(sent && textOf(sent)).toBe(String.raw`{"id":1e400,"region":"\ud800"}`);
});

test("A condition that cannot be decided refuses the call", () => {
  const { shape } = shaping({ set: { a: 1 }, when: { args: { n: { max: 3 } } } });
  expect(shape('{"n":9007199254740993}')).toBe("RULE_FAILED");
  expect(shape('{"n":9}')).toEqual({});
});

test("A rule in shadow is named and sets nothing, even where it cannot be decided", () => {
  const { policy, shape } = shaping({ set: { a: 1 }, mode: "shadow" });
  expect(shape()).toEqual({});
  expect(policy.pinned(subject, thing).size).toBe(0);
  const shaped = policy.shape(subject, thing, { args: undefined, annotations: undefined });
  expect(shaped.rules).toEqual([{ name: "r0", then: "set", mode: "shadow" }]);
  const unsure = shaping({ set: { a: 1 }, when: { args: { n: 1 } }, mode: "shadow" });
  expect(unsure.shape('{"N":1}')).toEqual({});
});

test("set and defaults speak of tools alone", () => {
  const { policy, shape } = shaping({ set: { a: 1 }, defaults: { b: 1 } });
  expect(shape("{}", "prompt")).toEqual({});
  expect(policy.pinned(subject, { ...thing, kind: "prompt" }).size).toBe(0);
});

test("withArguments keeps the bytes of what no rule sets", () => {
  const set = new Map([
    ["b", '"x"'],
    ["c", "1"],
  ]);
  const sent = withArguments(reread('{ "a" : 1.0, "b":2 }'), set);
  expect(sent && textOf(sent)).toBe('{ "a" : 1.0, "b":"x","c":1 }');
  const none = withArguments(undefined, set);
  expect(none && textOf(none)).toBe('{"b":"x","c":1}');
  const list = reread("[1]");
  expect(withArguments(list, set)).toBe(list);
});
