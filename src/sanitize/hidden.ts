/** Characters that a person does not see and a model reads, and terminal sequences. */
import { toCodePoint } from "../core/index.ts";

import { type Budget, costs } from "./budget.ts";
import type { TextFinding } from "./finding.ts";
import { joins } from "./joiners.ts";

/** Code units, first and last; what each range is for. */
const stripped: readonly (readonly [first: number, last: number])[] = [
  // C0 but for tab, line feed and carriage return; DEL and C1
  [0x00, 0x08],
  [0x0b, 0x0c],
  [0x0e, 0x1f],
  [0x7f, 0x9f],
  // Soft hyphen
  [0xad, 0xad],
  // Zero width space, non-joiner, joiner
  [0x200b, 0x200d],
  // Bidirectional embeddings and overrides
  [0x202a, 0x202e],
  // Word joiner, invisible operators, bidirectional isolates, deprecated format characters
  [0x2060, 0x2064],
  [0x2066, 0x206f],
  // Byte-order mark, interlinear annotation
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
];

/** Seen by nobody either, but with uses of their own; only matching looks through them. */
const ignored: readonly (readonly [first: number, last: number])[] = [
  [0x034f, 0x034f],
  [0x061c, 0x061c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200e, 0x200f],
  [0x2065, 0x2065],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xffa0, 0xffa0],
];

const ESC = String.raw`\u001b`;
const CSI = String.raw`[0-?]*[ -/]*[@-~]`;
/** ECMA-48: CSI, the strings OSC, DCS, SOS, PM and APC, then every other escape, then ESC alone. */
const sequences = [
  `(?:${ESC}\\[|\\u009b)${CSI}`,
  `(?:${ESC}[\\]PX^_]|[\\u0090\\u0098\\u009d-\\u009f])[^\\u0007\\u001b\\u0090\\u0098\\u009c-\\u009f]*(?:\\u0007|${ESC}\\\\|\\u009c)`,
  `${ESC}[ -/]+[0-~]`,
  `${ESC}[0-Z\\\\^-~]`,
];
/** Tags (U+E0000 to U+E007F) and the supplement of the variation selectors (U+E0100 to U+E01EF). */
const planeFourteen =
  // A half by itself too: it would become one where what stands between it and the rest is taken out
  String.raw`\udb40(?:[\udc00-\udc7f\udd00-\uddef]|(?![\udc00-\udfff]))`;

const RETURN = 0x0d;
const LINE_FEED = 0x0a;

/** One hidden sequence, or half of a pair, where a single unit does not tell. */
export const unseenSequence = new RegExp([...sequences, planeFourteen].join("|"), "y");
/** What each code unit may begin. */
export const SEEN = 0;
export const IGNORED = 1;
export const STRIPPED = 2;
export const JOINER = 3;
/** A sequence where `unseenSequence` matches; alone, it is itself stripped but for U+DB40. */
export const OPENER = 4;
export const unseen = new Uint8Array(0x10000);
for (const [first, last] of ignored) unseen.fill(IGNORED, first, last + 1);
for (const [first, last] of stripped) unseen.fill(STRIPPED, first, last + 1);
unseen.fill(JOINER, 0x200c, 0x200e);
// Seen where it ends a line, so that a text with one is not yet unusual
unseen[RETURN] = STRIPPED;
for (const unit of [0x1b, 0x90, 0x98, 0x9b, 0x9d, 0x9e, 0x9f, 0xdb40]) unseen[unit] = OPENER;
/** The inside of a class of the same, tags and sequences by their first code unit. */
export const unseenUnits = toUnits([...stripped, ...ignored]);

/**
 * Hidden characters and sequences in order, neighbours as one span. Joiners that shape a script or
 * an emoji are not hidden.
 */
export function findHidden(text: string, budget: Budget): TextFinding[] {
  const findings: TextFinding[] = [];
  let start = 0;
  let end = 0;
  let count = 0;
  const close = () => {
    if (count > 0) findings.push({ start, end, kind: "hidden-character", group: "hidden", count });
  };
  budget.spend(2 * text.length);
  for (let at = 0; at < text.length; at++) {
    const kind = unseen[text.charCodeAt(at)]!;
    if (kind <= IGNORED) continue;
    budget.spend(costs.stretch);
    const length = hiddenLength(text, at, kind);
    if (length === 0) continue;
    if (at !== end || count === 0) {
      close();
      start = at;
      count = 0;
    }
    count++;
    end = at + length;
    at = end - 1;
  }
  close();
  return findings;
}

function hiddenLength(text: string, at: number, kind: number): number {
  if (kind === STRIPPED) return endsLine(text, at) ? 0 : 1;
  return kind === JOINER ? (joins(text, at) ? 0 : 1) : sequenceLength(text, at);
}

/**
 * A carriage return before a line feed. By itself it takes a terminal back to the start of the line,
 * where what comes next covers what was shown before it.
 */
export function endsLine(text: string, at: number): boolean {
  return text.charCodeAt(at) === RETURN && text.charCodeAt(at + 1) === LINE_FEED;
}

/** Of the sequence at an opener; 0 where it is the half of a pair that is seen. */
export function sequenceLength(text: string, at: number): number {
  unseenSequence.lastIndex = at;
  if (unseenSequence.test(text)) return unseenSequence.lastIndex - at;
  return text.charCodeAt(at) === 0xdb40 ? 0 : 1;
}

/** `<U+E0041>` for each character of a hidden span that is itself unseen; the others as they are. */
export function toVisible(hidden: string): string {
  let out = "";
  for (const character of hidden) {
    const code = character.codePointAt(0) ?? 0;
    const seen = hidden.length > character.length && code >= 0x20 && code < 0x7f;
    out += seen ? character : toCodePoint(character);
  }
  return out;
}

function toUnits(ranges: readonly (readonly [number, number])[]): string {
  const unit = (code: number) => `\\u${code.toString(16).padStart(4, "0")}`;
  return ranges.map(([first, last]) => `${unit(first)}-${unit(last)}`).join("");
}
