/**
 * Takes the operator's own words out of what passes, or refuses what holds them: project names,
 * customers, numbers of a known shape.
 *
 * Words are compared as people read them: without regard to case, to what nobody sees (soft hyphens,
 * zero-width characters, terminal sequences), and to other forms of the same letters (ﬁ and fi, Ａ and A).
 */
import { type Span, allow, definePlugin, deny, redact } from "mcp-gw/plugin";

export interface Config {
  /** Found as whole words; white space stands for any white space. */
  terms?: string[];
  /** Found inside of words, too. */
  parts?: string[];
  /**
   * Shapes: `#` is a digit, `@` a letter, `*` up to 64 characters without white space, `\` takes the
   * next character as it is. Found as whole words.
   */
  patterns?: string[];
  /** Phrases in which nothing is found. */
  except?: string[];
  /** "redact" by default. */
  action?: "redact" | "deny";
  /** What stands in the place of what was found; "[removed]" by default. */
  replacement?: string;
  /** What a refusal tells the client. */
  reason?: string;
  /** Both by default. */
  directions?: ("to_client" | "to_server")[];
  /** Whether forms that NFKC makes one are one; true by default. With false it is NFC. */
  compatibility?: boolean;
}

const phrases = (most: number) => ({
  type: "array",
  maxItems: most,
  items: { type: "string", minLength: 1, maxLength: 100 },
});

export default definePlugin<Config>({
  name: "dlp-terms",
  version: "1.0.0",
  apiVersion: 1,
  configSchema: {
    type: "object",
    additionalProperties: false,
    properties: {
      terms: phrases(2000),
      parts: phrases(2000),
      patterns: phrases(100),
      except: phrases(500),
      action: { enum: ["redact", "deny"] },
      replacement: { type: "string", maxLength: 100 },
      reason: { type: "string", minLength: 1, maxLength: 200 },
      directions: { type: "array", minItems: 1, items: { enum: ["to_client", "to_server"] } },
      compatibility: { type: "boolean" },
    },
  },

  setup(config) {
    prepare(config);
  },

  onText(text, { config, direction }) {
    const { action = "redact", replacement = "[removed]", directions } = config;
    if (directions !== undefined && !directions.includes(direction)) return allow();
    const isPlain = isPlainText(text);
    if (isPlain && sieve?.every((pair) => text.split(pair, 2).length === 1)) return allow();
    const hits = find(isPlain ? text.toLowerCase() : fold(text));
    if (hits.length === 0) return allow();
    if (action === "deny") return deny(config.reason ?? "Holds words that may not pass here");
    const found = isPlain ? hits : toSource(text, hits);
    return redact(
      found.map(({ start, end }): Span => [start, end, replacement]),
      { found: String(found.length) },
    );
  },
});

// What is looked for: made once by `setup`, so that each call begins with it.

/** Where something is, in UTF-16 units. */
interface Hit {
  start: number;
  end: number;
}
interface Finder {
  readonly pattern: RegExp;
  readonly before: Before;
}
/** What may stand before a hit: no letter, anything, or all up to white space is part of it. */
type Before = "edge" | "any" | "reach";
/** An expression, and what may not stand on either side of it. */
interface Source {
  readonly source: string;
  readonly lead: string;
  readonly tail: string;
  readonly before: Before;
}

let form: "NFKD" | "NFD" = "NFKD";
let finders: readonly Finder[] = [];
let exceptions: RegExp | undefined;
/** Plain text with none of these pairs holds nothing that is looked for. */
let sieve: readonly string[] | undefined;

const reach = 64;
/** Writing without spaces, where every place may be the border of a word. */
const dense = String.raw`[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmr}\p{sc=Mymr}]`;
/** A letter, mark or digit that joins with the one beside it. The cheap question comes first. */
const joining = String.raw`(?:[a-z0-9]|(?=\P{ASCII})(?!${dense})[\p{L}\p{M}\p{N}])`;
/** The rest of a character that was taken apart: é is no e, and 각 is no 가. */
const rest = String.raw`[\p{M}\u1160-\u11ff]`;
const joinsFirst = new RegExp(`^${joining}`, "u");
const joinsLast = new RegExp(`${joining}$`, "u");

/** Seen by the engine at once, so that it looks no further; other letters are looked at when something was found. */
const noLetterBefore = "(?<![a-z0-9])";

