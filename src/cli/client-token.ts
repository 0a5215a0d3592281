/** The credentials of the config's clients, as far as this process may know them. */
import type { Config, LoadedConfig } from "../config/index.ts";
import { Secret, fromHex } from "../core/index.ts";
import { createToken } from "../identity/index.ts";
import type { Runtime } from "../runtime/index.ts";

/** Undefined where the client has none, or the config knows no more than its hash. */
export function tokenOf(clients: Config["clients"], name: string): string | undefined {
  const auth = Object.hasOwn(clients, name) ? clients[name]?.auth : undefined;
  if (auth === undefined || typeof auth === "string") return undefined;
  for (const one of Array.isArray(auth) ? auth : [auth]) {
    if ("token" in one) return one.token.reveal();
  }
  return undefined;
}

/**
 * A token of its own for each client that comes through `mcp-gw stdio` alone. It is made of the seed
 * and the name, so that a reload keeps it and the workers of one gateway agree on it.
 */
export function createStdioTokens(
  { clients }: Config,
  seed: Uint8Array,
  { crypto }: Pick<Runtime, "crypto">,
): ReadonlyMap<string, string> {
  const names = Object.keys(clients).filter((name) => clients[name]?.auth === "stdio");
  const tokenFor = (name: string): string => {
    const randomBytes = (): Uint8Array => fromHex(crypto.hmacSha256(seed, name));
    return createToken({ ...crypto, randomBytes });
  };
  return new Map(names.map((name) => [name, tokenFor(name)]));
}

/** The same config with these clients coming by these tokens. */
export function withTokens(
  loaded: LoadedConfig,
  tokens: ReadonlyMap<string, string>,
): LoadedConfig {
  const clients = Object.entries(loaded.config.clients).map(([name, client]) => {
    const token = tokens.get(name);
    return [name, token === undefined ? client : { ...client, auth: { token: new Secret(token) } }];
  });
  return {
    ...loaded,
    config: { ...loaded.config, clients: Object.fromEntries(clients) as Config["clients"] },
  };
}
