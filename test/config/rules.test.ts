import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/index.ts";
import { canonicalJson } from "../../src/config/digest.ts";
import { isSameSetting } from "../../src/config/same-setting.ts";
import { Secret } from "../../src/core/index.ts";
import { now, sha256 } from "./fake-ports.ts";

const url = "http://127.0.0.1:9101/mcp";
const upstreams = { weather: { url }, crm: { url } };
const allow = { tools: ["weather/*"] };
const web = { auth: { token: new Secret("a".repeat(40)) }, allow };

function parse(input: object) {
  return parseConfig({ upstreams, clients: { web }, ...input }, { sha256, now });
}

function textOf(input: object): readonly string[] {
  return parse(input).faults.map(({ level, path, message, suggestion }) =>
    [`${level} ${path}: ${message}`, ...(suggestion ? [`(${suggestion})`] : [])].join(" "),
  );
}

function ruleText(...rules: object[]): readonly string[] {
  const named = rules.map((rule, i) => ({ name: `r${i}`, on: "weather/*", ...rule }));
  return textOf({ rules: named });
}

describe("roles", () => {
  test("a role that a client holds and nobody names is an error, with what was meant", () => {
    const roles = { staff: { allow } };
    expect(textOf({ roles, clients: { web: { ...web, roles: ["staff", "stuff"] } } })).toEqual([
      'error clients.web.roles[1]: "web" holds the unknown role "stuff" (did you mean "staff"?)',
    ]);
    expect(textOf({ roles: {}, clients: { web: { ...web, roles: ["constructor"] } } })).toEqual([
      'error clients.web.roles[0]: "web" holds the unknown role "constructor"',
    ]);
  });

  test("one that nobody holds, that does nothing, or has expired is a warning", () => {
    const held = { web: { ...web, roles: ["a", "b", "a"] } };
    const roles = { a: {}, b: { allow, until: "2026-05-31" }, c: { allow } };
    expect(textOf({ roles, clients: held })).toEqual([
      'warning clients.web.roles[2]: "web" lists the role "a" twice',
      'warning roles.a: The role "a" allows nothing, and no rule names it',
      'warning roles.b.until: The role "b" expired after 2026-05-31',
      'warning roles.c: No client holds the role "c"',
    ]);
    const rules = [{ name: "r", on: "weather/*", roles: ["a"], then: "deny" }];
    expect(textOf({ roles: { a: {} }, clients: { web: { ...web, roles: ["a"] } }, rules })).toEqual(
      [],
    );
  });

  test("patterns and input of a role are checked as those of a client", () => {
    const role = { tools: ["wether/*"], resources: ["weather/FILE:///x"], input: ["samplin"] };
    const clients = { web: { ...web, roles: ["a"] } };
    expect(textOf({ roles: { a: { allow: role } }, clients })).toEqual([
      'error roles.a.allow.tools[0]: "wether/*" names the unknown upstream "wether" (did you mean "weather"?)',
      "error roles.a.allow.resources[0]: Is not a URI in normal form, so it matches nothing (write the scheme and host in lower case, no dot segments)",
      'error roles.a.allow.input[0]: "samplin" names the unknown kind of input "samplin" (did you mean "sampling"?)',
    ]);
  });

  test("a client whose allow is empty may hold roles instead", () => {
    const { allow: _, ...bare } = web;
    const roles = { a: { allow } };
    expect(textOf({ roles, clients: { web: { ...bare, roles: ["a"] } } })).toEqual([]);
  });

  test("a role with a fault of its own is known by name", () => {
    const clients = { web: { ...web, roles: ["a"] } };
    expect(textOf({ roles: { a: { allow: { tools: "x" } } }, clients })).toEqual([
      "error roles.a.allow.tools: Must be a list, is a string",
    ]);
  });
});

