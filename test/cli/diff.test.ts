/** `mcp-gw diff`: each way in which a change grants something is seen. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { diff } from "../../src/cli/diff.ts";
import { type PolicyFolder, type Ran, configOf, lockOf, openPolicyFolder } from "./policy-files.ts";

const config = configOf(`
  roles: { staff: { allow: { tools: ["files/read"] }, until: "2090-01-01" } },
  clients: {
    web: { auth: "stdio", roles: ["staff"], allow: { tools: ["pay/*"], input: ["pay/sampling"] } },
  },
  rules: [
    rule("large", { on: "pay/send", then: "deny", when: { args: { n: { min: 9 } } } }),
    rule("hours", { on: "pay/*", then: "deny", when: ({ now }) => now < 5 }),
    rule("region", { on: "pay/send", set: { region: "eu" } }),
    rule("no-delete", { on: "pay/delete_*", then: "deny" }),
    rule("signed", { on: "pay/big", then: "ask", when: { args: { n: 1 } } }),
    rule("tried", { on: "pay/*", then: "deny", mode: "shadow" }),
    rule("rated", { on: "pay/*", rate: { burst: 9, perSecond: 1 } }),
  ],`);

let at: PolicyFolder;
beforeEach(async () => {
  at = await openPolicyFolder();
});
afterEach(() => at.close());

async function run(from: string, to: string, json = false): Promise<Ran> {
  await at.write({ "old.config.ts": from, "new.config.ts": to });
  const files = { old: "old.config.ts", new: "new.config.ts" };
  return at.run(diff, { ...files, noNewGrants: true, json });
}

test("diff of one policy with itself is empty", async () => {
  expect(await run(config, `${config}// another text\n`)).toEqual({
    code: 0,
    out: "Nothing of the policy differs",
    err: "",
  });
});

test.each([
  [
    "a new pattern",
    '["pay/*"]',
    '["pay/*", "files/w*"]',
    "+  web  tool      files/w*  by files/w*",
  ],
  [
    "a wider role",
    '["files/read"]',
    '["files/*"]',
    "+  web  tool      files/*  by files/* of role staff",
  ],
  [
    "a new client",
    "clients: {",
    'clients: { b: { auth: "stdio", allow: { tools: ["pay/x"] } },',
    "+  b  tool      pay/x  by pay/x",
  ],
  [
    "another kind",
    '["pay/*"]',
    '["pay/*"], prompts: ["pay/p"]',
    "+  web  prompt    pay/p  by pay/p",
  ],
  [
    "an input grant",
    '"pay/sampling"',
    '"pay/sampling", "files/roots"',
    "+  web  input     files: roots",
  ],
  ["a hiding rule that is gone", /.*no-delete.*\n/, "", "+  web  tool      pay/delete_*  by pay/*"],
  ["a rule that is gone", /.*"large".*\n/, "", "!  rule large: removed"],
  ["a condition", "min: 9", "min: 90", "!  rule large: changed when (its condition)"],
  ["a function", "now < 5", "now < 4", "!  rule hours: changed when (its condition)"],
  ["a function's place", "now < 5", "now < 4", "!  web  tool      pay/send  held back less: hours"],
  [
    "a rule in shadow",
    "min: 9 } } }",
    'min: 9 } } }, mode: "shadow"',
    "!  rule large: changed mode",
  ],
  [
    "a rule that ends",
    "min: 9 } } }",
    'min: 9 } } }, until: "2090-01-01"',
    "!  rule large: changed until",
  ],
  [
    "a narrower rule",
    '"large", { on: "pay/send"',
    '"large", { on: "pay/sen"',
    "!  web  tool      pay/send  held back less: large",
  ],
  [
    "a rule for some",
    "min: 9 } } }",
    'min: 9 } } }, roles: ["staff"], clients: ["c"]',
    "!  web  tool      pay/send  held back less: large",
  ],
  ["another pinned argument", 'region: "eu"', 'region: "us"', "!  rule region: changed set"],
  [
    "a question in place of a refusal",
    'on: "pay/send", then: "deny"',
    'on: "pay/send", then: "ask"',
    "!  rule large: changed then",
  ],
  [
    "another way to ask",
    'then: "ask"',
    'then: "ask", ask: { via: "operator" }',
    "!  rule signed: changed ask",
  ],
  ["a longer role", "2090-01-01", "2091-01-01", "!  role staff: changed until"],
] as const)("diff sees %s as a new grant", async (_, from, to, line) => {
  const more = 'c: { auth: "stdio" }, web:';
  const old = config.replace("web:", more);
  const { code, out, err } = await run(old, old.replace(from, to));
  expect(err).toBe("");
  expect(out.split("\n")).toContain(line);
  expect(out).toContain("There are new grants");
  expect(code).toBe(1);
});

test.each([
  ["a pattern that is gone", '["pay/*"]', '["pay/a*"]', "-  web  tool      pay/*  by pay/*"],
  ["an input grant that is gone", '["pay/sampling"]', "[]", "-  web  input     pay: sampling"],
  [
    "a new rule",
    "rules: [",
    'rules: [rule("x", { on: "pay/x", then: "deny", when: { args: { a: 1 } } }),',
    "~  rule x: added",
  ],
  ["a rule with another name", '"large"', '"big"', "~  rule large: removed"],
  ["other words", "min: 9 } } }", 'min: 9 } } }, why: "No"', "~  rule large: changed why"],
  ["a rule that denies always", "now < 5", "now < 5, why: 'x'", "~  rule hours: changed why"],
  [
    "a refusal in place of a question",
    'then: "ask"',
    'then: "deny"',
    "~  rule signed: changed then",
  ],
  ["a rate", "burst: 9", "burst: 90", "~  rule rated: changed rate"],
  ["a rule out of shadow", ', mode: "shadow"', "", "~  rule tried: changed mode"],
  [
    "a wider rule",
    '"large", { on: "pay/send"',
    '"large", { on: "pay/s*"',
    "~  rule large: changed on",
  ],
] as const)("diff sees no new grant in %s", async (_, from, to, line) => {
  const { code, out } = await run(config, config.replace(from, to));
  expect(out.split("\n")).toContain(line);
  expect(out).toContain("There is no new grant");
  expect(code).toBe(0);
});

test("diff knows the tools of the lock, and prints JSON", async () => {
  await at.write({ "gateway.lock.json": lockOf({ files: { read: {}, write: {} } }) });
  const { out } = await run(config, config.replace('"files/read"', '"files/*"'), true);
  expect(JSON.parse(out)).toMatchObject({
    newGrants: true,
    added: [
      { client: "web", kind: "tool", target: "files/write", isPattern: false },
      {
        client: "web",
        target: "files/*",
        isPattern: true,
        allows: [{ pattern: "files/*", role: "staff" }],
      },
    ],
    removed: [],
  });
});

test("diff sees a grant where two patterns meet", async () => {
  const old = config.replace('["pay/*"]', '["pay/get_*"]').replace("pay/delete_*", "pay/*_admin");
  const { out } = await run(old, old.replace("pay/*_admin", "pay/x_admin"));
  expect(out).toContain("+  web  tool      pay/get_*_admin  by pay/get_*");
});

test("diff fails only where it is told to, and needs two good configs", async () => {
  await at.write({
    "old.config.ts": config,
    "new.config.ts": config.replace('["pay/*"]', '["*"]'),
  });
  const files = { old: "old.config.ts", new: "new.config.ts" };
  expect((await at.run(diff, { ...files, noNewGrants: false, json: false })).code).toBe(0);
  expect((await at.run(diff, { old: "old.config.ts", noNewGrants: false, json: false })).code).toBe(
    2,
  );
  await at.write({ "new.config.ts": config.replace("pay/*", "pya/*") });
  const { code, err } = await at.run(diff, { ...files, noNewGrants: false, json: false });
  expect(code).toBe(2);
  expect(err).toContain('names the unknown upstream "pya"');
});
