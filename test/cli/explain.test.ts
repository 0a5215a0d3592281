/** `mcp-gw explain`, on configs in a folder and on a gateway that runs. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ExplainOptions, explain } from "../../src/cli/explain.ts";
import { createRecorder } from "../../src/audit/record.ts";
import { reread } from "../../src/mcp/index.ts";
import { crypto } from "../stores/ports.ts";
import { type PolicyFolder, type Ran, configOf, lockOf, openPolicyFolder } from "./policy-files.ts";

const config = configOf(`
  roles: { staff: { allow: { tools: ["files/*"] } } },
  clients: { web: { auth: "stdio", roles: ["staff"], allow: { tools: ["pay/*"] } } },
  rules: [
    rule("large", { on: "pay/send", then: "deny", when: { args: { amount: { min: 100 } } }, why: "Too much" }),
    rule("region", { on: "pay/send", set: { region: "eu" } }),
    rule("tried", { on: "pay/*", then: "deny", mode: "shadow" }),
    rule("no-delete", { on: "files/delete_*", then: "deny" }),
    rule("safe-only", { on: "files/*", then: "deny", unless: { annotations: { readOnlyHint: true } } }),
  ],`);
const lock = lockOf({
  pay: { send: { inputSchema: { type: "object", properties: { amount: { type: "number" } } } } },
  files: { read: { annotations: { readOnlyHint: true } }, write: {}, delete_all: {} },
});

let at: PolicyFolder;
beforeEach(async () => {
  at = await openPolicyFolder();
  await at.write({ "gateway.config.ts": config });
});
afterEach(() => at.close());

function run(options: Partial<ExplainOptions>): Promise<Ran> {
  return at.run(explain, { json: false, ...options });
}
const send = { client: "web", call: "pay/send" };

test("explain prints the verdict and each link of the chain", async () => {
  await at.write({ "gateway.lock.json": lock });
  expect(await run({ ...send, args: '{"amount":100}' })).toEqual({
    code: 1,
    err: "",
    out: `denied: tool pay/send for client web
  RULE_DENIED: Too much
  allow  pay/* of the client
  rule   region, set: applies
  rule   large, deny: applies: Too much
  rule   tried, deny (shadow: only recorded): applies
  sent   region = "eu"
  tool   known by the lock file, its schema too
  note   No gateway that runs here told its blocks, so none is counted`,
  });
});

test("explain allows what the road would allow, and says so with exit 0", async () => {
  const { code, out } = await run({ ...send, args: '{"amount":99}', json: true });
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    verdict: "allowed",
    client: "web",
    kind: "tool",
    call: "pay/send",
    tool: "unlocked",
    allows: [{ pattern: "pay/*" }],
    set: { region: '"eu"' },
  });
});

test.each([
  ["annotations", { call: "files/read" }, "allowed", undefined],
  ["annotations", { call: "files/write" }, "denied", "RULE_DENIED"],
  ["a hidden tool", { call: "files/delete_all" }, "denied", "POLICY_DENIED"],
  [
    "the tool's own schema",
    { call: "pay/send", args: '{"amount":"x"}' },
    "denied",
    "ARGUMENTS_INVALID",
  ],
  ["arguments that are no object", { call: "pay/send", args: "[]" }, "denied", "PARAMS_INVALID"],
  ["a kind that nobody allows", { call: "pay/send", kind: "prompt" }, "denied", "POLICY_DENIED"],
])("explain decides by %s, with what the lock knows: %j", async (_, words, verdict, code) => {
  await at.write({ "gateway.lock.json": lock });
  const told = JSON.parse((await run({ client: "web", ...words, json: true })).out) as object;
  expect(told).toMatchObject({ verdict, ...(code && { code }) });
});

test("explain refuses arguments that the locked schema refuses, unless they are only reported", async () => {
  const lax = lockOf({
    pay: { get: { inputSchema: { type: "object", required: ["id"] } } },
  });
  await at.write({ "gateway.lock.json": lax });
  const asked = { client: "web", call: "pay/get", json: true };
  expect(JSON.parse((await run(asked)).out)).toMatchObject({ code: "ARGUMENTS_INVALID" });
  await at.write({
    "gateway.config.ts": config.replace('9101/mcp" }', '9101/mcp", arguments: "report" }'),
  });
  expect((await run(asked)).code).toBe(0);
});

test("explain knows that a frozen gateway quarantines what is not locked", async () => {
  await at.write({
    "gateway.config.ts": config.replace("roles:", 'integrity: "frozen", roles:'),
    "gateway.lock.json": lock,
  });
  const asked = { client: "web", call: "pay/other", json: true };
  expect(JSON.parse((await run(asked)).out)).toMatchObject({ code: "QUARANTINED", tool: "new" });
});

test.each([
  [{ client: "web" }, "--call upstream/name is missing"],
  [{ client: "web", call: "pay" }, '"pay" must be upstream/name'],
  [{ client: "wbe", call: "pay/send" }, 'There is no client "wbe" (did you mean "web"?)'],
  [{ ...send, args: '{"a":1,"a":2}' }, "--args is no JSON: duplicate"],
  [{ ...send, kind: "tol" }, '"tol" must be one of tool, resource, prompt'],
  [{ ...send, id: "x" }, "A recorded call is named by its id alone"],
  [{ id: "x" }, 'No record of an exchange has the id "x"'],
])("explain takes no wrong words: %j", async (words, text) => {
  const { code, err, out } = await run(words);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain(text);
});

test("explain does not go on with a lock file that cannot be read", async () => {
  await at.write({ "gateway.lock.json": lock.slice(0, -20) });
  const { code, err } = await run(send);
  expect(code).toBe(2);
  expect(err).toContain("was cut off");
});

/** A line of an audit file, made as the gateway makes it. */
function lineOf(id: string, args: string | undefined, more: object = {}): string {
  const record = createRecorder({
    instance: "i",
    config: "digest",
    arguments: true,
    results: false,
    clean: (json) => ({
      json: reread(
        json.source.slice(json.node.start, json.node.end).replaceAll("s3cret", "[redacted]"),
      ),
    }),
    key: new Uint8Array(32),
    crypto,
    log: {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
    },
  });
  const entry = {
    time: 0,
    id,
    client: "web",
    method: "tools/call",
    upstream: "pay",
    target: "send",
    decision: "allowed" as const,
    ...(args === undefined ? {} : { args: reread(args) }),
    ...more,
  };
  return record(entry)({ seq: 1, hash: "0".repeat(64) } as never).text;
}

