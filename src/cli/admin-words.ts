/** The words that say what a block takes away, the same for setting it and for taking it back. */
import type { Block } from "../core/index.ts";

export const blockArgs = {
  client: {
    type: "string",
    description: "This client of the config alone",
    valueHint: "NAME",
  },
  subject: {
    type: "string",
    description: "Whoever has this subject alone, whatever the client",
    valueHint: "SUBJECT",
  },
  all: { type: "boolean", description: "Everything, for everybody", default: false },
} as const;

export interface BlockWords {
  /** A pattern `upstream/name`. */
  readonly target?: string | undefined;
  readonly client?: string | undefined;
  readonly subject?: string | undefined;
  readonly all: boolean;
}
/** What the words name; with `all` none of the three. */
export type Blocked = Pick<Block, "target" | "client" | "subject">;

/** What all of the words together name, or what is wrong with them. */
export function toBlocked(words: BlockWords, ways: string): Blocked | { readonly fault: string } {
  const { target, client, subject, all } = words;
  const given = { target, client, subject };
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  const empty = named.find(([, value]) => value === "");
  if (empty !== undefined) return { fault: `The ${empty[0]} is empty` };
  if (all && named.length > 0) return { fault: "--all stands alone: it is everything already" };
  if (!all && named.length === 0) return { fault: `Say what: ${ways}` };
  return Object.fromEntries(named);
}

export function isSame(a: Blocked, b: Blocked): boolean {
  return a.target === b.target && a.client === b.client && a.subject === b.subject;
}

/** As a person reads it. */
export function toBlockedText({ target, client, subject }: Blocked): string {
  const parts = [
    ...(target === undefined ? [] : [target]),
    ...(client === undefined ? [] : [`client ${client}`]),
    ...(subject === undefined ? [] : [`subject ${subject}`]),
  ];
  return parts.length === 0 ? "everything" : parts.join(", ");
}
