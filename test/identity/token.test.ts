import { expect, test } from "vitest";
import { checkToken, createToken, hashToken } from "../../src/identity/index.ts";
import { crypto } from "../stores/ports.ts";

test("A new token is mcpgw_, 43 characters and a checksum, and never the same", () => {
  const tokens = Array.from({ length: 100 }, () => createToken(crypto));
  for (const token of tokens) expect(token).toMatch(/^mcpgw_[A-Za-z0-9_-]{43}[A-Za-z0-9_-]{6}$/);
  expect(new Set(tokens).size).toBe(100);
});

test("The checksum is the first 6 base64url characters of the SHA-256 of the rest", () => {
  const zeros = createToken({ ...crypto, randomBytes: (count) => new Uint8Array(count) });
  const body = `mcpgw_${"A".repeat(43)}`;
  const digest = Buffer.from(crypto.sha256(body), "hex").toString("base64url");
  expect(zeros).toBe(body + digest.slice(0, 6));
});

test("checkToken takes our tokens and none with a character changed", () => {
  const token = createToken(crypto);
  expect(checkToken(token, crypto)).toBe(true);
  for (let at = 0; at < token.length; at++) {
    const changed = token.slice(0, at) + (token[at] === "x" ? "y" : "x") + token.slice(at + 1);
    expect(checkToken(changed, crypto)).toBe(false);
  }
  for (const other of ["", "mcpgw_", token.slice(0, -1), `${token}x`, ` ${token}`, `${token}\n`]) {
    expect(checkToken(other, crypto)).toBe(false);
  }
});

test("hashToken is SHA-256 in lower-case hex", () => {
  expect(hashToken("abc", crypto)).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});
