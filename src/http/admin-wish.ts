/** What an operator wants to be taken away, as the body of a request says it. */
import { type BlockWish, type Deny, deny } from "../core/index.ts";
import { type JsonObject, exactNumber, member, stringOf } from "../mcp/index.ts";
import { blockFault } from "../policy/index.ts";

const minForMs = 1_000;
/** Ten years: longer is for ever, and that is said by leaving it out. */
const maxForMs = 10 * 365 * 86_400_000;
const texts = ["target", "client", "subject", "why"] as const;
const members: ReadonlySet<string> = new Set([...texts, "all", "forMs"]);

export interface WishContext {
  /** The operator who wishes it. */
  readonly by: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** `{ target?, client?, subject?, all?: true, forMs?, why }`; a member that is not known is refused. */
export function parseWish(
  body: JsonObject | undefined,
  { by, now }: WishContext,
): BlockWish | Deny {
  if (body === undefined) return invalid("The body is empty");
  const unknown = body.node.members.find(({ key }) => !members.has(key));
  if (unknown !== undefined) return invalid("The body has a member that is not known");
  const given: { [name in (typeof texts)[number]]?: string } = {};
  for (const name of texts) {
    const value = member(body, name);
    if (value === undefined) continue;
    const text = stringOf(value);
    if (text === undefined) return invalid(`"${name}" must be a text`);
    given[name] = text;
  }
  const { why, ...what } = given;
  if (why === undefined) return invalid('"why" is missing');
  const span = parseSpan(body);
  const fault = allFault(body, Object.keys(what).length > 0) ?? span.fault;
  if (fault !== undefined) return invalid(fault);
  const end = span.forMs === undefined ? {} : { until: now + span.forMs };
  const wish = { ...what, why, by, ...end };
  const unfit = blockFault(wish, now);
  return unfit === undefined ? wish : invalid(unfit);
}

function parseSpan(body: JsonObject): { readonly forMs?: number; readonly fault?: string } {
  const given = member(body, "forMs");
  if (given === undefined) return {};
  const forMs = exactNumber(given);
  const isSpan = forMs !== undefined && Number.isInteger(forMs);
  if (isSpan && forMs >= minForMs && forMs <= maxForMs) return { forMs };
  return { fault: '"forMs" must be a whole number of milliseconds, from a second to ten years' };
}

/** Everything is taken away only where that is said in so many words, and nothing beside it. */
function allFault(body: JsonObject, isNamed: boolean): string | undefined {
  const all = member(body, "all");
  if (all === undefined) {
    return isNamed ? undefined : 'Say what to block: "target", "client", "subject", or "all": true';
  }
  if (all.node.type !== "true") return '"all" must be true';
  return isNamed ? '"all" stands alone' : undefined;
}

function invalid(why: string): Deny {
  return deny("BODY_INVALID", why);
}
