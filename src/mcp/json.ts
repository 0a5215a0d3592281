/** Exact JSON: a value, the text it was read from, and where it stands there (law 2). */
interface Span {
  /** First UTF-16 unit of the value in its source. */
  readonly start: number;
  /** One past the last unit. */
  readonly end: number;
}
export interface JsonMember {
  /** The key, unescaped. */
  readonly key: string;
  /** Span of the key with its quotes. */
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly value: JsonNode;
}
export interface JsonObjectNode extends Span {
  readonly type: "object";
  readonly members: readonly JsonMember[];
}
export interface JsonArrayNode extends Span {
  readonly type: "array";
  readonly items: readonly JsonNode[];
}
export interface JsonStringNode extends Span {
  readonly type: "string";
  /** The string, unescaped. */
  readonly value: string;
}
export interface JsonScalarNode extends Span {
  readonly type: "number" | "true" | "false" | "null";
}
export type JsonNode = JsonObjectNode | JsonArrayNode | JsonStringNode | JsonScalarNode;

/** A value and the text it was read from; the spans of `node` are positions in `source`. */
export interface Json<N extends JsonNode = JsonNode> {
  readonly source: string;
  readonly node: N;
}
export type JsonObject = Json<JsonObjectNode>;

/** The exact text of the value, as it was received. */
export function textOf(json: Json): string {
  const { source, node } = json;
  return node.start === 0 && node.end === source.length
    ? source
    : source.slice(node.start, node.end);
}

/** The value as JavaScript reads it; numbers may lose digits (see `exactNumber`). */
export function toValue(json: Json): unknown {
  return JSON.parse(textOf(json));
}

export function isObject(json: Json | undefined): json is JsonObject {
  return json?.node.type === "object";
}

/** A member's value, or undefined where `json` is no object or has no such member. */
export function member(json: Json | undefined, key: string): Json | undefined {
  if (json === undefined || json.node.type !== "object") return undefined;
  const found = json.node.members.find((candidate) => candidate.key === key);
  return found && { source: json.source, node: found.value };
}

/** The value at a path of keys. */
export function at(json: Json | undefined, ...path: readonly string[]): Json | undefined {
  return path.reduce(member, json);
}

/** The items of an array; none where `json` is no array. */
export function items(json: Json | undefined): Json[] {
  if (json === undefined || json.node.type !== "array") return [];
  return json.node.items.map((node) => ({ source: json.source, node }));
}

export function stringOf(json: Json | undefined): string | undefined {
  return json?.node.type === "string" ? json.node.value : undefined;
}

/** The number, or undefined where it is none or JavaScript cannot hold its exact value. */
export function exactNumber(json: Json | undefined): number | undefined {
  if (json?.node.type !== "number") return undefined;
  const text = textOf(json);
  // The spelling of a number may be as long as a message; no number that is held exactly needs more.
  if (text.length > maxNumberLength) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value)) return undefined;
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return undefined;
  const spelling = String(value);
  if (text === spelling) return value;
  return decimal(text) === decimal(spelling) ? value : undefined;
}

const maxNumberLength = 400;

/** One spelling for each decimal value: digits without leading or trailing zeros, and an exponent. */
function decimal(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return "0";
  // A loop: /0+$/ takes quadratic time on a number with many zeros inside.
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 48) end--;
  const significant = digits.slice(0, end);
  const scale = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${sign}${significant}e${scale}`;
}