describe("what a rule does", () => {
  test("a rule without an effect is an error", () => {
    expect(ruleText({ when: { args: { a: 1 } }, why: "x" })).toEqual([
      'error rules[0]: The rule "r0" does nothing (give it "then", "set", "defaults", "rate", "sanitize" or "timeoutMs")',
    ]);
  });

  test.each([
    { then: "deny" },
    { then: "ask" },
    { then: "ask", ask: { via: "operator", expiresMs: 1, waitMs: 0 }, set: { a: 1 } },
    { set: { a: [1, { b: null }] } },
    { defaults: { a: "x" } },
    { rate: { burst: 1, perSecond: 1 } },
    { rate: { burst: 1, perSecond: 1, per: "subject" } },
    { sanitize: { secrets: "deny" } },
    { timeoutMs: 5 },
    { set: { a: 1 }, defaults: { b: 1 }, timeoutMs: 5, mode: "shadow", until: "2027-01-01" },
    { when: () => true, timeoutMs: 5 },
    { on: { input: ["weather/sampling"], tools: ["weather/x"] }, then: "deny" },
  ])("each effect is enough (%#)", (rule) => {
    expect(ruleText(rule)).toEqual([]);
  });

  test("what could never come about is an error", () => {
    expect(ruleText({ then: "deny", set: { a: 1 }, timeoutMs: 5 })).toEqual([
      "error rules[0].set: Does nothing in a rule that denies",
      "error rules[0].timeoutMs: Does nothing in a rule that denies",
    ]);
    expect(ruleText({ on: { prompts: ["weather/*"] }, set: { a: 1 } })).toEqual([
      'error rules[0].set: Speaks of tools alone, and "on" names none',
    ]);
    expect(ruleText({ set: { a: 1 }, defaults: { a: 2 } })).toEqual([
      'error rules[0].defaults.a: "a" is always set, so this does nothing',
    ]);
    expect(ruleText({ timeoutMs: 5, ask: {} })).toEqual([
      'error rules[0].ask: Does nothing without then: "ask"',
    ]);
    expect(ruleText({ set: {}, sanitize: {} })).toEqual([
      "error rules[0].set: Must not be empty",
      "error rules[0].sanitize: Must not be empty",
    ]);
  });

  test("a rule that asks an operator needs one who may approve", () => {
    const rules = [{ name: "r0", on: "weather/*", then: "ask", ask: { via: "operator" } }];
    const auth = { tokenSha256: "0".repeat(64) };
    const at = "error rules[0].ask.via: Nobody could approve:";
    expect(textOf({ rules })).toEqual([]);
    expect(textOf({ rules, admin: { users: { ann: { auth, can: ["approve"] } } } })).toEqual([]);
    expect(textOf({ rules, admin: false })).toEqual([`${at} there is no admin listener`]);
    expect(textOf({ rules, admin: { users: { ann: { auth, can: ["read"] } } } })).toEqual([
      `${at} no admin user has the right "approve"`,
    ]);
  });

  test("a webhook needs a rule that asks and one who may approve, and holds no password", () => {
    const approvals = { webhook: { url: "https://hooks.example.com/a" } };
    const rules = [{ name: "r0", on: "weather/*", then: "ask" }];
    const at = "warning approvals.webhook:";
    expect(textOf({ rules, approvals })).toEqual([]);
    const idle = [`${at} Does nothing without a rule with then: "ask"`];
    expect(textOf({ approvals })).toEqual(idle);
    expect(textOf({ rules: [{ ...rules[0], mode: "shadow" }], approvals })).toEqual(idle);
    expect(textOf({ rules, approvals, admin: false })).toEqual([
      `${at} Announces what nobody could approve: there is no admin listener`,
    ]);
    const urls = ["ftp://hooks.example.com", "https://u:p@hooks.example.com"];
    expect(
      urls.flatMap((each) => textOf({ rules, approvals: { webhook: { url: each } } })),
    ).toEqual([
      expect.stringContaining("error approvals.webhook.url: Must be a URL that begins with"),
      'error approvals.webhook.url: Must not hold a user name or a password (write secret: secret("NAME"))',
    ]);
  });

  test("how long a question stands and is waited for has a bound", () => {
    expect(ruleText({ then: "ask", ask: { expiresMs: 86_400_001, waitMs: 600_001 } })).toEqual([
      "error rules[0].ask.expiresMs: Must be a whole number of milliseconds from 1 to 86400000, is 86400001",
      "error rules[0].ask.waitMs: Must be a whole number of milliseconds from 0 to 600000, is 600001",
    ]);
  });

  test("input is only denied, and without conditions", () => {
    const on = { input: ["sampling"] };
    const apart = 'write a rule of its own with on: { input: […] } and then: "deny"';
    expect(ruleText({ on, timeoutMs: 5, when: () => true, mode: "shadow" })).toEqual([
      `error rules[0].when: Cannot be asked of what servers ask of clients (${apart})`,
      `error rules[0].on.input: What servers ask of clients can only be denied (${apart})`,
      `error rules[0].mode: What servers ask of clients is in no record, so this does nothing (${apart})`,
    ]);
    expect(ruleText({ on: { input: ["wether/roots"] }, then: "deny" })).toEqual([
      'error rules[0].on.input[0]: "wether/roots" names the unknown upstream "wether" (did you mean "weather"?)',
    ]);
  });

  test.each([
    Number.NaN,
    2 ** 53,
    undefined,
    () => 1,
    new Date(0),
    new Map(),
    [undefined],
    { a: [Infinity] },
  ])("a value that JSON does not say exactly is refused (%#)", (value) => {
    expect(ruleText({ set: { a: value, b: 1 } })).toEqual([
      expect.stringContaining("error rules[0].set.a: Must be JSON"),
    ]);
  });

  test("a value that holds itself is refused", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(ruleText({ set: { a: loop } })).toHaveLength(1);
  });

  test("unless is no function", () => {
    expect(ruleText({ then: "deny", unless: () => true })).toEqual([
      "error rules[0].unless: Must be an object, is a function",
    ]);
  });

  test("a fault in what a rule does is told alone", () => {
    expect(ruleText({ set: 4, clients: ["web"] })).toHaveLength(1);
    expect(ruleText({ then: "sign", ask: {}, set: { a: 1 } })).toHaveLength(1);
  });

  test("a role that no part names, and a last day that is over or none", () => {
    expect(ruleText({ then: "deny", roles: ["x"], until: "2026-05-31" })).toEqual([
      'error rules[0].roles[0]: The rule "r0" names the unknown role "x"',
      'warning rules[0].until: The rule "r0" expired after 2026-05-31',
    ]);
    expect(ruleText({ then: "deny", until: "2027-02-30" })).toEqual([
      "error rules[0].until: Must be a day that the calendar has",
    ]);
  });
});

