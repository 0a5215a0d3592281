/** One text between two processes, as it is sealed for the bus. */

/** `up` from the process that has the client to the one that holds the call, `down` the way back. */
export type Way = "up" | "down";

const kinds = ["open", "ready", "go", "message", "fault", "alive", "cancel"] as const;
export type Kind = (typeof kinds)[number];

/** Whose text it is. */
export interface Address {
  /** 128 random bits of the process that asks. */
  readonly call: string;
  /** 128 random bits of the process that holds the call; empty until that one is heard. */
  readonly run: string;
  readonly from: string;
  readonly to: string;
  readonly way: Way;
}
export interface Envelope extends Address {
  /** Counts the texts of one way from 0. */
  readonly at: number;
  readonly kind: Kind;
  /** The next text goes on with this one. */
  readonly more: boolean;
  readonly text: string;
}

/** Processes of another version do not understand each other. */
const VERSION = 1;

/** The text stands behind its head as it is: in a JSON string most of it would be escaped. */
export function toText({ call, run, from, to, way, at, kind, more, text }: Envelope): string {
  return `${JSON.stringify([VERSION, call, run, from, to, way, at, kind, more])}\n${text}`;
}

/** Undefined for what this version did not write. */
export function parseEnvelope(plain: string): Envelope | undefined {
  const end = plain.indexOf("\n");
  const head: unknown = end === -1 ? undefined : JSON.parse(plain.slice(0, end));
  if (!Array.isArray(head) || head[0] !== VERSION) return undefined;
  const [, call, run, from, to, way, at, kind, more] = head as readonly unknown[];
  if (!isText(call) || !isText(run) || !isText(from) || !isText(to)) return undefined;
  if (way !== "up" && way !== "down") return undefined;
  const known = kinds.find((each) => each === kind);
  if (known === undefined || typeof at !== "number") return undefined;
  const text = plain.slice(end + 1);
  return { call, run, from, to, way, at, kind: known, more: more === true, text };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
