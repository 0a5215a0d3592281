import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import type { TargetKind } from "../../src/mcp/index.ts";
import { toConfig } from "../stores/ports.ts";
import { naiveAllows } from "./naive.ts";
import { openPolicy } from "./open-policy.ts";

const url = "http://127.0.0.1:9101/mcp";

function open(config: ConfigInput) {
  const { policy } = openPolicy(toConfig(config));
  const decide = (client: string, kind: TargetKind, upstream: string, name: string) =>
    policy.decide({ client, subject: undefined, address: undefined }, { kind, upstream, name });
  const allows = (kind: TargetKind, upstream: string, name: string, client = "a") =>
    decide(client, kind, upstream, name).allowed;
  return { policy, decide, allows };
}

function allowing(allow: NonNullable<ConfigInput["clients"]>[string]["allow"], more = {}) {
  return open({
    upstreams: { weather: { url }, "weather.2": { url }, files: { url } },
    clients: { a: { auth: "anonymous", ...(allow && { allow }) } },
    ...more,
  });
}

test("An allow pattern allows what it names, for its kind and client alone", () => {
  const { decide, allows } = allowing({ tools: ["weather/get_*", "files/read"] });
  expect(decide("a", "tool", "weather", "get_forecast")).toEqual({
    allowed: true,
    allowedBy: "weather/get_*",
  });
  expect(allows("tool", "files", "read")).toBe(true);
  expect(allows("tool", "weather", "set_forecast")).toBe(false);
  expect(allows("tool", "files", "get_forecast")).toBe(false);
  expect(allows("prompt", "weather", "get_forecast")).toBe(false);
  expect(allows("resource", "weather", "get_forecast")).toBe(false);
  expect(allows("tool", "weather", "get_forecast", "b")).toBe(false);
});

test("An absent or empty allow-list allows nothing", () => {
  for (const allow of [undefined, {}, { tools: [], resources: [], prompts: [] }]) {
    const { policy, allows } = allowing(allow);
    expect(allows("tool", "weather", "get")).toBe(false);
    expect(allows("resource", "weather", "weather://x")).toBe(false);
    expect(allows("prompt", "weather", "get")).toBe(false);
    expect(policy.reaches({ client: "a", subject: undefined }, "weather")).toBe(false);
  }
});

test("A * in the upstream's half takes upstreams' names and never a slash", () => {
  const { allows } = allowing({ tools: ["weather*/x", "*/y"] });
  expect(allows("tool", "weather", "x")).toBe(true);
  expect(allows("tool", "weather.2", "x")).toBe(true);
  expect(allows("tool", "files", "x")).toBe(false);
  expect(allows("tool", "files", "y")).toBe(true);
  expect(allows("tool", "weather", "b/x")).toBe(false);
  expect(allows("tool", "weather", "b/y")).toBe(false);
});

test("A * alone is everything of every upstream", () => {
  const { allows } = allowing({ tools: ["*"], resources: ["*"] });
  expect(allows("tool", "files", "a/b")).toBe(true);
  expect(allows("resource", "files", "file:///a")).toBe(true);
  expect(allows("prompt", "files", "p")).toBe(false);
  expect(allows("tool", "elsewhere", "a")).toBe(false);
});

test("weather/weather://* does not match weather:/evil", () => {
  const { allows } = allowing({ resources: ["weather/weather://*"] });
  expect(allows("resource", "weather", "weather://cities/oslo")).toBe(true);
  expect(allows("resource", "weather", "weather:/evil")).toBe(false);
  expect(allows("resource", "weather", "weather:evil")).toBe(false);
  expect(allows("resource", "files", "weather://cities/oslo")).toBe(false);
});

test("A URI that is not in normal form matches nothing, not even *", () => {
  const { allows } = allowing({ resources: ["*", "files/*"] });
  const odd = [
    "FILE:///a",
    "file:///a/../b",
    "file:///a/./b",
    "file:///a%2Fb",
    "file:///a%2e%2e/b",
    "file:///a\\b",
    "file:///a\u0000",
    "file:///a b",
    "http://user@host/",
    "http://HOST/",
    "",
    "a",
  ];
  for (const uri of odd) expect(allows("resource", "files", uri)).toBe(false);
});

test("No second spelling of a denied resource is allowed", () => {
  const { allows } = allowing(
    { resources: ["*"] },
    {
      rules: [
        { name: "secret", on: "files/file:///secret/*", then: "deny" },
        { name: "inside", on: "files/http://internal.example/*", then: "deny" },
      ],
    },
  );
  expect(allows("resource", "files", "file:///public/key")).toBe(true);
  expect(allows("resource", "files", "http://www.example/x")).toBe(true);
  for (const uri of [
    "file:///secret/key",
    "file:/secret/key",
    "file:secret/key",
    "file://localhost/secret/key",
    "file:///secret%2Fkey",
    "file:///%73ecret/key",
    "file:////secret/key",
    "file:///public/x?/../../secret/key",
    "file:///public/x#/../../secret/key",
    "http://internal.example/x",
    "http:internal.example/x",
    "http:/internal.example/x",
    "http:///internal.example/x",
    "http://internal.example:80/x",
    "http://internal.example:/x",
    "http://internal.example./x",
    "http://Internal.Example/x",
    "http://a@internal.example/x",
    "http:\\\\internal.example\\x",
  ]) {
    expect([uri, allows("resource", "files", uri)]).toEqual([uri, false]);
  }
});

