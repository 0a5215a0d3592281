/** A text as a reader who decodes it sees it, with the way back to the original. */
import { type Budget, costs } from "./budget.ts";
import { OPENER, SEEN, endsLine, sequenceLength, unseen, unseenUnits } from "./hidden.ts";

export interface View {
  readonly text: string;
  /**
   * What reads otherwise, four numbers each: start, end, and the same in the view. Everything
   * between stretches is as in the original.
   */
  readonly stretches: readonly number[];
}

const PERCENT = 37;
const AMPERSAND = 38;
const BACKSLASH = 92;
const encoded =
  /%[0-9A-Fa-f]{2}|&(?:#\d{1,8}|#[xX][0-9A-Fa-f]{1,8}|[A-Za-z]{2,8});|\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[nrt"'\\/])/y;

const ENCODED = 1;
const UNSEEN = 2;
const SEQUENCE = 3;
const COMPATIBLE = 4;
const HALF = 5;
/** What each code unit may begin. */
const begins = new Uint8Array(0x10000);
for (let unit = 0; unit < begins.length; unit++) {
  if (unseen[unit] !== SEEN) begins[unit] = unseen[unit] === OPENER ? SEQUENCE : UNSEEN;
}
for (const unit of [PERCENT, AMPERSAND, BACKSLASH]) begins[unit] = ENCODED;
/** Letters with a compatibility form in ASCII: fullwidth, superscript, enclosed… */
for (const [first, last] of [
  [0xaa, 0xaa],
  [0xb2, 0xb3],
  [0xb9, 0xba],
  [0x17f, 0x17f],
  [0x2b0, 0x2b8],
  [0x1d2c, 0x1d6a],
  [0x2070, 0x209c],
  [0x2100, 0x217f],
  [0x2460, 0x24ff],
  [0xfb00, 0xfb06],
  [0xfe50, 0xfe6b],
  [0xff01, 0xff5e],
] as const) {
  begins.fill(COMPATIBLE, first, last + 1);
}
/** Mathematical and enclosed letters are pairs. */
begins[0xd835] = HALF;
begins[0xd83c] = HALF;

const beyondAscii = /[^\t\n\r -~]/;
/** One class, so that text in other scripts costs one test per character. */
const anyUnusual = new RegExp(
  `[${unseenUnits}\\udb40\\ud835\\ud83c\\u00aa\\u00b2\\u00b3\\u00b9\\u00ba\\u017f\\u02b0-\\u02b8` +
    "\\u1d2c-\\u1d6a\\u2070-\\u209c\\u2100-\\u217f\\u2460-\\u24ff\\ufb00-\\ufb06\\ufe50-\\ufe6b" +
    // Without the comma, colon, brackets and marks of every Chinese or Japanese text
    "\\uff02-\\uff07\\uff0a\\uff0b\\uff0d-\\uff19\\uff1c-\\uff1e\\uff20-\\uff5e]",
);
const loneReturn = /\r(?!\n)/;
const colonAfterName = /[A-Za-z]["'`]?\uff1a/;

const entities: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
  ["nbsp", " "],
  ["Tab", "\t"],
  ["NewLine", "\n"],
  ["lowbar", "_"],
  ["hyphen", "-"],
  ["dash", "-"],
  ["period", "."],
  ["colon", ":"],
  ["equals", "="],
  ["sol", "/"],
  ["plus", "+"],
  ["commat", "@"],
  ["shy", ""],
  ["zwj", ""],
  ["zwnj", ""],
]);

/**
 * Takes off what may stand between and around the letters of a secret: hidden characters, terminal
 * sequences, fullwidth letters (NFKC), percent-encoding, HTML entities and backslash escapes, one
 * level of each. Undefined where the text has none of them. `isUnusual` is `hasUnusual(text)`.
 */
export function toView(text: string, isUnusual: boolean, budget: Budget): View | undefined {
  if (!isUnusual && !text.includes("%") && !text.includes("&") && !text.includes("\\")) {
    return undefined;
  }
  budget.spend(2 * text.length);
  const stretches: number[] = [];
  const parts: string[] = [];
  let at = 0;
  let viewAt = 0;
  const last = isUnusual ? HALF : ENCODED;
  for (let index = 0; index < text.length; index++) {
    const kind = begins[text.charCodeAt(index)]!;
    if (kind === 0 || kind > last) continue;
    budget.spend(costs.stretch);
    const length = stretchLength(text, index, kind);
    if (length === 0) continue;
    const decoded = decode(text, index, length, kind);
    if (index > at) parts.push(text.slice(at, index));
    const viewStart = viewAt + index - at;
    at = index + length;
    viewAt = viewStart + decoded.length;
    index = at - 1;
    if (decoded !== "") parts.push(decoded);
    else if (isOpenEnded(stretches, at - length, viewStart)) {
      stretches[stretches.length - 3] = at;
      continue;
    }
    stretches.push(at - length, at, viewStart, viewAt);
  }
  if (stretches.length === 0) return undefined;
  parts.push(text.slice(at));
  return { text: parts.join(""), stretches };
}