describe("rules that disagree", () => {
  const one = { set: { a: { x: 1, y: 2 } } };
  const same = { set: { a: { y: 2, x: 1 } } };
  const other = { set: { a: 3 } };
  const refused = 'error rules[1].set.a: "r0" gives "a" another value, so these calls are refused';

  test.each([
    [{ ...one }, { ...other }],
    [{ ...one, on: "*" }, { ...other }],
    [{ ...one, on: ["crm/x", "weather/y"] }, { ...other }],
    [{ ...one, clients: ["web"] }, { ...other }],
  ])("an error where it is sure (%#)", (first, second) => {
    expect(ruleText(first, second)).toEqual([refused]);
  });

  test.each([
    [one, same],
    [{ ...one, on: "crm/*" }, other],
    [{ ...one, when: { args: { b: 1 } } }, other],
    [{ ...one, mode: "shadow" }, other],
    [{ ...one, until: "2020-01-01" }, other],
    [one, { defaults: { a: 3 } }],
    [one, { set: { b: 3 } }],
  ])("nothing where it cannot be, or not be seen (%#)", (first, second) => {
    expect(ruleText(first, second).filter((text) => text.startsWith("error"))).toEqual([]);
  });

  test("nothing where no client is meant by both", () => {
    const app = { auth: { token: new Secret("b".repeat(40)) }, allow };
    const rules = [
      { name: "r0", on: "weather/*", clients: ["web"], ...one },
      { name: "r1", on: "weather/*", clients: ["app"], ...other },
    ];
    expect(textOf({ clients: { web, app }, rules })).toEqual([]);
  });

  test("a warning where some tool could be meant by both", () => {
    expect(ruleText({ ...one, on: "weather/get_*" }, { ...other, on: "weather/*_city" })).toEqual([
      'warning rules[1].set.a: "r0" gives "a" another value, where a tool is meant by both',
    ]);
  });

  test("defaults disagree as well", () => {
    expect(ruleText({ defaults: { a: 1 } }, { defaults: { a: 2 } })).toEqual([
      'error rules[1].defaults.a: "r0" gives "a" another value, so these calls are refused',
    ]);
  });
});

test("conditions of a JSON config are read as they are", () => {
  const text = `{ "rules": [{ "name": "r", "on": "weather/*", "timeoutMs": 5, "mode": "shadow",
    "when": { "args": { "secret": { "min": 1 } }, "address": ["10.0.0.1"] },
    "unless": { "args": { "/a/b": { "glob": "x*" } } } }] }`;
  const { config, faults } = parse(JSON.parse(text) as object);
  expect(faults).toEqual([]);
  expect(config?.rules[0]).toMatchObject({
    when: { args: { secret: { min: 1 } }, address: ["10.0.0.1"] },
    unless: { args: { "/a/b": { glob: "x*" } } },
    mode: "shadow",
  });
});

test("a changed function is a changed config, one that is loaded again is not", () => {
  const make = (limit: number) =>
    // oxlint-disable-next-line no-new-func -- two functions of one text
    new Function("facts", `return facts.args.n > ${limit};`);
  const digest = (when: unknown) => canonicalJson({ rules: [{ when }] });
  expect(digest(make(1))).toBe(digest(make(1)));
  expect(digest(make(1))).not.toBe(digest(make(2)));
  expect(digest(make(1))).not.toBe(digest(undefined));
  expect(isSameSetting({ when: make(1) }, { when: make(1) })).toBe(true);
  expect(isSameSetting({ when: make(1) }, { when: make(2) })).toBe(false);
  expect(isSameSetting(make(1), String(make(1)))).toBe(false);
  const lying = Object.assign(make(2), { toString: () => String(make(1)) });
  expect(digest(lying)).not.toBe(digest(make(1)));
});
