/** Secrets that a text names: `password=…`, `api_key: …`, `"clientSecret": "…"`, `Authorization: …`. */
import { type Budget, costs } from "./budget.ts";
import { type Cursor, createCursor } from "./cursor.ts";
import type { Finding } from "./finding.ts";
import { type SensitiveKey, isPlaceholder, mayEndSensitive, toSensitiveKey } from "./keys.ts";

const EQUALS = 61;
const MAX_KEY = 48;
const MAX_VALUE = 1024;

/** What ends a value that has no quotes. */
const STOP = /[\s"'`,;&|<>(){}[\]\\]/g;
const DIGIT = /\d/g;
/** What an address, a time or an expression has none of. */
const SPECIAL = /[^\w.:/-]/g;

/** Values begin at every sign and may be long, so that each question about them is asked once. */
interface Ahead {
  readonly stop: Cursor;
  readonly digit: Cursor;
  readonly special: Cursor;
}

/** The word before a credential (RFC 9110 section 11.1). */
const SCHEME = /^(?:Bearer|Basic|Token|Digest|ApiKey|Bot) +(?=\S)/i;

/** `strongOnly`: for text that was decoded, where a weak name may be a cursor's own. */
export function findAssignments(text: string, strongOnly: boolean, budget: Budget): Finding[] {
  const findings: Finding[] = [];
  let ahead: Ahead | undefined;
  let colon = text.indexOf(":");
  let equals = text.indexOf("=");
  let done = 0;
  while (colon !== -1 || equals !== -1) {
    const isColon = equals === -1 || (colon !== -1 && colon < equals);
    const at = isColon ? colon : equals;
    budget.spend(costs.sign);
    const key = at >= done ? keyBefore(text, at, budget) : undefined;
    if (key !== undefined && (key.strong || !strongOnly)) {
      budget.spend(costs.candidate);
      ahead ??= lookAhead(text);
      const finding = toFinding(text, at, key, ahead);
      if (finding) {
        findings.push(finding);
        done = finding.end;
      }
    }
    if (isColon) colon = text.indexOf(":", at + 1);
    else equals = text.indexOf("=", at + 1);
  }
  return findings;
}

function lookAhead(text: string): Ahead {
  return {
    stop: createCursor(text, STOP),
    digit: createCursor(text, DIGIT),
    special: createCursor(text, SPECIAL),
  };
}

function toFinding(text: string, at: number, key: SensitiveKey, ahead: Ahead): Finding | undefined {
  const value = valueAfter(text, at, ahead);
  if (value === undefined) return undefined;
  const scheme = schemeAt(text, value.start);
  const start = value.start + scheme;
  const end = scheme > 0 && !value.quoted ? endOfWord(start, ahead) : value.end;
  const tight = text.charCodeAt(at) === EQUALS && value.start - at === 1;
  const form = { quoted: value.quoted, tight: tight || scheme > 0 };
  return isLikely(text, { start, end }, key, form, ahead)
    ? { start, end, kind: key.kind }
    : undefined;
}

function schemeAt(text: string, at: number): number {
  const letter = text.charCodeAt(at) | 32;
  // a, b, d, t
  if (letter !== 97 && letter !== 98 && letter !== 100 && letter !== 116) return 0;
  return SCHEME.exec(text.slice(at, at + 16))?.[0].length ?? 0;
}

/** Back over blanks and quotes to the name before the sign. */
function keyBefore(text: string, at: number, budget: Budget): SensitiveKey | undefined {
  let end = at;
  const least = Math.max(0, at - 4);
  while (end > least && isFiller(text.charCodeAt(end - 1))) end--;
  if (end < 3 || !mayEndSensitive(text, end)) return undefined;
  budget.spend(costs.name);
  let start = end;
  const first = Math.max(0, end - MAX_KEY);
  while (start > first && isKeyCode(text.charCodeAt(start - 1))) start--;
  return toSensitiveKey(text.slice(start, end));
}

function isFiller(code: number): boolean {
  // space, tab, quotes, backtick, backslash, closing bracket of obj["password"]
  return (
    code === 32 ||
    code === 9 ||
    code === 34 ||
    code === 39 ||
    code === 96 ||
    code === 92 ||
    code === 93
  );
}

function isKeyCode(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 45
  );
}

interface Value {
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
}

function valueAfter(text: string, at: number, ahead: Ahead): Value | undefined {
  let start = at + 1;
  const sign = text.charCodeAt(start);
  // `:=` and `=>` assign, `==` and `::` do not
  if (sign === text.charCodeAt(at)) return undefined;
  if (sign === EQUALS || sign === 62) start++;
  const least = start + 4;
  while (start < least && (text.charCodeAt(start) === 32 || text.charCodeAt(start) === 9)) start++;
  const escaped = text.charCodeAt(start) === 92 ? 1 : 0;
  const quote = text.charAt(start + escaped);
  if (quote === '"' || quote === "'" || quote === "`") {
    return quotedValue(text, start + escaped + 1, "\\".repeat(escaped) + quote);
  }
  const end = endOfWord(start, ahead);
  const after = text.charAt(end);
  // A call, an index or a template, not a value
  if (end === start || after === "(" || after === "[" || after === "{") return undefined;
  return { start, end, quoted: false };
}

function quotedValue(text: string, start: number, quote: string): Value | undefined {
  const room = text.slice(start, start + MAX_VALUE + quote.length);
  let length = room.indexOf(quote);
  while (quote.length === 1 && length > 0 && room[length - 1] === "\\") {
    length = room.indexOf(quote, length + 1);
  }
  if (length < 1 || room.lastIndexOf("\n", length) !== -1) return undefined;
  return { start, end: start + length, quoted: true };
}

function endOfWord(start: number, { stop }: Ahead): number {
  return Math.min(stop(start), start + MAX_VALUE);
}

interface Form {
  readonly quoted: boolean;
  /** `key=value` without blanks, as in environments, queries and connection strings. */
  readonly tight: boolean;
}

/** Whether a value is more likely a secret than a word, a label, a type or an expression. */
function isLikely(
  text: string,
  { start, end }: Pick<Finding, "start" | "end">,
  key: SensitiveKey,
  { quoted, tight }: Form,
  { digit, special }: Ahead,
): boolean {
  if (end - start < 4) return false;
  const value = text.slice(start, end);
  if (isPlaceholder(value) || isVersion(value)) return false;
  const hasDigit = digit(start) < end;
  if (!key.strong)
    return hasDigit && value.length >= 8 && !/\s/.test(value) && !isExpression(value);
  const lettersOnly = !hasDigit && /^[\p{L}_]+$/u.test(value);
  if (quoted) {
    if (/\s/.test(value)) return hasDigit && value.length <= 128;
    return lettersOnly ? value.length >= 10 || isMixedCase(value) : true;
  }
  if (isExpression(value)) return false;
  if (lettersOnly) return tight ? value.length >= 6 : value.length >= 20;
  return value.length >= 5 && (tight || hasDigit || special(start) < end);
}

function isMixedCase(value: string): boolean {
  return /[a-z][A-Z]/.test(value);
}

/** A package's name may end like a secret's: `"pbkdf2-password": "^1.2.1"` */
function isVersion(value: string): boolean {
  return /^[\^~v]?\d+(?:\.\d+){1,3}$/.test(value);
}

/** `self.api_key`, `https://…` */
function isExpression(value: string): boolean {
  return /^[A-Za-z_]+(?:\.[A-Za-z_]+)+[.:]?$/.test(value) || /^(?:https?|file):\/\//.test(value);
}
