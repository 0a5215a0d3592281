/** Who works the gateway: the users of the config's admin listener, or whoever may read its token. */
import { type Deny, type Operator, type Ports, type Right, Secret } from "../core/index.ts";
import { createTokenCheck, invalid, tokenMissing } from "./token-check.ts";
import type { TokenSettings } from "./token-index.ts";

export interface OperatorSettings {
  readonly auth: TokenSettings | readonly TokenSettings[];
  readonly can: readonly Right[];
  /** Whose calls are their own, as `Operator` has it. */
  readonly is: readonly string[];
}
export interface OperatorsSettings {
  /** By name. */
  readonly users: Readonly<Record<string, OperatorSettings>>;
  /** Made at random for this start; it exists only where there are no users. */
  readonly token: string | undefined;
}
export interface Operators {
  /** Takes an `Authorization` header: nothing else carries the credential of an operator. */
  readonly authenticate: (authorization: string | null) => Operator | Deny;
}

const everyRight: readonly Right[] = ["read", "approve", "operate"];

/**
 * `TOKEN_MISSING`, `TOKEN_INVALID` and `TOKEN_EXPIRED` carry a challenge. A token beside the named
 * users would let whoever reads the gateway's folder act as nobody in particular, so with users
 * there is none; without users its holder is the one operator, `admin`, who may do everything.
 */
export function createOperators(
  { users, token }: OperatorsSettings,
  ports: Pick<Ports, "crypto" | "clock">,
): Operators {
  const named = Object.entries(users);
  const only = { auth: { token: new Secret(token ?? "") }, can: everyRight, is: [] };
  const all = named.length > 0 || token === undefined ? named : [["admin", only] as const];
  const check = createTokenCheck<Operator>(
    {
      given: all.map(([name, { auth, can, is }]) => ({
        holder: { name, can: new Set(can), is },
        tokens: auth,
      })),
      noun: "operator",
      shared: invalid("The token belongs to two operators"),
    },
    ports,
  );
  return {
    authenticate: (authorization) =>
      authorization === null ? tokenMissing() : check(authorization),
  };
}