function prepare({ terms = [], parts = [], patterns = [], except = [], ...config }: Config): void {
  form = config.compatibility === false ? "NFD" : "NFKD";
  const words = terms.map(toFolded);
  const inner = parts.map(toFolded);
  const masks = patterns.map(toMask);
  finders = [
    ...toFinders([...toSources(words, "edge"), ...toSources(inner, "any")]),
    // Of two that begin at the same place the longer one has to be tried first.
    ...toFinders(masks.sort((a, b) => b.length - a.length)),
  ];
  exceptions = toFinders(toSources(except.map(toFolded), "any"))[0]?.pattern;
  sieve = toSieve([...words, ...inner, ...masks.map(({ literal }) => literal)]);
}

function toSources(words: readonly string[], before: Before): Source[] {
  const groups = new Map<string, { lead: string; tail: string; words: string[] }>();
  for (const word of words) {
    const isEdge = before === "edge";
    const lead = isEdge && /^[a-z0-9]/.test(word) ? noLetterBefore : "";
    // After "c++" anything may stand.
    const tail = isEdge && joinsLast.test(word) ? `(?!${joining})` : `(?!${rest})`;
    const group = groups.get(lead + tail) ?? { lead, tail, words: [] };
    groups.set(lead + tail, group);
    group.words.push(word);
  }
  return [...groups.values()].map((group) => ({ ...group, before, source: toTrie(group.words) }));
}

/** One for all that begin and end alike: the tables of letters are large. */
function toFinders(sources: readonly Source[]): Finder[] {
  const groups = new Map<string, Source[]>();
  for (const one of sources) {
    const key = one.before + one.lead + one.tail;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const all = group.map(({ source }) => source).join("|");
    const pattern = new RegExp(`${first.lead}(?:${all})${first.tail}`, "gu");
    return [{ pattern, before: first.before }];
  });
}

function toFolded(term: string): string {
  const folded = fold(term).trim();
  if (folded === "") throw new Error(`${JSON.stringify(term)} has nothing to look for`);
  return folded;
}

interface Branch {
  readonly next: Map<string, Branch>;
  isEnd: boolean;
}

/**
 * All terms as one expression in which no two branches begin alike, so that at each place of a text
 * one way at most is followed, and how many terms there are hardly counts.
 */
function toTrie(words: readonly string[]): string {
  const root: Branch = { next: new Map(), isEnd: false };
  for (const word of words) {
    let branch = root;
    for (const token of word.match(/\s+|\S/gu) ?? []) {
      const part = token.trim() === "" ? String.raw`\s{1,16}` : escape(token);
      const known = branch.next.get(part) ?? { next: new Map<string, Branch>(), isEnd: false };
      branch.next.set(part, known);
      branch = known;
    }
    branch.isEnd = true;
  }
  return toSourceOf(root);
}

