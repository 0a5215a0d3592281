/** What the conditions of rules are asked with. */
import type { JsonValue, WhenFacts } from "../config/index.ts";
import { type Json, isObject } from "../mcp/index.ts";
import type { Facts } from "./condition.ts";
import { InexactNumber, toPlain } from "./plain.ts";
import type { Subject, Thing } from "./subject.ts";

/** What is known of a call beside who makes it and what it is about. */
export interface Call {
  readonly args: Json | undefined;
  readonly annotations: Json | undefined;
  /** The MCP method. */
  readonly method: string;
}

interface Failed {
  readonly failed: string;
}
type Table = Readonly<Record<string, JsonValue | undefined>>;

const nothing: Table = Object.freeze(Object.create(null) as Record<string, JsonValue>);
const noScopes: readonly string[] = Object.freeze([]);

/** What functions see is made when the first one is asked, and once. */
export function toFacts(
  subject: Subject,
  thing: Thing,
  { args, annotations, method }: Call,
  roles: readonly string[],
  now: () => number,
): Facts {
  let known: WhenFacts | Failed | undefined;
  const build = (): WhenFacts | Failed => {
    if (args !== undefined && !isObject(args)) return { failed: "the arguments are no object" };
    try {
      return Object.freeze({
        args: toTable(args),
        kind: thing.kind,
        method,
        upstream: thing.upstream,
        name: thing.name,
        annotations: toTable(annotations),
        client: subject.client,
        roles,
        subject: subject.subject,
        claims: nothing,
        scopes: noScopes,
        address: subject.address,
        now: now(),
      });
    } catch (error) {
      if (!(error instanceof InexactNumber)) throw error;
      return { failed: "a number that its function would see cannot be held exactly" };
    }
  };
  return { args, annotations, address: subject.address, whole: () => (known ??= build()) };
}

function toTable(json: Json | undefined): Table {
  return isObject(json) ? (toPlain(json) as Table) : nothing;
}
