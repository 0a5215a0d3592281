/** Looks for known values, as they are and encoded: all of them in one pass over a text. */
import { fromBytes } from "./base64.ts";
import { type Budget, costs } from "./budget.ts";
import { type Finding, configured } from "./finding.ts";
import { isRunCode } from "./runs.ts";
import { toView } from "./view.ts";

/** Holds the values it looks for where no log and no inspection can see them. */
export interface Literals {
  /** Every place, in order of where it begins; places may overlap. Linear in the length of the text. */
  readonly find: (text: string, budget: Budget) => Finding[];
}

/** A shorter value is also an ordinary word or number, and to take it out would destroy data. */
const MIN_LENGTH = 8;

interface Needle {
  readonly text: string;
  /** Base64 shares letters with what stands beside it, so that the whole word goes. */
  readonly inRun: boolean;
}

/** Undefined where no value is long enough to be looked for. */
export function createLiterals(values: readonly string[]): Literals | undefined {
  const needles = new Map<string, Needle>();
  for (const value of new Set(values)) {
    if (value.length < MIN_LENGTH) continue;
    for (const text of spellings(value)) needles.set(text, { text, inRun: false });
    for (const text of base64Forms(value)) {
      if (!needles.has(text)) needles.set(text, { text, inRun: true });
    }
  }
  return needles.size === 0 ? undefined : { find: createFinder([...needles.values()]) };
}

/** The value as JSON, URLs, forms and hex dumps spell it. */
function spellings(value: string): readonly string[] {
  const inJson = toJson(value);
  const inUrl = encodeURIComponent(value.toWellFormed());
  const lower = inUrl.replaceAll(/%../g, (escape) => escape.toLowerCase());
  const hex = Array.from(utf8.encode(value), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const unlimited: Budget = { spend: () => undefined };
  const viewed = toView(value, true, unlimited)?.text ?? "";
  const all = [
    value,
    inJson,
    inJson.replaceAll("/", "\\/"),
    toJson(inJson),
    inUrl,
    inUrl.replaceAll("%20", "+"),
    lower,
    lower.replaceAll("%20", "+"),
    hex,
    hex.toUpperCase(),
    viewed,
  ];
  return all.filter((each) => each.length >= MIN_LENGTH);
}

function toJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

const utf8 = new TextEncoder();

/**
 * What base64 makes of the value wherever it stands among other bytes: one form for each of the
 * three alignments, without the letters at the ends that depend on the neighbours; both alphabets.
 */
function base64Forms(value: string): readonly string[] {
  const bytes = fromBytes(utf8.encode(value));
  return [0, 1, 2].flatMap((skip) => {
    const whole = btoa("\0".repeat(skip) + bytes);
    const sure = whole.slice(
      Math.ceil((8 * skip) / 6),
      Math.floor((8 * (skip + bytes.length)) / 6),
    );
    return [sure, sure.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** Units of a block; enough that blocks of ordinary text are seldom those of a needle. */
const BLOCK = 3;
const MAX_SKIP = MIN_LENGTH - BLOCK + 1;
const MASK = 0x3fff;

/**
 * The algorithm of Wu and Manber ("A Fast Algorithm for Multi-Pattern Searching", 1994): from the
 * last block of a window it is known how far the window may move, mostly by its whole length.
 */
function createFinder(needles: readonly Needle[]): Literals["find"] {
  const skips = new Uint8Array(MASK + 1).fill(MAX_SKIP);
  const buckets = new Map<number, Needle[]>();
  for (const needle of needles) {
    for (let end = BLOCK; end <= MIN_LENGTH; end++) {
      const block = blockBefore(needle.text, end);
      skips[block] = Math.min(skips[block]!, MIN_LENGTH - end);
    }
    const last = blockBefore(needle.text, MIN_LENGTH);
    buckets.set(last, [...(buckets.get(last) ?? []), needle]);
  }
  return (text, budget) => {
    const findings: Finding[] = [];
    if (text.length < MIN_LENGTH) return findings;
    budget.spend(text.length);
    /** Where the last word ends that goes as a whole: no part of it has to be looked at again. */
    let covered = 0;
    let end = MIN_LENGTH;
    while (end <= text.length) {
      const block = blockBefore(text, end);
      const skip = skips[block]!;
      if (skip > 0) {
        end += skip;
        continue;
      }
      budget.spend(costs.literal);
      const start = end - MIN_LENGTH;
      for (const needle of buckets.get(block) ?? []) {
        if (start < covered && needle.inRun) continue;
        if (!text.startsWith(needle.text, start)) continue;
        const finding = toFinding(text, start, needle);
        budget.spend(costs.candidate + finding.end - finding.start);
        findings.push(finding);
        if (needle.inRun) covered = finding.end;
      }
      end++;
    }
    return findings;
  };
}

function blockBefore(text: string, end: number): number {
  const block =
    (text.charCodeAt(end - 3) << 7) ^ (text.charCodeAt(end - 2) << 4) ^ text.charCodeAt(end - 1);
  return block & MASK;
}

function toFinding(text: string, at: number, { text: needle, inRun }: Needle): Finding {
  let start = at;
  let end = at + needle.length;
  if (inRun) {
    while (start > 0 && isRunCode(text.charCodeAt(start - 1))) start--;
    while (end < text.length && isRunCode(text.charCodeAt(end))) end++;
    while (text[end] === "=") end++;
  }
  return { start, end, kind: configured };
}
