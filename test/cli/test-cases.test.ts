/** `mcp-gw test`, on cases in JSON, TypeScript and JavaScript. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { testCases } from "../../src/cli/test-cases.ts";
import { type PolicyFolder, type Ran, configOf, openPolicyFolder } from "./policy-files.ts";

const config = configOf(`
  clients: { web: { auth: "stdio", allow: { tools: ["pay/*"], prompts: ["pay/hello"] } } },
  rules: [
    rule("large", { on: "pay/send", then: "deny", when: { args: { amount: { min: 100 } } }, why: "Too much" }),
    rule("signed", { on: "pay/big", then: "ask" }),
    rule("region", { on: "pay/send", set: { region: "eu", "n": 1 } }),
  ],`);

let at: PolicyFolder;
beforeEach(async () => {
  at = await openPolicyFolder();
  await at.write({ "gateway.config.ts": config });
});
afterEach(() => at.close());

async function run(files: Readonly<Record<string, string>>, json = false): Promise<Ran> {
  await at.write(files);
  return at.run(testCases, { files: Object.keys(files), json });
}
const send = { client: "web", call: "pay/send" };
const asJson = (...cases: readonly object[]): Record<string, string> => ({
  "cases.json": JSON.stringify(cases),
});

test("test passes cases of every kind of file that come out as they say", async () => {
  const { code, out, err } = await run({
    "a.json": JSON.stringify([
      { ...send, name: "A small payment", args: { amount: 1 }, expect: "allowed" },
      { ...send, args: { amount: 100 }, expect: "denied", code: "RULE_DENIED" },
      { client: "web", call: "pay/big", expect: "asked" },
    ]),
    "b.ts": `const cases: object[] = [{ client: "web", call: "pay/send", expect: "allowed", set: { n: 1.0, region: "eu" } }];
export default cases;`,
    "c.js": `export default [{ client: "web", call: "pay/hello", kind: "prompt", expect: "allowed", set: {} }];`,
  });
  expect(err).toBe("");
  expect(out.split("\n")).toEqual([
    "ok    A small payment",
    "ok    web calls pay/send",
    "ok    web calls pay/big",
    "ok    web calls pay/send",
    "ok    web calls pay/hello",
    "5 of 5 cases passed",
  ]);
  expect(code).toBe(0);
});

test("test shows the chain of a case that came out otherwise, and fails", async () => {
  const { code, out } = await run(asJson({ ...send, args: { amount: 100 }, expect: "allowed" }));
  expect(code).toBe(1);
  expect(out).toContain(`FAIL  web calls pay/send
  Expected allowed, is denied
  RULE_DENIED: Too much
  allow  pay/* of the client
  rule   region, set: applies
  rule   large, deny: applies: Too much`);
  expect(out).toContain("0 of 1 case passed");
});

test.each([
  [{ expect: "denied" }, "Expected denied, is allowed"],
  [{ expect: "asked" }, "Expected asked, is allowed"],
  [
    { args: { amount: 100 }, expect: "denied", code: "POLICY_DENIED" },
    "Expected the code POLICY_DENIED, is RULE_DENIED",
  ],
  [{ expect: "allowed", set: { n: 1 } }, 'Rules set "region" to "eu", which is not expected'],
  [{ expect: "allowed", set: { n: 2, region: "eu" } }, 'Expected "n" to be set to 2, is 1'],
  [
    { expect: "allowed", set: { n: 1, region: "eu", x: 1 } },
    'Expected "x" to be set, and no rule does',
  ],
])("test fails a case and names the difference: %j", async (more, fault) => {
  const { code, out } = await run(asJson({ ...send, ...more }), true);
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ ok: false, passed: 0, failed: 1, cases: [{ fault }] });
});

test("test reads numbers of JSON as they are written, also one that no rule can hold", async () => {
  const { out } = await run(
    { "a.json": '[{"client":"web","call":"pay/send","args":{"amount":1e400},"expect":"denied"}]' },
    true,
  );
  expect(JSON.parse(out)).toMatchObject({
    ok: true,
    cases: [{ explanation: { code: "RULE_FAILED" } }],
  });
});

test.each([
  [{ ...send, expect: "denied", claims: {} }, '"claims" speaks of issuers'],
  [{ ...send, expect: "denied", arg: {} }, 'Has the unknown key "arg" (did you mean "args"?)'],
  [{ ...send, expect: "deny" }, '"expect" must be one of allowed, denied, asked'],
  [{ ...send, client: "wb", expect: "denied" }, 'There is no client "wb" (did you mean "web"?)'],
  [
    { ...send, call: "pya/send", expect: "denied" },
    'There is no upstream "pya" (did you mean "pay"?)',
  ],
  [{ ...send, expect: "allowed", code: "X" }, '"code" is of a call that is not allowed'],
  ["x", "Must be an object"],
])("test takes no case that could pass for ever by mistake: %j", async (one, fault) => {
  const good = { ...send, expect: "allowed" };
  const { code, out, err } = await run(asJson(good, one as object));
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain(`cases.json: case 2: ${fault}`);
});

test.each([
  [{ "a.json": "[]" }, "Has no case"],
  [{ "a.json": "{}" }, "Must be a list of cases"],
  [{ "a.json": "[" }, "Is no JSON"],
  [{ "a.ts": "export const x = 1;" }, "Has no default export"],
  [{ "a.ts": 'throw new Error("no");' }, "Threw while it was loaded: no"],
  [{}, "Name at least one file of cases"],
])("test takes no file without cases: %j", async (files, fault) => {
  const { code, err } = await run(files as Record<string, string>);
  expect(code).toBe(2);
  expect(err).toContain(fault);
});