/** The longest term comes first. */
function toSourceOf(from: Branch): string {
  let source = "";
  let branch = from;
  while (!branch.isEnd && branch.next.size === 1) {
    for (const [token, next] of branch.next) {
      source += token;
      branch = next;
    }
  }
  const ways: string[] = [];
  for (const [token, next] of branch.next) ways.push(token + toSourceOf(next));
  if (branch.isEnd) ways.push("");
  return ways.length === 1 ? source + ways[0] : `${source}(?:${ways.join("|")})`;
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`);
}

interface Mask extends Source {
  readonly length: number;
  /** The longest run of it that stands in the text as it is. */
  readonly literal: string;
}

const run = String.raw`[^\s\u001e]{0,${reach}}`;

/**
 * An expression with no loop but `*`, and that one bounded: what an operator writes cannot be made to
 * backtrack by what a server sends.
 */
function toMask(pattern: string): Mask {
  const parts = pattern.match(/\\.|[^]/gu) ?? [];
  const reaches = parts[0] === "*";
  const ends = parts.length > 1 && parts.at(-1) === "*";
  const inner = parts.slice(reaches ? 1 : 0, ends ? -1 : undefined);
  const isFilled = inner.some(
    (part) => part !== "*" && (shapes.has(part) || literalOf(part) !== ""),
  );
  if (!isFilled || inner.filter((part) => part === "*").length > 1) {
    const what = `The pattern ${JSON.stringify(pattern)} needs something beside "*"`;
    throw new Error(`${what}, and at most one "*" between its ends`);
  }
  const literals = [""];
  let source = "";
  for (const part of inner) {
    const shape = shapes.get(part);
    if (shape === undefined) {
      const folded = literalOf(part);
      source += escape(folded).replaceAll(/\s/g, String.raw`\s`);
      literals[literals.length - 1] += folded;
    } else {
      source += shape;
      literals.push("");
    }
  }
  const isWordly = (part = ""): boolean => shapes.has(part) || joinsLast.test(literalOf(part));
  return {
    source: ends ? source + run : source,
    lead:
      !reaches && isWordly(inner[0]) && !/^\P{ASCII}/u.test(inner[0] ?? "") ? noLetterBefore : "",
    tail: !ends && isWordly(inner.at(-1)) ? `(?!${joining})` : "",
    before: reaches ? "reach" : "edge",
    length: parts.length + (ends || inner.includes("*") ? reach : 0),
    literal: literals.reduce((best, next) => (next.length > best.length ? next : best)),
  };
}

/** Of what is no shape. */
function literalOf(part: string): string {
  return fold(part.length > 1 && part.startsWith("\\") ? part.slice(1) : part);
}

const shapes = new Map([
  ["#", String.raw`\p{Nd}`],
  ["@", String.raw`\p{L}\p{M}{0,2}`],
  ["*", `${run}?`],
]);

const commonFirst = "etaoinsrhldcumfpgwybvkxjqz";
const maxPairs = 12;

/**
 * For a few terms: of each the rarest two characters, in all their cases. To see that none of them is
 * there takes a tenth of the time of looking for the terms themselves.
 */
function toSieve(needles: readonly string[]): readonly string[] | undefined {
  const pairs = new Set<string>();
  for (const needle of needles) {
    // Text that is plain cannot hold it.
    if (/[^\u0020-\u007e]/.test(needle.replaceAll(/\s/g, " "))) continue;
    const rarest = toRarestPair(needle);
    if (rarest === undefined) return undefined;
    const [a = "", b = ""] = rarest;
    for (const first of [a, a.toUpperCase()])
      for (const second of [b, b.toUpperCase()]) pairs.add(first + second);
    if (pairs.size > maxPairs) return undefined;
  }
  return [...pairs];
}

function toRarestPair(needle: string): string | undefined {
  const rarity = (at: number): number => {
    const place = commonFirst.indexOf(needle[at] ?? "");
    return place === -1 ? commonFirst.length : place;
  };
  let best: string | undefined;
  let most = -1;
  for (let at = 0; at + 1 < needle.length; at++) {
    const pair = needle.slice(at, at + 2);
    const score = rarity(at) + rarity(at + 1);
    if (score <= most || /\s/.test(pair)) continue;
    best = pair;
    most = score;
  }
  return best;
}

// Looking for it in one text.

/** In order, none over another; in units of the folded text. */
function find(folded: string): Hit[] {
  const lists = finders.map((finder) => findBy(finder, folded)).filter((list) => list.length > 0);
  const [first = []] = lists;
  // Sorting costs as much as finding does.
  const hits = lists.length < 2 ? first : lists.flat().sort((a, b) => a.start - b.start);
  if (exceptions === undefined || hits.length === 0) return merge(hits);
  return merge(without(hits, merge(findAll(exceptions, folded))));
}

function findBy({ pattern, before }: Finder, folded: string): Hit[] {
  const hits = findAll(pattern, folded);
  if (before === "any") return hits;
  if (before === "edge") return hits.filter(({ start }) => !isJoined(folded, start));
  const reaching = hits.map(({ start, end }) => ({ start: reachBack(folded, start), end }));
  return reaching.sort((a, b) => a.start - b.start);
}

/** Also those that begin inside of another. */
function findAll(pattern: RegExp, folded: string): Hit[] {
  const hits: Hit[] = [];
  pattern.lastIndex = 0;
  for (let match = pattern.exec(folded); match !== null; match = pattern.exec(folded)) {
    const start = match.index;
    hits.push({ start, end: start + match[0].length });
    pattern.lastIndex = start + ((folded.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
  }
  return hits;
}

/** Whether a hit begins in the middle of a word. */
function isJoined(folded: string, start: number): boolean {
  const last = folded.slice(Math.max(0, start - 2), start);
  // Beside the ASCII that there is in most texts nothing joins but what the pattern has looked at.
  if (start === 0 || /[ -/:-@[-`{-~\s]$/.test(last)) return false;
  return joinsLast.test(last) && joinsFirst.test(folded.slice(start, start + 2));
}

const edge = new RegExp(String.raw`[\s\u001e]`);

function reachBack(folded: string, from: number): number {
  let start = from;
  while (start > 0 && from - start < reach && !edge.test(folded[start - 1] ?? "")) start--;
  return start;
}

