/** Whose call a call is. */
import type { ApprovalWord, PendingApproval } from "../core/index.ts";

/**
 * Attack: whoever works the gateway sends a call as its client, and signs it as its operator. An
 * operator is the client and the subject of their name, and whatever the config says they are. No
 * name of a client holds a slash or an asterisk, so that none of these words can be read in two ways.
 */
export function isOwnCall(
  { by, is }: Pick<ApprovalWord, "by" | "is">,
  { client, subject }: Pick<PendingApproval, "client" | "subject">,
): boolean {
  if (by === client || is.includes(client)) return true;
  if (subject === undefined) return false;
  return by === subject || is.includes(`${client}/${subject}`) || is.includes(`*/${subject}`);
}
