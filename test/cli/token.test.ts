import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { createClientToken, hashInput } from "../../src/cli/token.ts";
import { checkToken } from "../../src/identity/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";

const { clock: realClock, crypto } = await openRuntime();
const clock = { ...realClock, now: () => Date.parse("2026-06-01T23:00:00Z") };
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

function create(client: string | undefined, expires?: string, json = false) {
  const said: string[] = [];
  const output = { out: (text: string) => said.push(text), err: (text: string) => said.push(text) };
  const code = createClientToken({ client, expires, json }, { clock, crypto }, output);
  return { code, text: said.join("\n") };
}

async function hash(input: string, json = false) {
  const said: string[] = [];
  const output = { out: (text: string) => said.push(text), err: (text: string) => said.push(text) };
  const readInput = () => Promise.resolve(input);
  const code = await hashInput({ json }, { crypto, readInput }, output);
  return { code, text: said.join("\n") };
}

test("token create gives a token once, and the line that a config takes", () => {
  const { code, text } = create("web-app", "90d");
  const [token = ""] = text.split("\n");
  expect(code).toBe(0);
  expect(checkToken(token, crypto)).toBe(true);
  expect(text.split(token)).toHaveLength(2);
  expect(text).toContain(
    `"web-app": { auth: { tokenSha256: "${sha256(token)}", until: "2026-08-30" } },`,
  );
});

test("token create --json gives the token and its hash", () => {
  const said = JSON.parse(create("web-app", undefined, true).text) as Record<string, string>;
  expect(said).toEqual({
    client: "web-app",
    token: expect.stringMatching(/^mcpgw_/) as unknown,
    tokenSha256: sha256(said["token"] ?? ""),
  });
});

test.each([
  [undefined, undefined],
  ["", undefined],
  ["a b", undefined],
  ["web", "90"],
  ["web", "0d"],
  ["web", "4000d"],
  ["web", "2026-01-01"],
])("token create refuses the client %j with %j", (client, expires) => {
  expect(create(client, expires)).toMatchObject({
    code: 2,
    text: expect.not.stringContaining("mcpgw_") as unknown,
  });
});

test("token hash gives the hash of the token on standard input", async () => {
  const token = JSON.parse(create("web", undefined, true).text) as { token: string };
  expect(await hash(`${token.token}\n`)).toEqual({
    code: 0,
    text: `auth: { tokenSha256: "${sha256(token.token)}" }`,
  });
  expect(JSON.parse((await hash("k".repeat(32), true)).text)).toEqual({
    tokenSha256: sha256("k".repeat(32)),
  });
});

test("token hash refuses what no config would take, and repeats none of it", async () => {
  const mistyped = `mcpgw_${"A".repeat(49)}`;
  for (const input of ["", "k".repeat(31), `${"k".repeat(40)} x`, mistyped]) {
    const { code, text } = await hash(input);
    expect(code).toBe(1);
    if (input !== "") expect(text).not.toContain(input);
  }
});
