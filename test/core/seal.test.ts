import * as fc from "fast-check";
import { CompactEncrypt } from "jose";
import { expect, test } from "vitest";
import { createSealer } from "../../src/core/index.ts";

const key = (fill: number) => new Uint8Array(32).fill(fill);

test("A sealed text opens again, and is visible ASCII in between", async () => {
  const sealer = createSealer([key(1)], "session");
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 100 }), async (payload) => {
      const token = await sealer.seal(payload);
      expect(token).toMatch(/^[A-Za-z0-9._-]+$/);
      expect(await sealer.open(token)).toBe(payload.toWellFormed());
    }),
    { numRuns: 50 },
  );
});

test("A sealed text is sealed differently each time", async () => {
  const sealer = createSealer([key(1)], "session");
  expect(await sealer.seal("same")).not.toBe(await sealer.seal("same"));
});

test("The first key seals and every key opens", async () => {
  const old = await createSealer([key(1)], "session").seal("kept");
  const rotated = createSealer([key(2), key(1)], "session");
  expect(await rotated.open(old)).toBe("kept");
  const fresh = await rotated.seal("new");
  expect(await createSealer([key(2)], "session").open(fresh)).toBe("new");
  expect(await createSealer([key(1)], "session").open(fresh)).toBeUndefined();
});

test("A token of one use does not open as another", async () => {
  const token = await createSealer([key(1)], "session").seal("x");
  expect(await createSealer([key(1)], "state").open(token)).toBeUndefined();
});

test("A token with any character changed does not open", async () => {
  const sealer = createSealer([key(1)], "session");
  const token = await sealer.seal("some text");
  for (let at = 0; at < token.length; at++) {
    const other = token[at] === "A" ? "B" : "A";
    const changed = token.slice(0, at) + other + token.slice(at + 1);
    const opened = await sealer.open(changed);
    // The last character of a base64url part may hold bits that mean nothing.
    expect(opened === undefined || opened === "some text").toBe(true);
    if (at < token.lastIndexOf(".")) expect(opened).toBeUndefined();
  }
});

test("Whatever is no token of ours opens to nothing and does not throw", async () => {
  const sealer = createSealer([key(1)], "session");
  const token = await sealer.seal("x");
  const header = (json: object) => btoa(JSON.stringify(json)).replaceAll("=", "");
  const parts = token.split(".");
  const forged = [
    "",
    ".",
    "....",
    "a.b.c.d.e",
    token.slice(1),
    `${token}.x`,
    ` ${token}`,
    "\u0000",
    "é.é.é.é.é",
    [header({ alg: "none" }), ...parts.slice(1)].join("."),
    [header({ alg: "dir", enc: "A128GCM" }), ...parts.slice(1)].join("."),
    [header({ alg: "dir", enc: "A256GCM", kid: "__proto__" }), ...parts.slice(1)].join("."),
    [btoa("null"), ...parts.slice(1)].join("."),
    "x".repeat(1_000_000),
    await new CompactEncrypt(new Uint8Array(1))
      .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
      .encrypt(key(1)),
  ];
  for (const each of forged) expect(await sealer.open(each)).toBeUndefined();
  await fc.assert(
    fc.asyncProperty(fc.string(), async (text) => {
      expect(await sealer.open(text)).toBeUndefined();
    }),
  );
});

test("A sealer needs a key of 32 bytes", () => {
  expect(() => createSealer([], "session")).toThrow(RangeError);
  expect(() => createSealer([key(1), new Uint8Array(31)], "session")).toThrow("31 bytes");
});
