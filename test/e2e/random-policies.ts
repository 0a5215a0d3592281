/** Random policies over every kind of thing, and what clients ask under them. */
import * as fc from "fast-check";
import { anything } from "./rules-rig.ts";

export const items = {
  tool: ["t", "s", "tt"],
  prompt: ["t", "s"],
  resource: ["file:///t", "file:///t/1", "file:///s/1"],
} as const;
/** Each with some of what it expands to: one for each that the patterns below tell apart. */
export const templates: Readonly<Record<string, readonly string[]>> = {
  "file:///t/{n}": ["file:///t/1", "file:///t/t"],
  "file:///{+path}": ["t", "tx", "qt", "q", "t/1", "t/t", "s/1"].map((path) => `file:///${path}`),
};
/** The server annotates one of its tools, and one takes an argument of one type alone. */
export const lists = {
  tools: [
    anything("t", '{"type":"object","properties":{"p":{"type":"string"}}}'),
    anything("s").replace(/\}$/, ',"annotations":{"readOnlyHint":true}}'),
    anything("tt", '{"type":"object","properties":{"p":{},"q":{}},"required":["p"]}'),
  ],
  prompts: items.prompt.map((name) => `{"name":"${name}"}`),
  resources: items.resource.map((uri) => `{"uri":"${uri}","name":"r"}`),
  resourceTemplates: Object.keys(templates).map((uri) => `{"uriTemplate":"${uri}","name":"r"}`),
};

const value = fc.constantFrom<string | number>("x", 1);
const argName = fc.constantFrom("p", "q");
const values = fc.dictionary(argName, value, { minKeys: 1, maxKeys: 2, noNullPrototype: true });
const args = fc.dictionary(argName, value, { maxKeys: 2, noNullPrototype: true });
const name = fc.constantFrom("*", "x/*", "x/t", "x/t*", "x/*t", "x/s", "*/s");
const uri = fc.constantFrom("x/file:///*", "x/file:///t*", "x/file:///t/*", "x/file:///s/1");
const pattern = fc.oneof(name, uri);
const seldom = <T>(made: fc.Arbitrary<T>) => fc.option(made, { nil: undefined, freq: 1 });
const few = <T>(made: fc.Arbitrary<T>) => fc.array(made, { minLength: 1, maxLength: 2 });
const condition = fc.oneof(
  fc.record({
    args: fc.dictionary(argName, value, { minKeys: 1, maxKeys: 1, noNullPrototype: true }),
  }),
  fc.constant({ annotations: { readOnlyHint: true } }),
  fc.constant({ address: "127.0.0.1" }),
);
const until = fc.constantFrom(undefined, undefined, "2020-01-01", "2999-01-01");
const whom = {
  clients: seldom(fc.subarray(["a", "b"], { minLength: 1 })),
  roles: seldom(few(fc.constantFrom("r", "s"))),
  mode: fc.constantFrom("enforce", "enforce", "enforce", "shadow"),
  until,
};
const on = fc.oneof(
  pattern,
  few(pattern),
  fc.record({ tools: few(name) }),
  fc.record({ resources: few(uri) }),
  fc.record({ prompts: few(name) }),
);
const when = fc.option(condition, { nil: undefined });
const rate = fc.record({
  burst: fc.constantFrom(1, 1_000),
  perSecond: fc.constant(0.001),
  per: fc.constantFrom("client", "subject", "rule"),
});
const rule = fc.oneof(
  fc.record({ ...whom, on, when: condition, then: fc.constant("deny") }),
  fc.record({ ...whom, on, when, then: fc.constantFrom("deny", "deny", "ask") }),
  fc.record({ ...whom, on, then: fc.constantFrom("deny", "ask"), unless: condition }),
  fc.record({ ...whom, on: fc.oneof(name, fc.record({ tools: few(name) })), when, set: values }),
  fc.record({ ...whom, on: name, when, defaults: values }),
  fc.record({ ...whom, on, when, rate }),
);
const allow = fc.record({
  tools: fc.array(name, { maxLength: 2 }),
  resources: fc.array(pattern, { maxLength: 2 }),
  prompts: fc.array(name, { maxLength: 2 }),
});
export const ways = {
  "tools/call": items.tool,
  "prompts/get": items.prompt,
  "resources/read": [...items.resource, "file:///t/unlisted"],
  "resources/subscribe": items.resource,
  "completion/complete": [...items.prompt, ...Object.keys(templates)],
} as const;
export type Way = keyof typeof ways;
const ask = fc
  .constantFrom<Way>(...(Object.keys(ways) as Way[]), "tools/call", "tools/call")
  .chain((method) =>
    fc.record({
      method: fc.constant(method),
      as: fc.constantFrom<"a" | "b">("a", "a", "b"),
      name: fc.constantFrom<string>(...ways[method]),
      args: method === "tools/call" || method === "prompts/get" ? args : fc.constant(undefined),
    }),
  );
export const policies = fc.record({
  a: allow,
  b: allow,
  r: fc.record({ allow, until }),
  s: fc.record({ allow, until }),
  rules: fc.array(rule, { maxLength: 6, size: "max" }),
  asked: fc.array(ask, { minLength: 8, maxLength: 8 }),
});
export type MadePolicy = typeof policies extends fc.Arbitrary<infer Made> ? Made : never;
