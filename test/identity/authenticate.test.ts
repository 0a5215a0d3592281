import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import { type Crypto, Secret } from "../../src/core/index.ts";
import { type Credentials, createIdentity, createToken } from "../../src/identity/index.ts";
import { crypto, handClock, toConfig } from "../stores/ports.ts";

const tokenA = createToken(crypto);
const tokenB = createToken(crypto);
const here = { address: "127.0.0.1", loopback: true, forwarded: false } as const;
const clients: NonNullable<ConfigInput["clients"]> = {
  a: { auth: { token: new Secret(tokenA) }, origins: ["https://a.example"] },
  b: { auth: { tokenSha256: crypto.sha256(tokenB) }, origins: ["https://b.example"] },
  local: { auth: "anonymous" },
};

function open(config: ConfigInput = { clients }, clock = handClock()) {
  const identity = createIdentity(toConfig(config), { crypto, clock });
  const from = (credentials: Partial<Credentials>): string => {
    const found = identity.authenticate({ authorization: null, ...here, ...credentials });
    return "verdict" in found ? found.code : `${found.client.name} by ${found.scheme}`;
  };
  return { identity, clock, from };
}

test("A bearer token names its client, given in the clear or as a digest", () => {
  const { from } = open();
  expect(from({ authorization: `Bearer ${tokenA}` })).toBe("a by token");
  expect(from({ authorization: `bearer ${tokenA}` })).toBe("a by token");
  expect(from({ authorization: `BEARER ${tokenB}` })).toBe("b by token");
});

test("What is not exactly one bearer token is refused, and is never anonymous", () => {
  const { from } = open();
  const wrong = [
    "",
    "Bearer",
    "Bearer ",
    tokenA,
    `Bearer  ${tokenA}`,
    ` Bearer ${tokenA}`,
    `Bearer ${tokenA} `,
    `Bearer\t${tokenA}`,
    `Bearer ${tokenA}\n`,
    `Bearer "${tokenA}"`,
    `Bearer ${tokenA}, Bearer ${tokenA}`,
    `Bearer ${tokenA},${tokenB}`,
    `Bearer x, Bearer ${tokenA}`,
    `Basic ${tokenA}`,
    `Token ${tokenA}`,
    `Bearer: ${tokenA}`,
    `Bearer token=${tokenA}`,
    `Bearer ${tokenA.slice(0, -1)}`,
    `Bearer ${tokenA}x`,
    `Bearer ${tokenA.toUpperCase()}`,
    `Bearer ${crypto.sha256(tokenA)}`,
    `Bearer ${crypto.sha256(tokenB)}`,
    "Bearer __proto__",
    "Bearer constructor",
    "Bearer hasOwnProperty",
    "Bearer undefined",
    "Bearer null",
    `Bearer ${"x".repeat(100_000)}`,
  ];
  for (const authorization of wrong) expect(from({ authorization })).toBe("TOKEN_INVALID");
});

test("No text but the token itself is accepted", () => {
  const { from } = open();
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(text !== tokenA && text !== tokenB);
      expect(from({ authorization: `Bearer ${text}` })).toBe("TOKEN_INVALID");
    }),
  );
});

test("Two Authorization headers, as a Headers object joins them, are refused", () => {
  const { from } = open();
  const headers = new Headers();
  headers.append("authorization", `Bearer ${tokenA}`);
  headers.append("authorization", `Bearer ${tokenA}`);
  expect(from({ authorization: headers.get("authorization") })).toBe("TOKEN_INVALID");
});

test("Refusals carry a challenge, and hold no token", () => {
  const { identity } = open();
  const missing = identity.authenticate({ authorization: null, ...here, forwarded: true });
  expect(missing).toMatchObject({
    code: "TOKEN_MISSING",
    headers: { "WWW-Authenticate": 'Bearer realm="mcp-gw"' },
  });
  const invalid = identity.authenticate({ authorization: `Bearer ${tokenA}x`, ...here });
  expect(invalid).toMatchObject({
    headers: { "WWW-Authenticate": 'Bearer realm="mcp-gw", error="invalid_token"' },
  });
  expect(JSON.stringify(invalid)).not.toContain(tokenA.slice(6, 20));
});

test("A caller without a token is anonymous only from this machine and past no proxy", () => {
  const { from } = open();
  expect(from({})).toBe("local by anonymous");
  expect(from({ address: "::1" })).toBe("local by anonymous");
  expect(from({ forwarded: true })).toBe("TOKEN_MISSING");
  expect(from({ loopback: false })).toBe("TOKEN_MISSING");
  expect(from({ address: undefined })).toBe("TOKEN_MISSING");
  expect(from({ address: "10.0.0.1" })).toBe("TOKEN_MISSING");
});

