/** Names that some servers read as another one (CVE-2026-27896). */
import { type JsonObject, foldCase } from "../mcp/index.ts";

const ascii = /^[\0-\x7F]*$/;

/** Whether an object holds a member whose name differs from `name` in case alone. */
export function compileDisguise(name: string): (json: JsonObject) => boolean {
  const folded = foldCase(name);
  const isAscii = ascii.test(name);
  return ({ node }) =>
    node.members.some(({ key }) => {
      if (key === name || key.length > 4 * name.length) return false;
      // ASCII keeps its length when it is folded, and is nearly always what stands there.
      if (isAscii && key.length !== name.length && ascii.test(key)) return false;
      return foldCase(key) === folded;
    });
}