test("A rule denies what servers read like its target; an allow pattern takes what it says", () => {
  const rules = [
    { name: "at", on: "files/file:///node/@scope/*", then: "deny" },
    { name: "encoded", on: "files/file:///%28a%29", then: "deny" },
    { name: "host", on: "files/db://Users/*", then: "deny" },
    { name: "cut", on: "files/db://other/%4*", then: "deny" },
    { name: "star", on: "files/db://star/a%2Ab", then: "deny" },
  ];
  const { allows } = allowing({ resources: ["*"] }, { rules });
  const denied = [
    "file:///node/@scope/a",
    "file:///node/%40scope/a",
    "file:///%28a%29",
    "file:///(a)",
    "file:///%28a)",
    "db://Users/1",
    "db://users/1",
    "db://other/%40",
    "db://star/a%2Ab",
  ];
  for (const uri of denied) expect([uri, allows("resource", "files", uri)]).toEqual([uri, false]);
  for (const uri of ["file:///node/scope/a", "db://user/1", "db://Users", "db://star/ab"]) {
    expect(allows("resource", "files", uri)).toBe(true);
  }
  const narrow = allowing({ resources: ["files/file:///@a", "files/db://Users/*"] });
  expect(narrow.allows("resource", "files", "file:///@a")).toBe(true);
  expect(narrow.allows("resource", "files", "file:///%40a")).toBe(false);
  expect(narrow.allows("resource", "files", "db://users/1")).toBe(false);
});

test("Names are compared exactly", () => {
  const { allows } = allowing({ tools: ["files/kill", "files/safe_*"] });
  expect(allows("tool", "files", "kill")).toBe(true);
  const tricks = [
    "Kill",
    "KILL",
    " kill",
    "kill ",
    "kill\n",
    "kill\u0000",
    "\uFEFFkill",
    "ki\u00ADll",
    "k\u200Bill",
    "\u212Aill",
    "ｋｉｌｌ",
    "kiӏl",
    "kil%6C",
    "files/kill",
    "../files/kill",
    "kill/../kill",
    "safe",
    "Safe_x",
    "\u017Fafe_x",
    "kil*",
    "*",
    ".*",
    "__proto__",
    "constructor",
    "toString",
    "",
    "k".repeat(65_536),
  ];
  for (const name of tricks) expect(allows("tool", "files", name)).toBe(false);
  for (const upstream of ["Files", "files ", "__proto__", "constructor", "", "files/"]) {
    expect(allows("tool", upstream, "kill")).toBe(false);
  }
  for (const client of ["A", "__proto__", "constructor", ""]) {
    expect(allows("tool", "files", "kill", client)).toBe(false);
  }
});

test("Characters that mean something in a regular expression mean themselves", () => {
  const { allows } = allowing({ tools: ["files/a.c", "files/(x|y)*", "files/[a]", "files/q?"] });
  expect(allows("tool", "files", "a.c")).toBe(true);
  expect(allows("tool", "files", "abc")).toBe(false);
  expect(allows("tool", "files", "(x|y)z")).toBe(true);
  expect(allows("tool", "files", "x")).toBe(false);
  expect(allows("tool", "files", "a")).toBe(false);
  expect(allows("tool", "files", "q")).toBe(false);
});

test("What an upstream does not expose is allowed to nobody", () => {
  const { allows, policy } = open({
    upstreams: { crm: { url, expose: { tools: ["search_*"], prompts: [] } } },
    clients: { a: { auth: "anonymous", allow: { tools: ["*"], prompts: ["*"] } } },
  });
  expect(allows("tool", "crm", "search_people")).toBe(true);
  expect(allows("tool", "crm", "delete_people")).toBe(false);
  expect(allows("prompt", "crm", "any")).toBe(false);
  expect(policy.reaches({ client: "a", subject: undefined }, "crm")).toBe(true);
});

test("A rule without conditions takes away what allow-lists gave", () => {
  const { allows, decide } = allowing(
    { tools: ["*"], prompts: ["*"] },
    {
      rules: [
        { name: "no-x", on: ["files/x", "weather/x*"], then: "deny", why: "Not here" },
        { name: "only-tools", on: { tools: ["files/y"] }, then: "deny" },
        { name: "others", on: "files/z", clients: ["b"], then: "deny" },
        {
          name: "asked-later",
          on: "files/w",
          when: { args: { q: 1 } },
          then: "deny",
        },
      ],
    },
  );
  expect(decide("a", "tool", "files", "x")).toEqual({
    allowed: false,
    why: "Not here",
    recorded: "POLICY_DENIED",
  });
  expect(allows("prompt", "files", "x")).toBe(false);
  expect(allows("tool", "weather", "xyz")).toBe(false);
  expect(allows("tool", "files", "xyz")).toBe(true);
  const y = decide("a", "tool", "files", "y");
  expect(y).toMatchObject({ allowed: false, why: 'Rule "only-tools" refuses this call' });
  expect(allows("prompt", "files", "y")).toBe(true);
  expect(allows("tool", "files", "z")).toBe(true);
  expect(allows("tool", "files", "w")).toBe(true);
});

