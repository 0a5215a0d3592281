/** The chain of one file: where it ends, and how a record is joined to it. */
import type { Crypto } from "../core/index.ts";

/** The last record of a file, which the next one names. */
export interface ChainEnd {
  /** 0 where the file has no record yet. */
  readonly seq: number;
  readonly hash: string;
}
export const emptyChain: ChainEnd = { seq: 0, hash: "0".repeat(64) };

/** A record as the file holds it, without its line break. */
export interface SealedLine extends ChainEnd {
  readonly text: string;
}
/** Gives a record its place: the next number and the hash of the one before. */
export type Seal = (previous: ChainEnd) => SealedLine;

/** One member of a record, as JSON text. */
export interface RecordMember {
  readonly key: string;
  readonly text: string;
  /** What the chain covers of it, where that is less; undefined: nothing. */
  readonly covered?: { readonly text: string | undefined };
}

/**
 * Writes the record twice: as it is shown, and as the chain covers it, without what names a
 * person. Of that the chain covers only a salted digest, so that it can be blanked later.
 */
export function sealRecord(
  members: readonly RecordMember[],
  personal: readonly RecordMember[],
  previous: ChainEnd,
  crypto: Pick<Crypto, "sha256" | "randomBytes">,
): SealedLine {
  const seq = previous.seq + 1;
  let shown = `{"v":1,"seq":${seq}`;
  let covered = shown;
  for (const { key, text, covered: part } of members) {
    shown += `,"${key}":${text}`;
    const kept = part === undefined ? text : part.text;
    if (kept !== undefined) covered += `,"${key}":${kept}`;
  }
  if (personal.length > 0) {
    const salt = `"${toHex(crypto.randomBytes(16))}"`;
    const digest = crypto.sha256(personalText([{ key: "salt", text: salt }, ...personal]));
    shown += `,"salt":${salt},"personal":"${digest}"`;
    covered += `,"personal":"${digest}"`;
  }
  covered += `,"prev":"${previous.hash}"}`;
  const hash = crypto.sha256(covered);
  return { seq, hash, text: `${shown},"prev":"${previous.hash}","hash":"${hash}"}` };
}

/** The text whose SHA-256 is the record's `personal`. */
export function personalText(members: readonly RecordMember[]): string {
  return `{${members.map(({ key, text }) => `"${key}":${text}`).join(",")}}`;
}

export function toHex(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += byte.toString(16).padStart(2, "0");
  return out;
}
