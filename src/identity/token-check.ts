/** One bearer token, and whom it stands for: the same for clients and for operators. */
import { type Deny, type Ports, deny } from "../core/index.ts";
import { parseBearer } from "./bearer.ts";
import { type TokenHolder, type Tokens, createTokenIndex } from "./token-index.ts";
import { checkToken } from "./token.ts";

export interface TokenCheckSettings<Holder extends TokenHolder> {
  readonly given: readonly Tokens<Holder>[];
  /** What a holder is called in a record. */
  readonly noun: "client" | "operator";
  /** The refusal of a token that two holders share. */
  readonly shared: Deny;
}

const challenge = 'Bearer realm="mcp-gw"';
const missingHeaders = { "WWW-Authenticate": challenge };
const invalidHeaders = { "WWW-Authenticate": `${challenge}, error="invalid_token"` };

/** Takes an `Authorization` header; its refusals carry a challenge (RFC 6750 section 3). */
export function createTokenCheck<Holder extends TokenHolder>(
  { given, noun, shared }: TokenCheckSettings<Holder>,
  { crypto, clock }: Pick<Ports, "crypto" | "clock">,
): (authorization: string) => Holder | Deny {
  const tokens = createTokenIndex(given, crypto);
  return (authorization) => {
    const token = parseBearer(authorization);
    if (token === undefined) return invalid("The Authorization header is not one bearer token");
    const entry = tokens.find(token);
    if (entry === undefined) {
      const ours = checkToken(token, crypto);
      return invalid(ours ? `The token belongs to no ${noun}` : "The token is not one of ours");
    }
    const { holder, expiresAt } = entry;
    if (holder === undefined) return shared;
    if (clock.now() >= expiresAt) {
      const why = `The token of ${noun} "${holder.name}" has expired`;
      return deny("TOKEN_EXPIRED", why, { headers: invalidHeaders });
    }
    return holder;
  };
}

export function tokenMissing(): Deny {
  return deny("TOKEN_MISSING", "There is no Authorization header", { headers: missingHeaders });
}

export function invalid(why: string): Deny {
  return deny("TOKEN_INVALID", why, { headers: invalidHeaders });
}
