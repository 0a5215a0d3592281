/** What of a tool is locked: all that a model or a person chooses and calls it by. */
import { type JsonObject, canonicalText, member } from "../../mcp/index.ts";

/**
 * In canonical order. `_meta`, `icons`, `execution` and what servers add are not among them: hosts
 * show or carry them and models do not read them, and they change with each release.
 */
const lockedKeys = [
  "annotations",
  "description",
  "inputSchema",
  "name",
  "outputSchema",
  "title",
] as const;

export interface Hasher {
  /** Lower-case hex. */
  readonly sha256: (text: string) => string;
}
export interface Definition {
  /** Canonical JSON of the locked members. */
  readonly text: string;
  /** `sha256-` and 64 hex digits, over `text`. */
  readonly hash: string;
}

export function toDefinition(tool: JsonObject, { sha256 }: Hasher): Definition {
  const text = write(tool, lockedKeys);
  return { text, hash: `sha256-${sha256(text)}` };
}

/** The same text for two tools that differ in their names alone. */
export function toContent(tool: JsonObject): string {
  return write(
    tool,
    lockedKeys.filter((key) => key !== "name"),
  );
}

function write(tool: JsonObject, keys: readonly string[]): string {
  const members = keys.flatMap((key) => {
    const value = member(tool, key);
    return value === undefined ? [] : [`"${key}":${canonicalText(value)}`];
  });
  return `{${members.join(",")}}`;
}
