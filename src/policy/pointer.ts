/** Where a condition looks: a member's name, or a JSON Pointer (RFC 6901). */
import { type Json, isObject, member } from "../mcp/index.ts";
import { compileDisguise } from "./disguise.ts";

/** What stands there; undefined for nothing. A failed look-up says why two readers could differ. */
export type Looked = Json | undefined | { readonly failed: string };
export type Lookup = (json: Json | undefined) => Looked;

/** A key that starts with `/` is a pointer; any other names a member at the top. */
export function compileLookup(key: string): Lookup {
  const names = key.startsWith("/")
    ? key
        .slice(1)
        .split("/")
        .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
    : [key];
  const steps = names.map(compileStep);
  return (json) => {
    let at: Looked = json;
    for (const step of steps) {
      if (at === undefined || "failed" in at) return at;
      at = step(at);
    }
    return at;
  };
}

/**
 * A member whose name differs in case alone fails the look-up: a server that folds case would read
 * that one, and the rule another or none.
 */
function compileStep(name: string): (json: Json) => Looked {
  const isDisguised = compileDisguise(name);
  const index = /^(?:0|[1-9]\d{0,8})$/.test(name) ? Number(name) : undefined;
  return (json) => {
    if (json.node.type === "array") {
      const node = index === undefined ? undefined : json.node.items[index];
      return node && { source: json.source, node };
    }
    if (!isObject(json)) return undefined;
    return isDisguised(json)
      ? { failed: "a name differs from it in case alone" }
      : member(json, name);
  };
}
