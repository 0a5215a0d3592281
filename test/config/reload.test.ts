import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkReload, isSameSetting, parseConfig } from "../../src/config/index.ts";
import { Secret } from "../../src/core/index.ts";
import { now, sha256 } from "./fake-ports.ts";

const allow = { tools: ["weather/*"] };
const secretOf = (letter: string) => new Secret(letter.repeat(40));
const urlOf = (letter: string) => new Secret(`redis://:${letter.repeat(40)}@127.0.0.1`);
const web = { auth: { token: secretOf("a") }, allow };
const base = {
  upstreams: { weather: { url: "http://127.0.0.1:9101/mcp" } },
  clients: { web, local: { auth: "anonymous", allow } },
};

function loadedOf(input: object, folder = "/etc/gw") {
  const { config, faults } = parseConfig({ ...base, ...input }, { sha256, now });
  if (config === undefined) throw new Error(JSON.stringify(faults));
  return { config, file: "/etc/gw/a.ts", folder };
}
function check(before: object, after: object): readonly string[] {
  const faults = checkReload(loadedOf(before), loadedOf(after));
  return faults.map(({ level, path, message }) => `${level} ${path}: ${message}`);
}
const fixed = (path: string) => [`error ${path}: This cannot change while the gateway runs`];

test("A reload may change nothing, and much", () => {
  expect(check({}, {})).toEqual([]);
  const operator = { auth: { token: secretOf("o") }, can: ["read"] };
  expect(
    check(
      {},
      {
        listen: { hosts: ["gw.local"] },
        upstreams: { weather: { command: "weather" }, other: { command: "x" } },
        clients: {
          web: { ...web, auth: { token: secretOf("b") } },
          own: { ...web, auth: "stdio" },
        },
        rules: [{ name: "r", on: "weather/x", then: "deny" }],
        audit: { arguments: false, onFull: "drop" },
        admin: { hosts: ["gw.local"], users: { ops: operator } },
        drain: { graceMs: 1 },
      },
    ),
  ).toEqual([]);
});

test.each([
  ["a token", { token: secretOf("b") }],
  ["a hash", [{ tokenSha256: sha256("b") }]],
  ["stdio", "stdio"],
])("A reload that would take %s away from a client is refused", (_, auth) => {
  const before = { clients: { own: { auth, allow } } };
  const after = { clients: { own: { auth: "anonymous", allow } } };
  expect(check(before, after)).toEqual([
    'error clients.own.auth: "own" would need no token any more',
  ]);
  expect(check(after, before)).toEqual([]);
  expect(check({ clients: {} }, after)).toEqual([]);
});

test("A reload lets nobody reach an anonymous client on the listener that is there", () => {
  const open = { listen: { host: "0.0.0.0" }, publicUrl: "https://x.example", clients: { web } };
  expect(check(open, {})).toEqual([
    ...fixed("listen.host"),
    'error clients.local.auth: An anonymous client exists only on loopback, and listen.host is "0.0.0.0"',
  ]);
});

describe("What is opened once cannot change", () => {
  const tls = { cert: "a.pem", key: "a.key" };
  const keys = [secretOf("k")];
  const redis = (letter: string) => ({ keys, store: { redis: urlOf(letter) } });
  test.each([
    ["listen.host", {}, { listen: { host: "::1" } }],
    ["listen.port", {}, { listen: { port: 9 } }],
    ["listen.tls", {}, { listen: { tls } }],
    ["listen.tls", { listen: { tls } }, {}],
    ["store", { keys }, redis("r")],
    ["store", redis("r"), redis("s")],
    ["store", redis("r"), { ...redis("r"), store: { redis: urlOf("r"), prefix: "x:" } }],
    ["audit.file", {}, { audit: { file: "b.jsonl" } }],
    ["admin", {}, { admin: false }],
    ["admin", { admin: false }, {}],
    ["admin.host", {}, { admin: { host: "::1" } }],
    ["admin.port", {}, { admin: { port: 8081 } }],
  ])("%s (%#)", (path, before, after) => {
    expect(check(before, after)).toEqual(fixed(path));
  });

  test("and what says the same is no change", () => {
    expect(check(redis("r"), redis("r"))).toEqual([]);
    const moved = { cert: "b.pem", key: "b.key" };
    expect(check({ listen: { tls } }, { listen: { tls: moved } })).toEqual([]);
    expect(check({ admin: false }, { admin: false })).toEqual([]);
  });

  test("nor can the folder", () => {
    expect(checkReload(loadedOf({}), loadedOf({}, "/etc/other"))).toEqual([
      {
        level: "error",
        path: "",
        file: "/etc/gw/a.ts",
        message: "The config's folder cannot change while the gateway runs",
        suggestion: "restart it, or put the old value back",
      },
    ]);
  });
});

test("A reload that leaves no old key is a warning", () => {
  const keys = (...letters: string[]) => ({ keys: letters.map(secretOf) });
  const lost =
    "warning keys: No key of before is left: every session, state and task that is open ends";
  expect(check(keys("a"), keys("b"))).toEqual([lost]);
  expect(check(keys("a", "b"), {})).toEqual([lost]);
  expect(check({}, keys("a"))).toEqual([lost]);
  expect(check(keys("a"), keys("b", "a"))).toEqual([]);
  expect(check(keys("b", "a"), keys("b"))).toEqual([]);
});

test("What is said of a reload holds no secret", () => {
  const before = loadedOf({ keys: [secretOf("k")], store: { redis: urlOf("r") } });
  const after = loadedOf({ keys: [secretOf("l")], store: { redis: urlOf("s") } });
  const text = JSON.stringify(checkReload(before, after));
  for (const letter of "klrs") expect(text).not.toContain(letter.repeat(8));
});

test("Settings are the same where they say the same, secrets by their values", () => {
  expect(isSameSetting(secretOf("a"), secretOf("a"))).toBe(true);
  expect(isSameSetting([secretOf("a")], [secretOf("b")])).toBe(false);
  expect(isSameSetting(secretOf("a"), {})).toBe(false);
  expect(isSameSetting({ a: undefined }, {})).toBe(true);
  expect(isSameSetting({ toString: 1 }, {})).toBe(false);
  expect(isSameSetting([], {})).toBe(false);
  expect(isSameSetting([1], [1, undefined])).toBe(false);
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      expect(isSameSetting(a, structuredClone(a))).toBe(true);
      expect(isSameSetting(a, b)).toBe(isSameSetting(b, a));
    }),
  );
});
