/** Whether two configs mean the same upstream: one text for all that its connection is made from. */
import type { UpstreamConfig } from "../config/index.ts";
import { type Crypto, Secret } from "../core/index.ts";

/** What other rooms make of an upstream's settings; whatever is not known here counts. */
const othersSettings: ReadonlySet<string> = new Set(["expose", "arguments", "sanitize", "rate"]);

/**
 * A digest, since a secret that has changed makes another upstream and its value is kept in no key.
 * `maxLineBytes` is made of what the clients of the same config may receive.
 */
export function toSettingsDigest(
  upstream: UpstreamConfig,
  maxLineBytes: number,
  { sha256 }: Pick<Crypto, "sha256">,
): string {
  const own = Object.entries(upstream).filter(([name]) => !othersSettings.has(name));
  return sha256(toText({ settings: Object.fromEntries(own), maxLineBytes }));
}

/** Keys in order; a secret is not the same as its value in plain text, which log lines may show. */
function toText(value: unknown): string {
  if (value instanceof Secret) return `secret ${JSON.stringify(value.reveal())}`;
  if (Array.isArray(value)) return `[${value.map(toText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${toText(member)}`);
  return `{${members.join(",")}}`;
}
