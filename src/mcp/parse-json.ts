/**
 * A strict scanner that keeps the spans of what it read, so that a value can be looked at without
 * being re-serialized (RFC 8259; duplicate keys are refused, RFC 7493 section 2.3).
 */
import type {
  Json,
  JsonArrayNode,
  JsonMember,
  JsonNode,
  JsonObjectNode,
  JsonScalarNode,
  JsonStringNode,
} from "./json.ts";

export interface JsonLimits {
  /** Levels of objects and arrays. */
  readonly maxDepth: number;
  /** Values in total, keys included. */
  readonly maxNodes: number;
  /**
   * Refuse what readers are known to treat differently: lone surrogates and keys named
   * `__proto__`. On for what a client sends.
   */
  readonly strict: boolean;
}
export const defaultJsonLimits: JsonLimits = { maxDepth: 128, maxNodes: 1_000_000, strict: false };

export type JsonFault =
  | "syntax"
  | "duplicate-key"
  | "too-deep"
  | "too-many-values"
  | "lone-surrogate"
  | "forbidden-key";
export type JsonResult =
  | { readonly ok: true; readonly json: Json }
  | { readonly ok: false; readonly fault: JsonFault; readonly at: number };

class ScanFault extends Error {
  readonly fault: JsonFault;
  readonly at: number;
  constructor(fault: JsonFault, at: number) {
    super(fault);
    this.fault = fault;
    this.at = at;
  }
}

/** Reads one JSON text; white space around it is allowed, anything else after it is a fault. */
export function parseJson(text: string, limits: Partial<JsonLimits> = {}): JsonResult {
  try {
    const node = new Scanner(text, { ...defaultJsonLimits, ...limits }).document();
    return { ok: true, json: { source: text, node } };
  } catch (error) {
    if (error instanceof ScanFault) return { ok: false, fault: error.fault, at: error.at };
    throw error;
  }
}

const QUOTE = 34;
const BACKSLASH = 92;
/** From this many keys on a set finds duplicates faster than comparing each with each. */
const SET_FROM = 8;

/** From this many characters on the engine's own reading of a string is faster than a loop. */
const LONG_STRING = 48;

/** The place of the quote that ends a string of which `text[from]` is part, or -1. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (at - 1 - backslashes >= from && text.charCodeAt(at - 1 - backslashes) === BACKSLASH) {
      backslashes++;
    }
    if (backslashes % 2 === 0) return at;
  }
  return -1;
}

/** What the engine makes of one string with its quotes; undefined where it is none. */
function unquote(text: string): string | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

class Scanner {
  private at = 0;
  private nodes = 0;
  private readonly text: string;
  private readonly limits: JsonLimits;

  constructor(text: string, limits: JsonLimits) {
    this.text = text;
    this.limits = limits;
  }

  document(): JsonNode {
    this.space();
    const node = this.value(0);
    this.space();
    if (this.at !== this.text.length) throw new ScanFault("syntax", this.at);
    return node;
  }