test("A rule whose conditions test nothing has none: it denies, and no empty unless cancels it", () => {
  const config = toConfig({
    upstreams: { files: { url } },
    clients: { a: { auth: "anonymous", allow: { tools: ["*"] } } },
  });
  for (const more of [{ when: {} }, { unless: {} }, { when: { args: {} }, unless: { args: {} } }]) {
    const rules = [
      { name: "r", on: "files/x", then: "deny" as const, mode: "enforce" as const, ...more },
    ];
    const { policy } = openPolicy({ ...config, rules });
    const subject = { client: "a", subject: undefined, address: undefined };
    const thing = { kind: "tool", upstream: "files", name: "x" } as const;
    expect(policy.decide(subject, thing).allowed).toBe(false);
  }
});

test("An upstream is reached where some pattern could allow something there", () => {
  const { policy } = allowing(
    { tools: ["weather/*"], resources: ["files/*"] },
    { rules: [{ name: "closed", on: "files/*", then: "deny" }] },
  );
  expect(policy.reaches({ client: "a", subject: undefined }, "weather")).toBe(true);
  expect(policy.reaches({ client: "a", subject: undefined }, "weather.2")).toBe(false);
  expect(policy.reaches({ client: "a", subject: undefined }, "files")).toBe(false);
  expect(policy.reaches({ client: "a", subject: undefined }, "elsewhere")).toBe(false);
  expect(policy.reaches({ client: "b", subject: undefined }, "weather")).toBe(false);
});

const part = fc.string({ unit: fc.constantFrom("a", "b", "*", "/", "."), maxLength: 4 });
const upstream = fc.constantFrom("a", "ab", "b", "a.b");
const half = fc.string({ unit: fc.constantFrom("a", "b", "*"), minLength: 1, maxLength: 3 });
const uriPart = part.map((text) => `a://${text}`);
const name = fc.oneof(part, uriPart);
const pattern = fc.oneof(
  { weight: 1, arbitrary: fc.constant("*") },
  {
    weight: 8,
    arbitrary: fc
      .tuple(half, name)
      .filter(([, text]) => text !== "")
      .map(([first, second]) => `${first}/${second}`),
  },
);
const patterns = fc.array(pattern, { maxLength: 3 });
const globs = fc.option(fc.array(name.filter((text) => text !== "")), { nil: undefined });
const some = fc.array(pattern, { minLength: 1, maxLength: 2 });
const on = fc.oneof(
  pattern,
  some,
  some.map((tools) => ({ tools })),
);
const ruleClients = fc.constantFrom<string[] | undefined>(undefined, ["x"], ["y"]);
const client = fc.record({ tools: patterns, resources: patterns, prompts: patterns });
const configs = fc.record({
  exposed: fc.record({ tools: globs, resources: globs, prompts: globs }),
  allow: fc.record({ x: client, y: client }),
  rules: fc.array(fc.record({ on, clients: ruleClients }), {
    maxLength: 2,
  }),
});
const things = fc.record({
  kind: fc.constantFrom("tool", "resource", "prompt"),
  upstream: fc.oneof(upstream, fc.constant("c")),
  name,
});

test("decide agrees with the plain reading of the config", () => {
  let allowed = 0;
  fc.assert(
    fc.property(
      configs,
      fc.array(things, { minLength: 20, maxLength: 20 }),
      ({ exposed, allow, rules }, asked) => {
        const config = toConfig({
          upstreams: { a: { url, expose: exposed }, ab: { url }, b: { url }, "a.b": { url } },
          clients: {
            x: { auth: "anonymous", allow: allow.x },
            y: { auth: "anonymous", allow: allow.y },
          },
          rules: rules.map((rule, i) => ({
            name: `r${i}`,
            then: "deny",
            on: rule.on,
            ...(rule.clients && { clients: rule.clients }),
          })),
        });
        const { policy } = openPolicy(config);
        for (const thing of asked) {
          for (const client of ["x", "y", "z"]) {
            const subject = { client, subject: undefined, address: undefined };
            const decision = policy.decide(subject, thing);
            expect(decision.allowed).toBe(naiveAllows(config, subject, thing));
            if (!decision.allowed) continue;
            allowed++;
            expect(policy.reaches(subject, thing.upstream)).toBe(true);
            if (thing.kind !== "resource") continue;
            expect(policy.showsTemplate(subject, thing.upstream, thing.name)).toBe(true);
          }
        }
      },
    ),
    { numRuns: 500 },
  );
  expect(allowed).toBeGreaterThan(500);
});
