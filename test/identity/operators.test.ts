import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Crypto, Secret } from "../../src/core/index.ts";
import { type OperatorsSettings, createOperators, createToken } from "../../src/identity/index.ts";
import { crypto, handClock } from "../stores/ports.ts";

const tokenA = createToken(crypto);
const tokenB = createToken(crypto);
const random = createToken(crypto);
const users: OperatorsSettings["users"] = {
  ada: { auth: { token: new Secret(tokenA) }, can: ["read"], is: ["web/ada"] },
  bob: {
    auth: [{ tokenSha256: crypto.sha256(tokenB), until: "2027-01-31" }],
    can: ["read", "operate"],
    is: [],
  },
};

function open(settings: Partial<OperatorsSettings> = {}, clock = handClock(), used = crypto) {
  const ports = { crypto: used, clock };
  const { authenticate } = createOperators({ users, token: undefined, ...settings }, ports);
  const from = (authorization: string | null): string => {
    const found = authenticate(authorization);
    return "verdict" in found ? found.code : `${found.name}: ${[...found.can].join(" ")}`;
  };
  return { authenticate, from, clock };
}

test("A bearer token names its operator, with the rights of the config and no others", () => {
  const { from } = open();
  expect(from(`Bearer ${tokenA}`)).toBe("ada: read");
  expect(from(`bearer ${tokenB}`)).toBe("bob: read operate");
});

test("An operator is whoever the config says, and the one without users nobody beside", () => {
  const isOf = (found: ReturnType<ReturnType<typeof open>["authenticate"]>) =>
    "verdict" in found ? undefined : found.is;
  expect(isOf(open().authenticate(`Bearer ${tokenA}`))).toEqual(["web/ada"]);
  expect(isOf(open().authenticate(`Bearer ${tokenB}`))).toEqual([]);
  const alone = open({ users: {}, token: random });
  expect(isOf(alone.authenticate(`Bearer ${random}`))).toEqual([]);
});

test("What is not exactly one bearer token of an operator is refused", () => {
  const { from } = open({ token: random });
  expect(from(null)).toBe("TOKEN_MISSING");
  const basic = `Basic ${btoa(`admin:${tokenA}`)}`;
  for (const authorization of [
    "",
    "Bearer",
    "Bearer ",
    tokenA,
    basic,
    `Bearer ${tokenA} `,
    `Bearer ${tokenA}, Bearer ${tokenA}`,
    `Bearer ${crypto.sha256(tokenA)}`,
    `Bearer ${createToken(crypto)}`,
    "Bearer __proto__",
    "Bearer [secret]",
    "Bearer undefined",
  ]) {
    expect(from(authorization)).toBe("TOKEN_INVALID");
  }
});

test("Refusals carry a challenge, and hold no token", () => {
  const { authenticate } = open();
  expect(authenticate(null)).toMatchObject({
    headers: { "WWW-Authenticate": 'Bearer realm="mcp-gw"' },
  });
  const invalid = authenticate(`Bearer ${tokenA}x`);
  expect(invalid).toMatchObject({
    headers: { "WWW-Authenticate": 'Bearer realm="mcp-gw", error="invalid_token"' },
  });
  expect(JSON.stringify(invalid)).not.toContain(tokenA.slice(6, 20));
});

test("The token of the start may do everything where nobody is named, and nothing beside users", () => {
  expect(open({ users: {}, token: random }).from(`Bearer ${random}`)).toBe(
    "admin: read approve operate",
  );
  expect(open({ token: random }).from(`Bearer ${random}`)).toBe("TOKEN_INVALID");
});

test("Without users and without a token there is no operator at all", () => {
  const { from } = open({ users: {} });
  expect(from(null)).toBe("TOKEN_MISSING");
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(from(`Bearer ${text}`)).toBe("TOKEN_INVALID");
    }),
  );
});

test("A token is accepted to the end of its last day in UTC", () => {
  const { from, clock } = open({}, handClock(Date.parse("2027-01-31T23:59:59.999Z")));
  expect(from(`Bearer ${tokenB}`)).toBe("bob: read operate");
  clock.advance(1);
  expect(from(`Bearer ${tokenB}`)).toBe("TOKEN_EXPIRED");
});

test("A token that two operators share is neither's", () => {
  const shared = {
    ada: { auth: { token: new Secret(tokenA) }, can: ["read"], is: ["web/ada"] },
    bob: { auth: { tokenSha256: crypto.sha256(tokenA) }, can: ["operate"], is: [] },
  } as const;
  expect(open({ users: shared }).from(`Bearer ${tokenA}`)).toBe("TOKEN_INVALID");
});

test("A token costs one digest and one comparison, known or not", () => {
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
  const { from } = open({}, handClock(), counting);
  for (const token of [tokenA, tokenB, "no-token"]) {
    work = [];
    from(`Bearer ${token}`);
    expect(work).toEqual(["sha256", "equal"]);
  }
});
