/** Compares what is configured, secrets by their values. */
import { Secret } from "../core/index.ts";
import { textOf } from "./digest.ts";

/**
 * Whether two settings say the same; absent and undefined are one, order counts in lists alone.
 * Functions are the same where their texts are: one that is loaded again is a new one.
 */
export function isSameSetting(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (a instanceof Secret && b instanceof Secret) return a.reveal() === b.reveal();
  if (typeof a === "function" && typeof b === "function") return textOf(a) === textOf(b);
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSameSetting(item, b[index]));
  }
  if (!isPlain(a) || !isPlain(b)) return false;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) =>
    isSameSetting(memberOf(a, key), memberOf(b, key)),
  );
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Secret)
  );
}

function memberOf(table: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
