import { expect, test } from "vitest";
import { createStdioTokens, tokenOf, withTokens } from "../../src/cli/client-token.ts";
import { parseConfig } from "../../src/config/index.ts";
import { createIdentity } from "../../src/identity/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";

const runtime = await openRuntime();
const { config } = parseConfig(
  {
    clients: { desktop: { auth: "stdio" }, other: { auth: "stdio" }, local: { auth: "anonymous" } },
  },
  { ...runtime.crypto, now: 0 },
);
if (config === undefined) throw new Error("The config of this test is not good");
const loaded = {
  config,
  file: "",
  folder: "",
  digest: "",
  faults: [],
  watched: { secrets: [], sources: [] },
};

const from = (authorization: string | null) => ({
  authorization,
  address: "127.0.0.1",
  loopback: true,
  forwarded: false,
});

test("a stdio client has no token that a config holds, and nobody is it by saying so", () => {
  expect(tokenOf(config.clients, "desktop")).toBeUndefined();
  expect(tokenOf(config.clients, "constructor")).toBeUndefined();
  const { authenticate } = createIdentity(config, runtime);
  expect(authenticate(from("Bearer stdio"))).toMatchObject({ code: "TOKEN_INVALID" });
  expect(authenticate(from(null))).toMatchObject({ client: { name: "local" } });
});

test("stdio clients get tokens of their own, others for each start", () => {
  const seed = new Uint8Array(32).fill(1);
  const tokens = createStdioTokens(config, seed, runtime);
  expect([...tokens.keys()]).toEqual(["desktop", "other"]);
  expect(createStdioTokens(config, seed, runtime)).toEqual(tokens);
  const others = createStdioTokens(config, new Uint8Array(32).fill(2), runtime);
  expect(new Set([...tokens.values(), ...others.values()]).size).toBe(4);
  const { authenticate } = createIdentity(withTokens(loaded, tokens).config, runtime);
  for (const [name, token] of tokens) {
    expect(authenticate(from(`Bearer ${token}`))).toMatchObject({ client: { name } });
  }
});
