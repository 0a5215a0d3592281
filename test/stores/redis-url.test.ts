import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseRedisUrl } from "../../src/stores/redis-url.ts";

test.each([
  ["redis://cache", "cache", 6379, 0, "redis://cache:6379/0"],
  ["redis://cache:7000/12", "cache", 7000, 12, "redis://cache:7000/12"],
  ["redis://cache/", "cache", 6379, 0, "redis://cache:6379/0"],
  ["redis://[::1]:7000", "::1", 7000, 0, "redis://[::1]:7000/0"],
  ["redis://ann:x@10.0.0.1/1", "10.0.0.1", 6379, 1, "redis://ann@10.0.0.1:6379/1"],
])("A Redis URL is read: %s", (url, host, port, database, shown) => {
  expect(parseRedisUrl(url)).toMatchObject({ host, port, database, shown, tls: false });
});

test("A Redis URL may ask for TLS", () => {
  expect(parseRedisUrl("rediss://cache", "PEM")).toMatchObject({ tls: true, ca: "PEM" });
});

test("A Redis URL may name a password with or without its user", () => {
  const both = { username: "a:b", password: "p@/#?%" };
  expect(parseRedisUrl("redis://a%3Ab:p%40%2F%23%3F%25@cache")).toMatchObject(both);
  expect(parseRedisUrl("redis://:secret@cache")).toMatchObject({
    username: undefined,
    password: "secret",
    shown: "redis://cache:6379/0",
  });
});

test.each([
  "",
  "cache:6379",
  "http://:secret@cache",
  "redis://",
  "redis://:secret@",
  "redis://cache/x",
  "redis://cache/1/2",
  "redis://cache/-1",
  "redis://cache/123456",
  "redis://cache:99999",
  "redis://:secret@cache?db=1",
  "redis://:secret@cache#1",
  "redis://ann:secret/2@cache",
  "redis://ann:1#secret@cache",
  "redis://ann:1/secret@cache",
  "redis://ann:1?secret@cache",
  "redis://:%secret@cache",
  "redis://ann@cache",
])("A Redis URL that is none is refused, and not repeated: %s", (url) => {
  expect(() => parseRedisUrl(url)).toThrow("Cannot read the URL of the store");
  expect(() => parseRedisUrl(url)).not.toThrow(/secret|cache/);
});

test("A password is what it was before it was encoded, and is not shown", () => {
  const text = fc.string({ unit: "grapheme", minLength: 12 });
  fc.assert(
    fc.property(text, (password) => {
      const target = parseRedisUrl(`redis://:${encodeURIComponent(password)}@cache`);
      expect(target.password).toBe(password);
      expect(target.shown).toBe("redis://cache:6379/0");
    }),
  );
});
