/** What the store keeps of a session, as one bounded text. */
import type { FollowedResource } from "../core/index.ts";
import { type Json, items, parseJson, stringOf } from "../mcp/index.ts";

/** What a client said in `initialize`. */
export interface SessionFacts {
  readonly revision: string;
  /** JSON text. */
  readonly capabilities: string;
  /** JSON text. */
  readonly clientInfo: string;
}
/** What changes while a session lasts. */
export interface SessionState {
  /** The least severe log message that the client wants; undefined until it says so. */
  readonly logLevel: string | undefined;
  readonly resources: readonly FollowedResource[];
}
export interface SessionRecord {
  readonly text: string;
  readonly facts: SessionFacts;
  readonly state: SessionState;
}

/** A client sends these once and the store keeps them for a day, in UTF-16 units each. */
const maxFactLength = 2048;
const maxResources = 1000;
/** Of the whole text, in UTF-16 units: room for a thousand resources with long names. */
const maxTextLength = 512 * 1024;
const nothing = "{}";

/**
 * A session as it begins. A client that says more of itself than fits is taken to have said
 * nothing: fewer capabilities are the safe side, and a session costs no more than its bound.
 */
export function createRecord(facts: SessionFacts): SessionRecord {
  return toRecord(
    {
      revision: facts.revision,
      capabilities: bounded(facts.capabilities),
      clientInfo: bounded(facts.clientInfo),
    },
    { logLevel: undefined, resources: [] },
  );
}

/** Throws a RangeError where the state is larger than a session may be. */
export function changeRecord(record: SessionRecord, state: SessionState): SessionRecord {
  const count = state.resources.length;
  if (count > maxResources) {
    throw new RangeError(`Cannot follow ${count} resources, a session may follow ${maxResources}`);
  }
  const changed = toRecord(record.facts, state);
  if (changed.text.length > maxTextLength) {
    throw new RangeError(
      `Cannot keep a session of ${changed.text.length} characters, it may have ${maxTextLength}`,
    );
  }
  return changed;
}

/** Undefined where the text is none of ours. */
export function parseRecord(text: string): SessionRecord | undefined {
  const parsed = parseJson(text);
  const [first, second, third, level, followed, ...more] = items(
    parsed.ok ? parsed.json : undefined,
  );
  const [revision, capabilities, clientInfo] = [first, second, third].map(stringOf);
  const isWhole = followed?.node.type === "array" && more.length === 0;
  if (
    revision === undefined ||
    capabilities === undefined ||
    clientInfo === undefined ||
    !isWhole
  ) {
    return undefined;
  }
  const resources = items(followed).flatMap(toResource);
  return {
    text,
    facts: { revision, capabilities, clientInfo },
    state: { logLevel: stringOf(level), resources },
  };
}

function toRecord(facts: SessionFacts, state: SessionState): SessionRecord {
  const resources = state.resources.map(({ upstream, uri, shown }) => [upstream, uri, shown]);
  const { revision, capabilities, clientInfo } = facts;
  const parts = [revision, capabilities, clientInfo, state.logLevel ?? null, resources];
  return { text: JSON.stringify(parts), facts, state };
}

function toResource(json: Json): FollowedResource[] {
  const [upstream, uri, shown] = items(json).map(stringOf);
  if (upstream === undefined || uri === undefined || shown === undefined) return [];
  return [{ upstream, uri, shown }];
}

function bounded(text: string): string {
  return text.length > maxFactLength ? nothing : text;
}
