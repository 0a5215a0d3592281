/** Finds every subschema of a schema from outside, and what each reference in it means. */
import {
  type Dialect,
  composingKeywords,
  definitionKeywords,
  isRecord,
  schemaKeywords,
} from "./schema-keywords.ts";

export interface ChildSchema {
  readonly keyword: string;
  /** The name in a map, the place in a list. */
  readonly key: string | number | undefined;
  readonly inPlace: boolean;
  readonly schema: Subschema;
}
export interface Subschema {
  readonly value: Readonly<Record<string, unknown>> | boolean;
  readonly children: readonly ChildSchema[];
  /** What `$ref` and `$dynamicRef` name, known once all subschemas are. */
  readonly references: Subschema[];
}

export interface Collected {
  readonly root: Subschema;
  readonly all: readonly Subschema[];
}

/** Says what is wrong with the schema; it never leaves `compileSchema`. */
export class SchemaError extends Error {}

const maxDepth = 32;
const maxSubschemas = 2000;
const maxBranches = 200;
const maxUriLength = 1024;
/** For the `$id`s of a schema that has no absolute one; nothing is ever fetched from anywhere. */
const noBase = "https://schema.invalid/";

export function collectSubschemas(root: unknown, dialect: Dialect): Collected {
  const all: Subschema[] = [];
  /** Schema resources by their URI, anchors by the resource's URI, `#` and their name. */
  const named = new Map<string, Subschema>();
  const pending: { readonly from: Subschema; readonly uri: string; readonly dynamic: boolean }[] =
    [];
  let branches = 0;
  const dynamicResources = new Set<string>();

  const define = (uri: string, subschema: Subschema): void => {
    if (named.has(uri)) throw new SchemaError("Has one $id or $anchor twice");
    named.set(uri, subschema);
  };

  function collect(value: unknown, outer: string, depth: number): Subschema {
    if (depth > maxDepth) throw new SchemaError(`Is nested deeper than ${maxDepth}`);
    if (all.length >= maxSubschemas) {
      throw new SchemaError(`Has more than ${maxSubschemas} subschemas`);
    }
    if (!isRecord(value) && typeof value !== "boolean") {
      throw new SchemaError("Has a subschema that is neither object nor boolean");
    }
    const children: ChildSchema[] = [];
    const subschema: Subschema = { value, children, references: [] };
    all.push(subschema);
    if (typeof value === "boolean") return subschema;
    const resource = identify(subschema, value, outer);
    refer(subschema, value, resource);
    for (const { keyword, key, inPlace, child } of childrenOf(value, dialect)) {
      if (composingKeywords.has(keyword) && ++branches > maxBranches) {
        throw new SchemaError(`Has more than ${maxBranches} branches of allOf, anyOf and oneOf`);
      }
      children.push({ keyword, key, inPlace, schema: collect(child, resource, depth + 1) });
    }
    return subschema;
  }

  /** The resource that the subschema belongs to: with an `$id`, one of its own. */
  function identify(
    subschema: Subschema,
    { $id, $ref, $anchor, $dynamicAnchor }: Readonly<Record<string, unknown>>,
    outer: string,
  ): string {
    let resource = outer;
    // Beside `$ref`, draft-07 reads nothing.
    if (typeof $id === "string" && (dialect === "2020-12" || $ref === undefined)) {
      const [uri, fragment] = resolve($id, outer);
      if (fragment !== "") define(`${uri}#${fragment}`, subschema);
      else if (uri !== outer || all.length > 1) define((resource = uri), subschema);
    }
    for (const anchor of new Set([$anchor, $dynamicAnchor])) {
      if (typeof anchor === "string") define(`${resource}#${anchor}`, subschema);
    }
    if ($dynamicAnchor !== undefined) dynamicResources.add(resource);
    return resource;
  }

  function refer(
    from: Subschema,
    { $ref, $dynamicRef }: Readonly<Record<string, unknown>>,
    resource: string,
  ): void {
    for (const reference of [$ref, $dynamicRef]) {
      if (reference === undefined) continue;
      if (typeof reference !== "string") throw new SchemaError("Has a $ref that is no string");
      const [uri, fragment] = resolve(reference, resource);
      pending.push({ from, uri: `${uri}#${fragment}`, dynamic: reference === $dynamicRef });
    }
  }

  const whole = collect(root, noBase, 1);
  if (!named.has(noBase)) named.set(noBase, whole);
  for (const { from, uri } of pending) {
    const found = find(named, uri);
    if (found === undefined) throw new SchemaError("Refers to a schema that is not in it");
    from.references.push(found);
  }
  // Where one resource has dynamic anchors, they are what plain ones are.
  if (dynamicResources.size > 1 && pending.some(({ dynamic }) => dynamic)) {
    throw new SchemaError("Uses $dynamicRef across several $id");
  }
  return { root: whole, all };
}

