/** One text for one config: keys in order, each secret as `[secret]`. */
import { Secret } from "../core/index.ts";

export function canonicalJson(value: unknown): string {
  if (value instanceof Secret) return '"[secret]"';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
