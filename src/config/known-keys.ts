/**
 * Finds every key that the schema does not know. Valibot reports the first one of an object and
 * takes inherited names such as `toString` for known; here all are found, and the known remain.
 */
import { Secret } from "../core/index.ts";
import { finding, formatPath } from "./fault.ts";
import type { Finding, PathKey } from "./fault.ts";
import { isLaterKey, laterValue } from "./later.ts";
import { type SchemaNode, nodeFor } from "./schema-node.ts";
import { suggest } from "./suggest.ts";

export interface KnownKeys {
  /** A copy of the input with the known keys alone. */
  readonly input: unknown;
  readonly findings: readonly Finding[];
  /** Values that are refused as a whole: what else is wrong below them does not matter. */
  readonly refused: readonly (readonly PathKey[])[];
  /** Objects with a key that is not available yet: what they lack besides does not matter. */
  readonly incomplete: readonly (readonly PathKey[])[];
}

const oneOfThree = 'an upstream has one of "url", "command" and "package"';

const twoTokens = 'write a list for two tokens: [{ token: … }, { tokenSha256: "…" }]';

/** Keys of the other form of the same object, by the place they stand at. */
const eitherOr = new Map([
  ["upstreams.*.isolate", "it parts the callers of a process; an HTTP server parts them by itself"],
  ["upstreams.*.url", oneOfThree],
  ["upstreams.*.package", oneOfThree],
  ["clients.*.auth.token", twoTokens],
  ["admin.users.*.auth.token", twoTokens],
  ["plugins.#.kv", 'write grants: { kv: "client" }'],
  ["plugins.#.fetch", 'write grants: { fetch: [{ origin: "https://api.example.com" }] }'],
  ["plugins.#.permissions", "what a plugin asks for, it says itself; here grants allow it"],
  ["plugins.#.on", "write match: { on: […] }"],
  ["plugins.#.methods", "write match: { methods: […] }"],
  ["plugins.#.file", "the file is named by use"],
]);

export function keepKnownKeys(schema: SchemaNode, input: unknown): KnownKeys {
  const findings: Finding[] = [];
  const refused: (readonly PathKey[])[] = [];
  const incomplete: (readonly PathKey[])[] = [];

  const walk = (node: SchemaNode, value: unknown, path: readonly PathKey[], place: string) => {
    const later = laterValue(place, value);
    if (later !== undefined) {
      findings.push(finding("error", path, `${later} is not available in this version`));
      refused.push(path);
      return value;
    }
    return descend(node, value, path, place);
  };
  const descend = (
    around: SchemaNode,
    value: unknown,
    path: readonly PathKey[],
    place: string,
  ): unknown => {
    const node = nodeFor(around, value);
    if (Array.isArray(value)) {
      if (node.item === undefined) {
        if (node.entries === undefined && node.value === undefined) return value;
        findings.push(finding("error", path, "Must be an object, is a list"));
        refused.push(path);
        return value;
      }
      const { item } = node;
      return value.map((entry, index) => walk(item, entry, [...path, index], join(place, "#")));
    }
    if (!isTable(value)) return value;
    if (node.type === "strict_object") return known(node.entries ?? {}, value, path, place);
    if (node.type === "record" && node.value !== undefined) {
      return named(node.value, value, path, place);
    }
    return value;
  };
  const known = (
    entries: Readonly<Record<string, SchemaNode>>,
    table: Readonly<Record<string, unknown>>,
    path: readonly PathKey[],
    place: string,
  ): unknown => {
    const kept: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(table)) {
      if (value === undefined) continue;
      const here = [...path, key];
      const entry = Object.hasOwn(entries, key) ? entries[key] : undefined;
      if (entry !== undefined) kept[key] = walk(entry, value, here, join(place, key));
      else if (isLaterKey(place, key)) {
        findings.push(finding("error", here, `"${key}" is not available in this version`));
        incomplete.push(path);
      } else {
        const where = formatPath(path) || "the config";
        const message = `${JSON.stringify(key)} is not a key of ${where}`;
        const hint = eitherOr.get(join(place, key)) ?? suggest(key, Object.keys(entries));
        findings.push(finding("error", here, message, hint));
      }
    }
    return kept;
  };
  const named = (
    entry: SchemaNode,
    table: Readonly<Record<string, unknown>>,
    path: readonly PathKey[],
    place: string,
  ): unknown => {
    const kept: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(table)) {
      const here = [...path, name];
      // Valibot's records drop some of these without a word, `prototype` too: an `unless` that lost
      // a test would hold for more calls.
      if (name in Object.prototype || name === "prototype") {
        findings.push(finding("error", here, `${JSON.stringify(name)} cannot be used as a name`));
      } else kept[name] = walk(entry, value, here, join(place, "*"));
    }
    return kept;
  };

  return { input: walk(schema, input, [], ""), findings, refused, incomplete };
}

function join(place: string, key: string): string {
  return place === "" ? key : `${place}.${key}`;
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !(value instanceof Secret);
}