/** The resource itself, an anchor in it, or what a JSON Pointer leads to. */
function find(named: ReadonlyMap<string, Subschema>, uri: string): Subschema | undefined {
  const [resource = "", fragment = ""] = splitOnce(uri, "#");
  if (fragment !== "" && !fragment.startsWith("/")) return named.get(uri);
  let found = named.get(resource);
  const tokens = fragment.split("/").slice(1).map(fromToken);
  while (found !== undefined && tokens.length > 0) {
    const keyword = tokens.shift();
    const child: ChildSchema | undefined = found.children.find(
      (each) =>
        each.keyword === keyword && (each.key === undefined || String(each.key) === tokens[0]),
    );
    if (child?.key !== undefined) tokens.shift();
    found = child?.schema;
  }
  return found;
}

interface FoundChild {
  readonly keyword: string;
  readonly key: string | number | undefined;
  readonly inPlace: boolean;
  readonly child: unknown;
}

function* childrenOf(
  value: Readonly<Record<string, unknown>>,
  dialect: Dialect,
): Iterable<FoundChild> {
  const onlyReference = dialect === "draft-07" && value["$ref"] !== undefined;
  for (const row of schemaKeywords) {
    const { keyword, inPlace = false } = row;
    const held = value[keyword];
    if (!Object.hasOwn(value, keyword) || (row.dialect ?? dialect) !== dialect) continue;
    // Beside `$ref`, draft-07 reads nothing; what is defined there can be referred to all the same.
    if (onlyReference && !definitionKeywords.has(keyword)) continue;
    const isTuple = keyword === "items" && dialect === "draft-07" && Array.isArray(held);
    if (row.holds === "one" && !isTuple) {
      yield { keyword, key: undefined, inPlace, child: held };
    } else if (row.holds === "map") {
      if (!isRecord(held)) throw new SchemaError(`Has a wrong "${keyword}"`);
      for (const [key, child] of Object.entries(held)) {
        if (keyword === "dependencies" && Array.isArray(child)) continue;
        yield { keyword, key, inPlace, child };
      }
    } else {
      if (!Array.isArray(held) || held.length === 0) {
        throw new SchemaError(`Has a wrong "${keyword}"`);
      }
      for (const [key, child] of held.entries()) yield { keyword, key, inPlace, child };
    }
  }
}

function fromToken(token: string): string {
  return token.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** An absolute URI, and its fragment decoded: a JSON Pointer, an anchor or nothing. */
function resolve(reference: string, base: string): readonly [uri: string, fragment: string] {
  if (reference.length > maxUriLength) throw new SchemaError("Has an $id or $ref that is too long");
  try {
    const [path = "", fragment = ""] = splitOnce(reference, "#");
    const uri = path === "" ? base : new URL(path, base).href;
    return [uri, decodeURIComponent(fragment)];
  } catch {
    // Both throw for malformed text alone.
    throw new SchemaError("Has an $id or $ref that is no URI");
  }
}

function splitOnce(text: string, mark: string): readonly string[] {
  const found = text.indexOf(mark);
  return found < 0 ? [text] : [text.slice(0, found), text.slice(found + 1)];
}
