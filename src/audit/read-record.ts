/** Reads a line of an audit file again, exactly as it was written. */
import type { Crypto } from "../core/index.ts";
import {
  at,
  exactNumber,
  isObject,
  type JsonObject,
  member,
  parseJson,
  removals,
  splice,
  stringOf,
  textOf,
} from "../mcp/index.ts";
import { type ChainEnd, personalText, type RecordMember } from "./chain.ts";

export interface RecordLine extends ChainEnd {
  readonly prev: string;
  readonly json: JsonObject;
  readonly line: string;
}
/** "cut": the start of a record whose end is missing, as a crash leaves it. */
export type LineFault = "cut" | "unreadable" | "foreign";

const digest = /^[0-9a-f]{64}$/;
/** A line of full length, its last characters whatever they are. */
const wholeEnd = /,"prev":"[0-9a-f]{64}","hash":".{66}$/s;
/** A record's values may be as deep as a client's message, and stand two levels deeper. */
const limits = { maxDepth: 1_000 };

export function readRecord(line: string): RecordLine | LineFault {
  const result = parseJson(line, limits);
  if (!result.ok) return isCut(line) ? "cut" : "unreadable";
  const { json } = result;
  if (!isObject(json)) return "foreign";
  const seq = exactNumber(member(json, "seq"));
  const prev = stringOf(member(json, "prev"));
  const hash = stringOf(member(json, "hash"));
  if (seq === undefined || !Number.isSafeInteger(seq) || seq < 1) return "foreign";
  if (prev === undefined || !digest.test(prev)) return "foreign";
  if (hash === undefined || !digest.test(hash)) return "foreign";
  return { seq, hash, prev, json, line };
}

export type RecordState = "whole" | "forgotten" | "changed" | "personal-changed";

/** Does the record still say what it said when it was written? */
export function checkRecord(record: RecordLine, crypto: Pick<Crypto, "sha256">): RecordState {
  const { json, line, hash } = record;
  const parts = personalParts(json);
  const edits = removals(json, (key) => uncovered.has(key));
  for (const name of ["args", "result"]) {
    const value = member(json, name);
    if (isObject(value)) edits.push(...removals(value, (key) => key === "value"));
  }
  const approval = member(json, "approval");
  if (isObject(approval)) edits.push(...removals(approval, (key) => key === "by"));
  const covered = splice(json, edits);
  if (crypto.sha256(covered) !== hash) return "changed";
  // White space or another spelling in what was taken out shows in the length alone.
  const takenOut = [{ key: "hash", text: `"${hash}"` }, ...parts];
  const length = takenOut.reduce((sum, { key, text }) => sum + key.length + text.length + 4, 0);
  // "result" stands for the key "value" within `result`.
  const renamed = parts.some(({ key }) => key === "result") ? 1 : 0;
  if (covered.length + length - renamed !== line.length) return "changed";

  const personal = stringOf(member(json, "personal"));
  if (personal === undefined) return parts.length === 0 ? "whole" : "personal-changed";
  if (parts.length === 0) return "forgotten";
  return crypto.sha256(personalText(parts)) === personal ? "whole" : "personal-changed";
}

const uncovered = new Set(["subject", "address", "salt", "hash"]);

/** What names a person, in the order in which its digest was made. */
function personalParts(json: JsonObject): RecordMember[] {
  const places = [
    ["salt", member(json, "salt")],
    ["subject", member(json, "subject")],
    ["address", member(json, "address")],
    ["value", at(json, "args", "value")],
    ["result", at(json, "result", "value")],
    ["by", at(json, "approval", "by")],
  ] as const;
  return places.flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, text: textOf(value) }],
  );
}

/**
 * Is this the start of a record and no changed one? JSON that was cut has its fault where it ends.
 * A change of its last quotes or brace shows there too, but then nothing is missing.
 */
function isCut(line: string): boolean {
  const text = withoutFill(line);
  // What a crash leaves has a character at least, be it a zero.
  if (text === "") return line !== "";
  if (!text.startsWith('{"v":'.slice(0, text.length))) return false;
  if (wholeEnd.test(text) || wholeEnd.test(line)) return false;
  const result = parseJson(text, limits);
  if (result.ok || result.fault !== "syntax") return false;
  const rest = text.slice(result.at);
  if (rest === "") return true;
  const isWord = ["true", "false", "null"].some((word) => word.startsWith(rest));
  // Behind a whole record there is no value that could be cut.
  return isWord && !parseJson(text.slice(0, result.at), limits).ok;
}

/** Does a line that was cut short agree with the record that was due there, as far as it goes? */
export function isStartOf(line: string, seq: number): boolean {
  const text = withoutFill(line);
  const start = `{"v":1,"seq":${seq},`;
  return text.startsWith(start) || start.startsWith(text);
}

/** After a power failure some file systems leave zeros where the text was not written yet. */
function withoutFill(line: string): string {
  return line.replace(/[\0\r]+$/, "");
}
