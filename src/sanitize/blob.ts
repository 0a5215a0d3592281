/** Base64 that is a member of the protocol: opened, cleaned, and closed again as base64. */
import { fromBytes, toBytes } from "./base64.ts";
import type { Budget } from "./budget.ts";
import type { TextFinding } from "./finding.ts";
import { findSecrets, seeksNothing } from "./scan.ts";
import type { SanitizeSettings } from "./settings.ts";
import { applyEdits, toEdits, toSecret } from "./text.ts";

export interface CleanedBlob {
  readonly base64: string;
  readonly findings: readonly TextFinding[];
}

/** As many characters as tell text from an image: each image format has a NUL or no UTF-8 in there. */
const SNIFFED = 4096;

/**
 * Without the secrets inside it; undefined where it is no base64. Bytes outside the secrets stay as
 * they are, hidden characters too: a blob is a file.
 */
export function cleanBlob(
  base64: string,
  settings: SanitizeSettings,
  budget: Budget,
): CleanedBlob | undefined {
  budget.spend(16 * base64.length);
  const bytes = toBytes(base64);
  if (bytes === undefined) return undefined;
  if (seeksNothing(settings)) return { base64, findings: [] };
  const text = toUtf8(bytes);
  const inside = text ?? fromBytes(bytes);
  const findings = findSecrets(inside, settings, budget).map(toSecret);
  const edits = toEdits(inside, findings, settings);
  if (edits.length === 0) return { base64, findings };
  const cleaned = applyEdits(inside, edits);
  return { base64: btoa(text === undefined ? cleaned : fromUtf8(cleaned)), findings };
}

/** Whether the base64 is of something that is not text, such as an image or a sound. */
export function isBinary(base64: string): boolean {
  const head = toBytes(base64.slice(0, SNIFFED));
  if (head === undefined) return false;
  if (head.some((byte) => byte < 9 || (byte > 13 && byte < 27))) return true;
  // The last character may have been cut in its middle.
  return toUtf8(head) === undefined && !(head.length > 8 && isCutUtf8(head));
}

function isCutUtf8(bytes: Uint8Array): boolean {
  return [1, 2, 3].some((cut) => toUtf8(bytes.subarray(0, -cut)) !== undefined);
}

function toUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function fromUtf8(text: string): string {
  return fromBytes(new TextEncoder().encode(text));
}
