/** What the audit is told of an exchange, whichever stage it ended at. */
import type { AuditEntry, StrangerEntry } from "../audit/index.ts";
import type {
  Arrival,
  Deny,
  InnerCode,
  Judged,
  Redaction,
  Reviewed,
  RuleHit,
} from "../core/index.ts";
import { type Era, type Json, at, isObject, member, stringOf } from "../mcp/index.ts";

/** How an exchange ended. */
export interface Outcome {
  readonly decision: "allowed" | "denied" | "asked" | "failed" | "cancelled";
  readonly stage: string;
  readonly code?: InnerCode | undefined;
  readonly why?: string | undefined;
  readonly rules?: readonly RuleHit[] | undefined;
  readonly redactions?: readonly Redaction[] | undefined;
  readonly result?: Json | undefined;
  readonly status: number;
  readonly ms: number;
  readonly bytesOut: number;
}

/** The facts that an exchange had gathered when it ended. */
export type Facts = Arrival & Partial<Reviewed>;

export function toEntry(facts: Facts, outcome: Outcome, upstreamEra: Era | undefined): AuditEntry {
  const { input, target, client } = facts;
  const judged: Partial<Judged> = facts;
  const hasMethod = input?.kind === "request" || input?.kind === "notification";
  const message = hasMethod ? input : undefined;
  return {
    time: facts.time,
    id: facts.id,
    traceId: toTraceId(facts),
    client: client?.name,
    subject: client?.subject,
    address: facts.address,
    transport: facts.transport,
    eras: { client: input?.caller.era, upstream: upstreamEra },
    session: input?.caller.session,
    method: message?.method ?? (input && wordless[input.kind]),
    upstream: target?.kind === "one" ? target.upstream : facts.endpoint?.upstream,
    target: target?.kind === "one" ? target.name : toClaimedTarget(message?.params),
    args: member(message?.params, "arguments"),
    ...outcome,
    rules: toRules(judged.shaped?.rules, outcome.rules ?? judged.judgement?.rules),
    plugins: facts.plugins?.length ? facts.plugins : undefined,
    approval: facts.approval,
    upstreamMs: facts.timing?.upstreamMs,
    bytesIn: input?.bytes,
  };
}

export function toStranger(
  arrival: Arrival,
  denied: Deny,
  stage: string,
  status: number,
): StrangerEntry {
  return {
    time: arrival.time,
    id: arrival.id,
    address: arrival.address,
    transport: arrival.transport,
    stage,
    code: denied.recorded,
    why: denied.why,
    status,
  };
}

/** Each rule once, whether it set arguments, was asked at the call, or both. */
function toRules(
  shaped: readonly RuleHit[] = [],
  asked: readonly RuleHit[] | undefined,
): readonly RuleHit[] | undefined {
  if (asked === undefined) return shaped.length === 0 ? undefined : shaped;
  if (shaped.length === 0) return asked;
  // What refuses says more of the call than what changes it, and that more than what counts it.
  const refusing = new Set(
    asked.filter(({ then }) => then === "deny" || then === "ask").map(({ name }) => name),
  );
  const setting = shaped.filter(({ name }) => !refusing.has(name));
  const known = new Set(setting.map(({ name }) => name));
  return [...setting, ...asked.filter(({ name }) => !known.has(name))];
}

/** What the record calls messages that have no method. */
const wordless: Readonly<Record<string, string>> = {
  close: "session/close",
  response: "response",
  stream: "session/stream",
};

/** What a refused call named, cut; it may be anything. */
function toClaimedTarget(params: Json | undefined): string | undefined {
  const claimed = stringOf(member(params, "name")) ?? stringOf(member(params, "uri"));
  return claimed?.slice(0, 256);
}

/** The trace id of a W3C `traceparent`, from `_meta` or the header. */
function toTraceId({ input, headers }: Facts): string | undefined {
  const params = input?.kind === "request" && isObject(input.params) ? input.params : undefined;
  const parent = stringOf(at(params, "_meta", "traceparent")) ?? headers.get("traceparent") ?? "";
  return /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(parent)?.[1];
}
