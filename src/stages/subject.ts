/** Whom the policy is asked about. */
import type { Identified } from "../core/index.ts";
import type { Subject } from "../policy/index.ts";

export function subjectOf({ client, address }: Pick<Identified, "address" | "client">): Subject {
  return { client: client.name, subject: client.subject, address };
}
