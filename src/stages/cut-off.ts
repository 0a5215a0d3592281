/** What a block keeps from a caller: outside it is unknown like any other, the record says why. */
import { type Deny, type Understood, deny } from "../core/index.ts";
import type { Policy } from "../policy/index.ts";

type CutOffPolicy = Pick<Policy, "whyCutOff">;

/** The block that keeps any of these upstreams from the caller. */
export function whyCutOff(
  policy: CutOffPolicy,
  { client }: Understood,
  upstreams: readonly string[],
): string | undefined {
  const caller = { client: client.name, subject: client.subject };
  return upstreams
    .map((upstream) => policy.whyCutOff(caller, upstream))
    .find((why) => why !== undefined);
}

/** `why` holds where no block of these upstreams does. */
export function toUnknown(
  policy: CutOffPolicy,
  exchange: Understood,
  upstreams: readonly string[],
  why: string,
): Deny {
  const block = whyCutOff(policy, exchange, upstreams);
  return block === undefined
    ? deny("TARGET_UNKNOWN", why)
    : deny("TARGET_UNKNOWN", block, { recorded: "BLOCKED" });
}
