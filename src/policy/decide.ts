/** Whether a thing exists for a client. */
import { type InnerCode, isNormalUri } from "../core/index.ts";
import { concerned } from "./concerned.ts";
import type { Grant, KindReach } from "./reach.ts";
import type { Subject, Thing } from "./subject.ts";
import type { Witness } from "./witness.ts";

export interface Refusal {
  readonly allowed: false;
  readonly why: string;
  /** For the record: outside all of them look unknown. */
  readonly recorded: Extract<InnerCode, "POLICY_DENIED" | "BLOCKED">;
}
export type Decision = Grant | Refusal;

/** `kind` is undefined where there is no such upstream. */
export function decide(
  kind: KindReach | undefined,
  { client }: Subject,
  { kind: what, upstream, name }: Thing,
  witness?: Witness,
): Decision {
  if (kind === undefined) return no(`There is no upstream "${upstream}"`);
  if (kind.exposed && kind.exposed.find(name).length === 0) {
    return no(`Upstream "${upstream}" does not expose it`);
  }
  if (what === "resource" && !isNormalUri(name)) return no("The URI is not in normal form");
  const grants = kind.allowed.get(client)?.find(name) ?? [];
  witness?.grants(grants);
  const [grant] = grants;
  if (grant === undefined) return no(`No allow pattern of client "${client}" names it`);
  const rules = concerned(kind.hidden, client, name, ({ hit }) => hit, witness);
  if (witness) for (const rule of rules) if (rule.hit) witness.rule(rule, rule.hit, "applies");
  const [first] = rules;
  return first ? no(first.refusal) : grant;
}

export function no(why: string): Refusal {
  return { allowed: false, why, recorded: "POLICY_DENIED" };
}