  private space(): void {
    const { text } = this;
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.at++;
    }
  }

  private value(depth: number): JsonNode {
    if (++this.nodes > this.limits.maxNodes) throw new ScanFault("too-many-values", this.at);
    const code = this.text.charCodeAt(this.at);
    if (code === QUOTE) return this.string();
    if (code === 123) return this.object(depth + 1);
    if (code === 91) return this.array(depth + 1);
    if (code === 116) return this.word("true");
    if (code === 102) return this.word("false");
    if (code === 110) return this.word("null");
    return this.number();
  }

  private object(depth: number): JsonObjectNode {
    const start = this.enter(depth);
    const members: JsonMember[] = [];
    let seen: Set<string> | undefined;
    this.space();
    if (this.text.charCodeAt(this.at) === 125)
      return { type: "object", start, end: ++this.at, members };
    for (;;) {
      this.space();
      if (this.text.charCodeAt(this.at) !== QUOTE) throw new ScanFault("syntax", this.at);
      if (++this.nodes > this.limits.maxNodes) throw new ScanFault("too-many-values", this.at);
      const name = this.string();
      const key = name.value;
      if (this.limits.strict && key === "__proto__")
        throw new ScanFault("forbidden-key", name.start);
      if (seen === undefined && members.length >= SET_FROM) {
        seen = new Set(members.map((member) => member.key));
      }
      if (seen === undefined ? members.some((member) => member.key === key) : seen.has(key)) {
        throw new ScanFault("duplicate-key", name.start);
      }
      seen?.add(key);
      this.space();
      if (this.text.charCodeAt(this.at++) !== 58) throw new ScanFault("syntax", this.at - 1);
      this.space();
      members.push({ key, keyStart: name.start, keyEnd: name.end, value: this.value(depth) });
      this.space();
      const next = this.text.charCodeAt(this.at++);
      if (next === 125) return { type: "object", start, end: this.at, members };
      if (next !== 44) throw new ScanFault("syntax", this.at - 1);
    }
  }

  private array(depth: number): JsonArrayNode {
    const start = this.enter(depth);
    const items: JsonNode[] = [];
    this.space();
    if (this.text.charCodeAt(this.at) === 93)
      return { type: "array", start, end: ++this.at, items };
    for (;;) {
      this.space();
      items.push(this.value(depth));
      this.space();
      const next = this.text.charCodeAt(this.at++);
      if (next === 93) return { type: "array", start, end: this.at, items };
      if (next !== 44) throw new ScanFault("syntax", this.at - 1);
    }
  }

  private enter(depth: number): number {
    if (depth > this.limits.maxDepth) throw new ScanFault("too-deep", this.at);
    return this.at++;
  }

  private string(): JsonStringNode {
    const { text } = this;
    const start = this.at;
    let escaped = false;
    let isLong = false;
    let at = start + 1;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) break;
      if (!isLong && at - start > LONG_STRING) {
        isLong = true;
        const node = this.longString(start, at);
        if (node !== undefined) return node;
      }
      if (code === BACKSLASH) {
        escaped = true;
        at = this.escape(at);
      } else if (code >= 32) {
        at++;
      } else {
        // Also the end of the text: charCodeAt gives NaN there.
        throw new ScanFault("syntax", at);
      }
    }
    this.at = at + 1;
    const value = escaped
      ? (JSON.parse(text.slice(start, this.at)) as string)
      : text.slice(start + 1, at);
    return this.stringNode(start, value, escaped);
  }

  /** Undefined where something is wrong with the string; the loop then finds the place. */
  private longString(start: number, from: number): JsonStringNode | undefined {
    const end = closingQuote(this.text, from) + 1;
    const value = end === 0 ? undefined : unquote(this.text.slice(start, end));
    if (value === undefined) return undefined;
    this.at = end;
    return this.stringNode(start, value, value.length !== end - start - 2);
  }

  private stringNode(start: number, value: string, escaped: boolean): JsonStringNode {
    if (this.limits.strict && escaped && !value.isWellFormed()) {
      throw new ScanFault("lone-surrogate", start);
    }
    return { type: "string", start, end: this.at, value };
  }

  private escape(at: number): number {
    const code = this.text.charCodeAt(at + 1);
    if (code === 117) {
      for (let i = at + 2; i < at + 6; i++) {
        if (!isHexDigit(this.text.charCodeAt(i))) throw new ScanFault("syntax", i);
      }
      return at + 6;
    }
    // " \ / b f n r t
    if (
      code === QUOTE ||
      code === BACKSLASH ||
      code === 47 ||
      code === 98 ||
      code === 102 ||
      code === 110 ||
      code === 114 ||
      code === 116
    ) {
      return at + 2;
    }
    throw new ScanFault("syntax", at + 1);
  }

  private word(word: "true" | "false" | "null"): JsonScalarNode {
    const start = this.at;
    if (!this.text.startsWith(word, start)) throw new ScanFault("syntax", start);
    this.at += word.length;
    return { type: word, start, end: this.at };
  }

  private number(): JsonScalarNode {
    const { text } = this;
    const start = this.at;
    let at = start;
    if (text.charCodeAt(at) === 45) at++;
    if (text.charCodeAt(at) === 48) at++;
    else at = this.digits(at);
    if (text.charCodeAt(at) === 46) at = this.digits(at + 1);
    const exponent = text.charCodeAt(at);
    if (exponent === 101 || exponent === 69) {
      const sign = text.charCodeAt(at + 1);
      at = this.digits(sign === 43 || sign === 45 ? at + 2 : at + 1);
    }
    this.at = at;
    return { type: "number", start, end: at };
  }

  private digits(from: number): number {
    let at = from;
    while (isDigit(this.text.charCodeAt(at))) at++;
    if (at === from) throw new ScanFault("syntax", at);
    return at;
  }
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isHexDigit(code: number): boolean {
  return isDigit(code) || (code >= 97 && code <= 102) || (code >= 65 && code <= 70);
}
