/** Whether a resource template leads a client anywhere. */
import { globsOverlap, isNormalTemplate, templateToGlob } from "../core/index.ts";
import type { NameIndex } from "./name-index.ts";
import type { KindReach } from "./reach.ts";

/** Longer templates are shown to nobody: comparing globs takes the product of their lengths. */
export const maxTemplateLength = 2048;

/**
 * Shown where some URI it can expand to could be allowed: an exposed one that an allow pattern
 * meets, unless one rule or block takes away all of them: `isTaken` says so of a glob. Templates
 * come from clients too, as what to complete: `file:///public/../private/{name}` would meet
 * `file:///public/*`.
 */
export function showsTemplate(
  resources: KindReach,
  client: string,
  template: string,
  isTaken: (glob: string) => boolean,
): boolean {
  if (template.length > maxTemplateLength) return false;
  if (!isNormalTemplate(template)) return false;
  const glob = templateToGlob(template);
  const allowed = meeting(resources.allowed.get(client), glob).filter((each) => !isTaken(each));
  if (resources.exposed !== undefined) {
    const exposed = meeting(resources.exposed, glob);
    if (!allowed.some((one) => exposed.some((other) => globsOverlap(one, other)))) return false;
  }
  return allowed.length > 0 && !isTaken(glob);
}

/** The globs of an index that meet `glob` somewhere. */
function meeting(index: NameIndex<unknown> | undefined, glob: string): string[] {
  const globs = index?.entries.map((entry) => entry.glob) ?? [];
  return globs.filter((each) => globsOverlap(each, glob));
}

/**
 * A rule covers all that `glob` matches when it matches the glob itself as a text: the `*` in it
 * can then only have met a `*` of the rule, which takes whatever else stands there.
 */
export function isCovered(reach: KindReach, client: string, glob: string): boolean {
  return reach.hidden.find(glob).some(({ callers }) => callers?.has(client) ?? true);
}
