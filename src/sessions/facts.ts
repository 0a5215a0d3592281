/** What a session keeps of `initialize`, as one bounded text. */
import { items, parseJson, stringOf } from "../mcp/index.ts";

export interface SessionFacts {
  readonly revision: string;
  /** JSON text. */
  readonly capabilities: string;
  /** JSON text. */
  readonly clientInfo: string;
}

/** A client sends these once and the store keeps them for a day, in UTF-16 units each. */
const maxFactLength = 2048;
const nothing = "{}";

/**
 * A client that says more of itself than fits is taken to have said nothing: fewer capabilities
 * are the safe side, and a session costs no more memory than its bound.
 */
export function formatFacts(facts: SessionFacts): string {
  return JSON.stringify([facts.revision, bounded(facts.capabilities), bounded(facts.clientInfo)]);
}

/** Undefined where the text is none of ours. */
export function parseFacts(text: string): SessionFacts | undefined {
  const parsed = parseJson(text);
  const [revision, capabilities, clientInfo] = items(parsed.ok ? parsed.json : undefined).map(
    stringOf,
  );
  if (revision === undefined || capabilities === undefined || clientInfo === undefined) {
    return undefined;
  }
  return { revision, capabilities, clientInfo };
}

function bounded(text: string): string {
  return text.length > maxFactLength ? nothing : text;
}
