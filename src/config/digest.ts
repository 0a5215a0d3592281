/** One text for one config: keys in order, each secret as `[secret]`, each function as its text. */
import { Secret } from "../core/index.ts";

/** What a function closes over does not show: another value there is no other config. */
export function canonicalJson(value: unknown): string {
  if (value instanceof Secret) return '"[secret]"';
  if (typeof value === "function") return JSON.stringify(`[function] ${textOf(value)}`);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}

/** The text as it was written, whatever the function says of itself. */
export function textOf(value: object): string {
  return Function.prototype.toString.call(value);
}