test("An anonymous client does not exist beside a publicUrl, trusted proxies, or when none is named", () => {
  expect(open({ clients, publicUrl: "https://mcp.example.com" }).from({})).toBe("TOKEN_MISSING");
  expect(open({ clients, trustedProxies: ["10.0.0.1"] }).from({})).toBe("TOKEN_MISSING");
  expect(open({ clients: { a: clients["a"]! } }).from({})).toBe("TOKEN_MISSING");
});

test("A token is accepted to the end of its last day in UTC", () => {
  const clock = handClock(Date.parse("2027-01-31T23:59:59.999Z"));
  const auth = { token: new Secret(tokenA), until: "2027-01-31" };
  const { from } = open({ clients: { a: { auth } } }, clock);
  expect(from({ authorization: `Bearer ${tokenA}` })).toBe("a by token");
  clock.advance(1);
  expect(from({ authorization: `Bearer ${tokenA}` })).toBe("TOKEN_EXPIRED");
});

test("A client may hold several tokens, each with its own end", () => {
  const auth = [
    { token: new Secret(tokenA), until: "2027-01-14" },
    { tokenSha256: crypto.sha256(tokenB) },
  ];
  const { from } = open({ clients: { a: { auth } } });
  expect(from({ authorization: `Bearer ${tokenA}` })).toBe("TOKEN_EXPIRED");
  expect(from({ authorization: `Bearer ${tokenB}` })).toBe("a by token");
});

test("A token that two clients share identifies neither", () => {
  const shared = {
    a: { auth: { token: new Secret(tokenA) } },
    b: { auth: [{ tokenSha256: crypto.sha256(tokenA) }, { token: new Secret(tokenB) }] },
  };
  const { from } = open({ clients: shared });
  expect(from({ authorization: `Bearer ${tokenA}` })).toBe("CLIENT_UNKNOWN");
  expect(from({ authorization: `Bearer ${tokenB}` })).toBe("b by token");
});

test("A token that one client holds twice ends on the earlier day", () => {
  const token = new Secret(tokenA);
  for (const auth of [
    [{ token, until: "2027-01-14" }, { token }],
    [{ token }, { token, until: "2027-01-14" }],
  ]) {
    const { from } = open({ clients: { a: { auth } } });
    expect(from({ authorization: `Bearer ${tokenA}` })).toBe("TOKEN_EXPIRED");
  }
});

test("A token with a comma, a space or a letter beyond ASCII is never accepted", () => {
  for (const token of [`${tokenA},${tokenB}`, `${tokenA} x`, `${tokenA}é`]) {
    const { from } = open({ clients: { a: { auth: { token: new Secret(token) } } } });
    expect(from({ authorization: `Bearer ${token}` })).toBe("TOKEN_INVALID");
  }
});

test("An empty secret is nobody's token", () => {
  const { from } = open({ clients: { a: { auth: { token: new Secret("") } } } });
  for (const authorization of ["", "Bearer", "Bearer "]) {
    expect(from({ authorization })).toBe("TOKEN_INVALID");
  }
});

test("A token costs one digest and one comparison, however many clients there are", () => {
  const many = Array.from({ length: 500 }, (_, i) => [
    `c${i}`,
    { auth: { tokenSha256: crypto.sha256(`token-${i}`) } },
  ]);
  let work: string[] = [];
  const counting: Crypto = {
    ...crypto,
    sha256: (data) => {
      work.push("sha256");
      return crypto.sha256(data);
    },
    equal: (a, b) => {
      work.push("equal");
      return crypto.equal(a, b);
    },
  };
  const config = toConfig({ clients: Object.fromEntries(many) });
  const identity = createIdentity(config, { crypto: counting, clock: handClock() });
  for (const token of ["token-0", "token-499", "no-token"]) {
    work = [];
    identity.authenticate({ authorization: `Bearer ${token}`, ...here });
    expect(work).toEqual(["sha256", "equal"]);
  }
});

test("Origins are each client's own", () => {
  const { identity } = open();
  expect([...identity.origins("a")]).toEqual(["https://a.example"]);
  expect([...identity.origins("local")]).toEqual([]);
  expect([...identity.origins("__proto__")]).toEqual([]);
  expect([...identity.allOrigins]).toEqual(["https://a.example", "https://b.example"]);
});