/** Whether the last stretch ends at `start` and has nothing in the view, so that it can be longer. */
function isOpenEnded(stretches: readonly number[], start: number, viewStart: number): boolean {
  const { length } = stretches;
  return length > 0 && stretches[length - 3] === start && stretches[length - 2] === viewStart;
}

/** 0 where nothing reads otherwise. */
function stretchLength(text: string, at: number, kind: number): number {
  if (kind === UNSEEN) return endsLine(text, at) ? 0 : 1;
  if (kind === COMPATIBLE) return 1;
  if (kind === SEQUENCE) return sequenceLength(text, at);
  if (kind === HALF) return isLetterPair(text, at) ? 2 : 0;
  encoded.lastIndex = at;
  return encoded.test(text) ? encoded.lastIndex - at : 0;
}

function isLetterPair(text: string, at: number): boolean {
  const low = text.charCodeAt(at + 1);
  return text.charCodeAt(at) === 0xd835
    ? low >= 0xdc00 && low <= 0xdfff
    : low >= 0xdd00 && low <= 0xddff;
}

/** Whether a text has characters that are hidden or that only look unlike ASCII. */
export function hasUnusual(text: string): boolean {
  if (text.includes("\r") && loneReturn.test(text)) return true;
  return beyondAscii.test(text) && (anyUnusual.test(text) || colonAfterName.test(text));
}

/** The span of the original that a span of the view was made from. */
export function toOriginal(
  { stretches }: View,
  span: { readonly start: number; readonly end: number },
): { readonly start: number; readonly end: number } {
  return {
    start: originalOf(stretches, span.start, 0),
    end: originalOf(stretches, span.end - 1, 1),
  };
}

/** The first unit of what a unit of the view was made from, or one past the last. */
function originalOf(stretches: readonly number[], at: number, side: 0 | 1): number {
  let low = 0;
  let high = stretches.length / 4;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stretches[4 * middle + 2]! <= at) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return at + side;
  const stretch = 4 * (low - 1);
  const viewEnd = stretches[stretch + 3]!;
  return at < viewEnd ? stretches[stretch + side]! : stretches[stretch + 1]! + at - viewEnd + side;
}

function decode(text: string, at: number, length: number, kind: number): string {
  if (kind === UNSEEN || kind === SEQUENCE) return "";
  if (kind !== ENCODED) return toCompatible(text.slice(at, at + length));
  switch (text.charCodeAt(at)) {
    case PERCENT: {
      const byte = Number.parseInt(text.slice(at + 1, at + 3), 16);
      // The bytes of letters outside ASCII; nothing that is looked for has any.
      return byte < 0x80 ? String.fromCharCode(byte) : "";
    }
    case AMPERSAND: {
      const name = text.slice(at + 1, at + length - 1);
      return decodeEntity(name) ?? text.slice(at, at + length);
    }
    default:
      return decodeEscape(text.slice(at, at + length));
  }
}

/** Normalizing takes its time, and there are few such letters. */
const compatible = new Map<string, string>();

function toCompatible(letter: string): string {
  let decoded = compatible.get(letter);
  if (decoded === undefined) {
    decoded = letter.normalize("NFKC");
    if (decoded === letter) decoded = "";
    compatible.set(letter, decoded);
  }
  return decoded;
}

function decodeEntity(name: string): string | undefined {
  if (name[0] !== "#") return entities.get(name);
  const isHex = name[1] === "x" || name[1] === "X";
  const code = Number.parseInt(name.slice(isHex ? 2 : 1), isHex ? 16 : 10);
  return code > 0x10ffff ? "" : unhidden(String.fromCodePoint(code));
}

function decodeEscape(whole: string): string {
  const letter = whole[1] ?? "";
  if (letter === "u" || letter === "x") {
    return unhidden(String.fromCharCode(Number.parseInt(whole.slice(2), 16)));
  }
  if (letter === "n") return "\n";
  if (letter === "r") return "\r";
  return letter === "t" ? "\t" : letter;
}

/** Characters that were hidden and encoded on top of it. */
function unhidden(character: string): string {
  if (!beyondAscii.test(character)) return character;
  const decoded = character.normalize("NFKC");
  return anyUnusual.test(decoded) ? "" : decoded;
}