/** The hits that lie in none of the phrases; both in order, the phrases apart from each other. */
function without(hits: readonly Hit[], phrases: readonly Hit[]): Hit[] {
  let at = 0;
  return hits.filter(({ start, end }) => {
    while (at + 1 < phrases.length && (phrases[at + 1]?.start ?? 0) <= start) at++;
    const phrase = phrases[at];
    return phrase === undefined || phrase.start > start || phrase.end < end;
  });
}

/** Takes them in order. */
function merge(hits: readonly Hit[]): Hit[] {
  const merged: Hit[] = [];
  for (const { start, end } of hits) {
    const last = merged.at(-1);
    if (last !== undefined && start < last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

// Folding, and the way back.

/** C0 and C1 but for white space and the border of leaves, and what Unicode says is not to be shown. */
const hidden = String.raw`\u0000-\u0008\u000b\u000c\u000e-\u001d\u001f\u007f-\u009f\ufff9-\ufffb\p{DI}`;
/**
 * What nobody sees, terminal sequences too. The gateway takes most of it out behind the plugins, so
 * that a word in which it stood would come together again.
 */
const unseen = new RegExp(
  String.raw`\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)|[ -/]*[0-~])|[${hidden}]+`,
  "gu",
);
const isSeen = toRun(`[^${hidden}]`);
const isPlainText = toRun(String.raw`[\t\n\r\u001e-\u007e]`);

/** Whether all of a text is of one class: in runs of 64, which takes the engine a third of a loop's time. */
function toRun(kind: string): (text: string) => boolean {
  const pattern = new RegExp(`(?:${kind.repeat(64)})*${kind}*`, "uy");
  return (text) => {
    pattern.lastIndex = 0;
    return pattern.test(text) && pattern.lastIndex === text.length;
  };
}

function withoutUnseen(text: string): string {
  return isSeen(text) ? text : text.replace(unseen, "");
}

/** Decomposed, since two texts are the same in NFKC exactly where they are in NFKD, which is made in parts. */
function fold(text: string): string {
  const bare = withoutUnseen(text);
  let folded = "";
  for (let at = 0; at < bare.length;) {
    const end = toWhole(bare, at + atOnce);
    folded += foldPart(bare.slice(at, end));
    at = end;
  }
  return folded;
}

/** The normal form of a whole message takes many times its memory. */
const atOnce = 16_384;

/** By way of the upper case, in which ſ is S. */
function foldPart(text: string): string {
  const lower = text.normalize(form).toUpperCase().toLowerCase();
  return lower.replaceAll("ς", "σ").replaceAll("ß", "ss");
}

/** From places in the folded text to those of the text that it came of. */
function toSource(text: string, hits: readonly Hit[]): Hit[] {
  const seen = withoutUnseen(text);
  const cuts = seen.length === text.length ? [] : [...text.matchAll(unseen)];
  const walk = createWalk(seen);
  let next = 0;
  let cut = 0;
  /** What was cut out before a place stands before it in the text, too. */
  const toText = (at: number): number => {
    for (; next < cuts.length; next++) {
      const { index = 0, 0: gone } = cuts[next]!;
      if (index - cut > at) break;
      cut += gone.length;
    }
    return at + cut;
  };
  return hits.map(({ start, end }) => {
    const from = toText(walk(start).start);
    // The last character of it, and not what is unseen behind.
    const last = walk(end - 1);
    return { start: from, end: toText(last.start) + last.end - last.start };
  });
}

/** Finds the character that a unit of the folded text came of; to be asked in order. */
function createWalk(seen: string): (unit: number) => Hit {
  let at = 0;
  let folded = 0;
  return (unit) => {
    const gap = unit - folded;
    if (isPlainText(seen.slice(at, at + gap + 1))) {
      at += gap;
      folded = unit;
      return { start: at, end: at + 1 };
    }
    let isPast = false;
    for (let size = 16; ;) {
      const end = toWhole(seen, at + size);
      const length = foldPart(seen.slice(at, end)).length;
      if (folded + length <= unit && end < seen.length) {
        at = end;
        folded += length;
        if (!isPast) size *= 2;
      } else {
        isPast = true;
        if (size === 1) return { start: at, end };
      }
      if (isPast) size = Math.max(1, size >> 1);
    }
  };
}

/** Not between the halves of one character. */
function toWhole(text: string, at: number): number {
  const isInside = at < text.length && (text.codePointAt(at - 1) ?? 0) > 0xffff;
  return Math.min(isInside ? at + 1 : at, text.length);
}
