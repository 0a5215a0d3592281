/** Sealing keys: long enough, and each of them once. */
import { finding } from "../fault.ts";
import type { Finding } from "../fault.ts";
import type { Checked } from "./subject.ts";

/** As long as the keys that are derived from it. */
const minBytes = 32;

export function checkKeys({ config }: Checked): readonly Finding[] {
  const known = new Set<string>();
  if (config.store !== "memory" && config.keys.length === 0) {
    // What one instance sealed has to open at the others.
    const message = "A Redis store needs at least one key, the same for all who share it";
    return [finding("error", ["keys"], message, "openssl rand -base64 32 makes one")];
  }
  return config.keys.flatMap((secret, index) => {
    const key = secret.reveal();
    const at = ["keys", index];
    const { length } = new TextEncoder().encode(key);
    if (length < minBytes) {
      return [finding("error", at, `Must be at least ${minBytes} bytes, is ${length}`)];
    }
    if (known.has(key)) return [finding("warning", at, "Is listed twice")];
    known.add(key);
    return [];
  });
}
