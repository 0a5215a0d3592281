import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/index.ts";
import { Secret } from "../../src/core/index.ts";
import { cleanText, credentialsOf, resolveSettings } from "../../src/sanitize/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";

const { crypto } = await openRuntime();

function literalsOf(input: Parameters<typeof parseConfig>[0]) {
  const { config, faults } = parseConfig(input, { ...crypto, now: 0 });
  if (config === undefined) throw new Error(JSON.stringify(faults));
  return credentialsOf(config);
}

const http = (headers: Readonly<Record<string, string | Secret>>) =>
  literalsOf({ upstreams: { x: { url: "http://127.0.0.1:1/mcp", headers } }, clients: {} });
const child = (env: Readonly<Record<string, string | Secret>>) =>
  literalsOf({ upstreams: { x: { command: "node", env } }, clients: {} });
const client = (auth: object) =>
  literalsOf({
    upstreams: { x: { url: "http://127.0.0.1:1/mcp" } },
    clients: { a: { auth: auth as never } },
  });

const signing = (secret: string) =>
  literalsOf({
    upstreams: {},
    clients: {},
    approvals: { webhook: { url: "https://hooks.example.com", secret: new Secret(secret) } },
  });

const basic = `Basic ${btoa("service:open sesame")}`;
const token = "token-of-a-client-that-is-long-enough-1";
test.each([
  ["a secret header", http({ "x-any": new Secret("value-1-of-x") }), ["value-1-of-x"]],
  ["a bearer", http({ authorization: new Secret("Bearer abc-12345") }), ["abc-12345"]],
  ["a plain bearer", http({ authorization: "Bearer abc-12345" }), ["abc-12345"]],
  ["another scheme", http({ authorization: "Token abc-12345" }), ["abc-12345"]],
  [
    "basic credentials",
    http({ authorization: basic }),
    [basic, basic.slice(6), "service:open sesame", "open sesame"],
  ],
  ["a plain key", http({ "X-Api-Key": "abc-12345" }), ["abc-12345"]],
  ["a cookie", http({ cookie: "lang=en; sid=abc-12345" }), ["abc-12345"]],
  ["a secret variable", child({ A: new Secret("value-2-of-x") }), ["value-2-of-x"]],
  ["a client's token", client({ token: new Secret(token) }), [token]],
  ["one of a client's tokens", client([{ token: new Secret(token) }]), [token]],
  ["what signs announcements", signing("secret-of-the-webhook"), ["secret-of-the-webhook"]],
])("%s of the config is a credential", (_, literals, values) => {
  const settings = { ...resolveSettings({ secrets: "off" }), ...(literals && { literals }) };
  for (const value of values) {
    expect(cleanText(`is ${value}.`, settings).text).toBe("is [redacted:configured].");
  }
});

test.each([
  ["plain headers", http({ "user-agent": "mcp-gateway", "x-tenant": "production" })],
  ["plain variables", child({ MODE: "production" })],
  ["a token's digest", client({ tokenSha256: "0".repeat(64) })],
  [
    "short values",
    http({ authorization: new Secret("Bearer"), "x-api-key": new Secret("1234567") }),
  ],
])("%s are none", (_, literals) => {
  expect(literals).toBeUndefined();
});
