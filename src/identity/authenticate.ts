/** Turns the credentials of a request into one client of the config, or a refusal. */
import type { Config } from "../config/index.ts";
import { type ClientIdentity, type Deny, type Ports, deny } from "../core/index.ts";
import { isLoopback } from "./address.ts";
import { createTokenCheck, tokenMissing } from "./token-check.ts";
import type { Tokens } from "./token-index.ts";

/** All that identity looks at: no query, cookie, body or other header can carry a token. */
export interface Credentials {
  readonly authorization: string | null;
  /** The caller's address, see `clientAddress`. */
  readonly address: string | undefined;
  /** The connection itself comes from this machine. */
  readonly loopback: boolean;
  /** A forwarding header was present, trusted or not. */
  readonly forwarded: boolean;
}
export interface Identified {
  readonly client: ClientIdentity;
  readonly scheme: "token" | "anonymous";
}
export type Refusal = Deny;

export interface Identity {
  readonly authenticate: (credentials: Credentials) => Identified | Refusal;
  /** The origins one client may call from; none where the client is unknown. */
  readonly origins: (client: string) => ReadonlySet<string>;
  readonly allOrigins: ReadonlySet<string>;
}

/**
 * `TOKEN_MISSING`, `TOKEN_INVALID` and `TOKEN_EXPIRED` carry a challenge (RFC 6750 section 3);
 * a token that two clients share is `CLIENT_UNKNOWN`. What was presented and failed never falls
 * back to the anonymous client.
 */
export function createIdentity(config: Config, ports: Pick<Ports, "crypto" | "clock">): Identity {
  const shared = deny("CLIENT_UNKNOWN", "The token belongs to two clients");
  const check = createTokenCheck({ given: tokensOf(config), noun: "client", shared }, ports);
  const anonymous = anonymousClient(config);
  const origins = new Map(
    Object.entries(config.clients).map(([name, client]) => [name, new Set(client.origins)]),
  );
  const allOrigins = new Set([...origins.values()].flatMap((each) => [...each]));
  const none: ReadonlySet<string> = new Set();

  const withToken = (authorization: string): Identified | Refusal => {
    const client = check(authorization);
    return "verdict" in client ? client : { client, scheme: "token" };
  };

  return {
    authenticate: (credentials) => {
      if (credentials.authorization !== null) return withToken(credentials.authorization);
      if (anonymous && isFromHere(credentials)) return { client: anonymous, scheme: "anonymous" };
      return tokenMissing();
    },
    origins: (client) => origins.get(client) ?? none,
    allOrigins,
  };
}

function tokensOf({ clients }: Config): Tokens<ClientIdentity>[] {
  return Object.entries(clients).flatMap(([name, { auth }]) =>
    typeof auth === "string" ? [] : [{ holder: { name, subject: undefined }, tokens: auth }],
  );
}

/**
 * A caller without a token is a known one only where nobody else can be: without this, a reverse
 * proxy in front of the gateway would make every stranger a local caller. So an anonymous client
 * does not exist beside a `publicUrl` or `trustedProxies`; to widen it, give the client a token.
 */
function anonymousClient(config: Config): ClientIdentity | undefined {
  if (config.publicUrl !== undefined || config.trustedProxies.length > 0) return undefined;
  const found = Object.entries(config.clients).find(([, client]) => client.auth === "anonymous");
  return found && { name: found[0], subject: undefined };
}

function isFromHere({ address, loopback, forwarded }: Credentials): boolean {
  return loopback && !forwarded && isLoopback(address);
}
