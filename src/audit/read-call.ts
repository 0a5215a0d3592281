/** A recorded exchange as it is decided again: what is known of it, and what is known to be missing. */
import type { Json } from "../mcp/index.ts";
import type { AuditDecision } from "./entry.ts";
import { isFields, parseFields } from "./query.ts";
import { type HeldValue, isHeldValue, isUncleaned, readValue } from "./read-value.ts";

export interface RecordedCall {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly id: string | undefined;
  /** The digest of the config that decided. */
  readonly config: string | undefined;
  /** Undefined where nobody was identified. */
  readonly client: string | undefined;
  readonly subject: string | undefined;
  readonly address: string | undefined;
  readonly method: string | undefined;
  readonly upstream: string | undefined;
  /** The upstream's own name or URI; of what no upstream was found for, what the client called it. */
  readonly target: string | undefined;
  readonly decision: AuditDecision;
  readonly stage: string | undefined;
  readonly code: string | undefined;
  /** Whether a rule asked for a person's consent. */
  readonly isAsked: boolean;
  /**
   * What plugins made of the request: `"refused"` before rules with conditions were asked, or
   * `"changed"`, so that these were asked about something else than what the client sent.
   */
  readonly byPlugins: "refused" | "changed" | undefined;
  /** How many exchanges the record stands for. */
  readonly count: number;
  /** Whether the target stands there as it was: neither cut, nor cleaned. */
  readonly isNamed: boolean;
  /** Whether the record was made to forget whom it is of. */
  readonly isForgotten: boolean;
  /** Whether the subject stands there as it was. */
  readonly isSubjectKnown: boolean;
  /** As the client sent them; `"missing"` where the record does not hold exactly these. */
  readonly args: () => Json | undefined | "missing";
}

/** `"other"` is a record of something else than an exchange. */
export function readCall(line: string): RecordedCall | "other" | "damaged" {
  const fields = parseFields(line);
  if (fields === undefined || textNames.some((name) => !isText(fields[name]))) return "damaged";
  const text = (name: (typeof textNames)[number]): string | undefined => fields[name] as string;
  const kind = text("kind");
  const time = Date.parse(text("time") ?? "");
  if (kind === undefined || Number.isNaN(time)) return "damaged";
  if (kind !== "exchange") return "other";
  const decision = decisions.find((each) => each === fields["decision"]);
  const { count = 1, args, rules = [], plugins = [] } = fields;
  if (decision === undefined || !isCount(count)) return "damaged";
  if (args !== undefined && !isHeldValue(args)) return "damaged";
  if (!Array.isArray(rules) || !Array.isArray(plugins)) return "damaged";
  const [target, subject, stage] = [text("target"), text("subject"), text("stage")];
  return {
    time,
    id: text("id"),
    config: text("config"),
    client: text("client"),
    subject,
    address: text("address"),
    method: text("method"),
    upstream: text("upstream"),
    target,
    decision,
    stage,
    code: text("code"),
    isAsked: decision === "asked" || (rules as unknown[]).some(isAsking),
    byPlugins: toByPlugins(text("code"), text("stage"), plugins as unknown[]),
    count,
    isNamed: target !== undefined && isWhole(target) && !isClaim(stage, target),
    isForgotten: fields["personal"] !== undefined && fields["salt"] === undefined,
    isSubjectKnown: subject === undefined || isWhole(subject),
    args: () => (args === undefined ? undefined : readArguments(line, args)),
  };
}

const textNames = [
  "kind",
  "time",
  "id",
  "config",
  "client",
  "subject",
  "address",
  "method",
  "upstream",
  "target",
  "stage",
  "code",
] as const;
const decisions = ["allowed", "denied", "asked", "failed", "cancelled"] as const;
/** Longer ones are recorded cut, with a mark behind. */
const maxTextLength = 1_025;
const maxClaimed = 256;

function readArguments(line: string, args: HeldValue): Json | "missing" {
  const found = readValue(line, "args", args);
  return typeof found === "string" ? "missing" : found;
}

/** What was refused before its target was found stands as the client called it, cut without a mark. */
function isClaim(stage: string | undefined, target: string): boolean {
  return stage === "route" && target.length >= maxClaimed;
}

function isWhole(text: string): boolean {
  return !text.endsWith("…") && isUncleaned(text);
}

function toByPlugins(
  code: string | undefined,
  stage: string | undefined,
  plugins: readonly unknown[],
): RecordedCall["byPlugins"] {
  const isTheirs = code === "PLUGIN_DENIED" || code === "PLUGIN_FAILED";
  if (isTheirs && stage === "consult") return "refused";
  return plugins.some(isChanging) ? "changed" : undefined;
}

function isChanging(plugin: unknown): boolean {
  if (!isFields(plugin) || plugin["stage"] !== "consult" || plugin["mode"] !== "enforce")
    return false;
  return plugin["verdict"] === "modify" || plugin["verdict"] === "redact";
}

function isAsking(rule: unknown): boolean {
  return isFields(rule) && rule["then"] === "ask" && rule["mode"] === "enforce";
}

/** A longer text was never written. Attack: a made-up file of long names, each of which is kept. */
function isText(value: unknown): boolean {
  return value === undefined || (typeof value === "string" && value.length <= maxTextLength);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}