test("explain decides a recorded call again, by the arguments that were recorded", async () => {
  const large = `{"amount":120,"note":"${"x".repeat(9_000)}"}`;
  await at.write({
    "audit.jsonl": [
      lineOf("first", '{"amount":120}'),
      lineOf("second", '{"amount":1}'),
      lineOf("cut", large),
      lineOf("clean", '{"amount":1,"key":"s3cret"}'),
      lineOf("sure", large, { target: "send", upstream: "elsewhere" }),
      lineOf("early", undefined, { upstream: undefined, stage: "route", code: "TARGET_UNKNOWN" }),
      lineOf("list", undefined, { method: "tools/list" }),
      lineOf("name", undefined, { target: "n".repeat(1_100) }),
      lineOf("claim", undefined, { target: "n".repeat(256), stage: "route", decision: "denied" }),
      "",
    ].join("\n"),
  });
  const first = await run({ id: "first", json: true });
  expect(first.code).toBe(1);
  expect(JSON.parse(first.out)).toMatchObject({
    verdict: "denied",
    code: "RULE_DENIED",
    recorded: { decision: "allowed", sameConfig: false },
  });
  expect((await run({ id: "second" })).code).toBe(0);
  for (const id of ["cut", "clean", "name", "claim"]) {
    const { code, out } = await run({ id, json: true });
    expect([id, code, (JSON.parse(out) as { verdict: string }).verdict]).toEqual([
      id,
      1,
      "unknown",
    ]);
    expect((await run({ id })).out).toContain("not to be decided for sure");
  }
  expect(JSON.parse((await run({ id: "sure", json: true })).out)).toMatchObject({
    verdict: "denied",
    code: "POLICY_DENIED",
  });
  expect((await run({ id: "early" })).err).toContain('It ended at "route" (TARGET_UNKNOWN)');
  expect((await run({ id: "list" })).err).toContain("is about no target");
});
