/** Keys that are known ones only to a reader that folds case. */
import { type Json, decisiveParams, foldCase, isObject, member, metaKeys } from "../mcp/index.ts";

/**
 * Whether parameters hold such a key where they are decided on. A server that folds case
 * (CVE-2026-27896) would read `Name` as `name`, or `ClientCapabilities` as what the gateway says of
 * the client, and act on what was never judged.
 */
export function isDisguised(params: Json | undefined): boolean {
  const parts = [params, member(params, "ref"), member(params, "argument")];
  return (
    parts.some((part) => holdsDisguised(part, decisive)) ||
    holdsDisguised(member(params, "_meta"), meta)
  );
}

interface KnownKeys {
  readonly exact: ReadonlySet<string>;
  readonly folded: ReadonlySet<string>;
}

const decisive = toKnownKeys([...decisiveParams]);
const meta = toKnownKeys(Object.values(metaKeys));

function toKnownKeys(keys: readonly string[]): KnownKeys {
  return { exact: new Set(keys), folded: new Set(keys.map(foldCase)) };
}

function holdsDisguised(part: Json | undefined, { exact, folded }: KnownKeys): boolean {
  if (!isObject(part)) return false;
  return part.node.members.some(({ key }) => !exact.has(key) && folded.has(foldCase(key)));
}
