import * as fc from "fast-check";
import { expect, test } from "vitest";
import { cleanText, resolveSettings } from "../../src/sanitize/index.ts";
import { inContext, jwt, secrets } from "./samples.ts";

const settings = resolveSettings();

test.each(secrets)("a %s is found by itself and inside a sentence", (kind, secret) => {
  expect(cleanText(secret, settings).text).toBe(`[redacted:${kind}]`);
  const sentence = cleanText(`Use "${secret}", then go on.`, settings);
  expect(sentence.text).toBe(`Use "[redacted:${kind}]", then go on.`);
  expect(sentence.redactions).toEqual([{ kind, where: "", count: 1 }]);
});

test.each(inContext)("a %s is found in %j", (kind, text, secret) => {
  const cleaned = cleanText(text, settings);
  expect(cleaned.text).not.toContain(secret);
  expect(cleaned.redactions.map((each) => each.kind)).toContain(kind);
});

const harmless: readonly string[] = [
  // Almost a token
  "ghp_short",
  "AKIA is how the ids of keys begin",
  "AKIAABC",
  ["X-Amz-Credential=AKIA", "ABCDEFGHIJKLMNOP%2F20260728%2Feu-west-1"].join(""),
  "task-management-service-configuration",
  "sk-loading-indicator-wrapper-element",
  "risk-assessment-for-international-transfers",
  "npm_config_registry=https://registry.npmjs.org/",
  "npm_lifecycle_script_for_production_builds",
  "pypi-server-configuration-example-file",
  "xox is no prefix",
  "eyJust a word.and.another",
  "eyJhdHRyaWJ1dGVz.name.value",
  "SG.example.com",
  "the bearer of this letter",
  "Bearer token_authentication",
  'WWW-Authenticate: Bearer resource_metadata="https://x.example/.well-known/a"',
  "Basic authentication is not enough",
  "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ2x0\n-----END CERTIFICATE-----",
  "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
  // Identifiers and digests
  "8d3c4f9e-11aa-4b6e-9a2f-0c9d8e7f6a5b",
  "da39a3ee5e6b4b0d3255bfef95601890afd80709",
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
  "123456789012345678901234567890",
  "1234567890:30",
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  // The cursor of a page
  btoa(JSON.stringify({ offset: 20, next_token: "page-2-of-17", order: "asc" })),
  "nextPageToken: CAUQAA1234567",
  '{"next_cursor": "dXNlcjpXMDdRQ1JQQTQ="}',
  // Words about secrets
  "password: must be at least 8 characters",
  "The password is required",
  "Password: required",
  'password: "Password"',
  "password=${DB_PASSWORD}",
  "password=<your-password>",
  "api_key=self.api_key",
  "apiKey: process.env.API_KEY",
  "api_key: str",
  "password = getpass()",
  "const clientSecret = isPublicClient ? undefined : create()",
  '"pbkdf2-password": "^1.2.1",',
  "if password == stored:",
  "secret: true",
  "token: string",
  "max_tokens=4096",
  "https://example.com:8080/users/@me",
  "git clone ssh://git@github.com/acme/shop.git",
  "postgres://app@db.example.com/shop",
  "postgres://app:${PASSWORD}@db.example.com/shop",
  "mailto:anna@example.com, see http://a.example: b@c.example",
  "12:30 key: value; public key: none",
];

test.each(harmless)("what only resembles a secret stays: %s", (text) => {
  expect(cleanText(text, settings)).toEqual({ text, redactions: [], denied: undefined });
});

test("random hex, UUIDs, numbers and plain words stay", () => {
  const words = fc.oneof(
    fc.uuid(),
    fc.stringMatching(/^[0-9a-f]{40}$/),
    fc.stringMatching(/^[0-9a-f]{64}$/),
    fc.bigInt().map(String),
    fc.stringMatching(/^[a-z]{1,12}$/),
  );
  fc.assert(
    fc.property(fc.array(words), (list) => {
      const text = list.join(" ");
      expect(cleanText(text, settings).text).toBe(text);
    }),
  );
});

test("base64 of random bytes stays", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 18, maxLength: 400 }), (bytes) => {
      const text = Buffer.from(bytes).toString("base64");
      expect(cleanText(text, settings).text).toBe(text);
    }),
  );
});

test("a secret does not hide behind another that is none", () => {
  const [, token] = secrets[2]!;
  expect(cleanText(`eyJaaaaaaaaaaaaa.${jwt}`, settings).text).not.toContain(jwt);
  for (const decoy of ["eyJaaaaaaaaaaaaa.", "sk-", "ghp_", "AKIA", "password=", "x://a:"]) {
    expect(cleanText(decoy + token, settings).text).not.toContain(token);
    expect(cleanText(`${decoy} ${token}`, settings).text).not.toContain(token);
  }
});

test("a private key that was cut off is one all the same", () => {
  const key = secrets.find(([kind]) => kind === "private-key")![1];
  const { text } = cleanText(`key:\n${key.slice(0, 120)}`, settings);
  expect(text).toBe("key:\n[redacted:private-key]");
});

test("several secrets of one text are each replaced and counted", () => {
  const [, a] = secrets[2]!;
  const [, b] = secrets[12]!;
  const { text, redactions } = cleanText(`${a} and ${b} and ${a}`, settings);
  expect(text).toBe(
    "[redacted:github-token] and [redacted:stripe-key] and [redacted:github-token]",
  );
  expect(redactions).toEqual([
    { kind: "github-token", where: "", count: 2 },
    { kind: "stripe-key", where: "", count: 1 },
  ]);
});
