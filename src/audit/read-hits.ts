/** What plugins said of a recorded exchange, and what the record holds of what they saw. */
import type { PluginHit } from "../core/index.ts";
import type { Era, Json } from "../mcp/index.ts";
import { isFields, parseFields } from "./query.ts";
import { type Missing, isHeldValue, readValue } from "./read-value.ts";

/** Of `sha256` the start alone; `why` may be cut and cleaned. */
export type RecordedHit = Omit<PluginHit, "ms">;
export interface RecordedHits {
  /** In the order in which each was first said. */
  readonly hits: readonly RecordedHit[];
  /** The client's. */
  readonly era: Era | undefined;
  /** Rules that set arguments. */
  readonly setBy: readonly string[];
  /** Rules that asked a person, and may have set arguments too. */
  readonly askedBy: readonly string[];
  /** Whether something was taken out of the answer on its way to the client. */
  readonly isRedacted: boolean;
  /** As the client sent them; undefined where it sent none. */
  readonly args: () => Json | Missing | undefined;
  /** As the client got it. */
  readonly result: () => Json | Missing;
}

/** `line` is one that `readCall` can read. */
export function readHits(line: string): RecordedHits {
  const fields = parseFields(line) ?? {};
  const { args, result, eras, rules, plugins, redactions } = fields;
  const era = isFields(eras) ? eras["client"] : undefined;
  const named = (then: string): readonly string[] =>
    listOf(rules).flatMap((rule) =>
      isFields(rule) && rule["then"] === then && rule["mode"] === "enforce"
        ? [String(rule["name"])]
        : [],
    );
  return {
    hits: listOf(plugins).flatMap((plugin) => toHit(plugin) ?? []),
    era: era === "modern" || era === "legacy" ? era : undefined,
    setBy: named("set"),
    askedBy: named("ask"),
    isRedacted: listOf(redactions).length > 0,
    args: () => (isHeldValue(args) ? readValue(line, "args", args) : undefined),
    result: () => (isHeldValue(result) ? readValue(line, "result", result) : "off"),
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

function toHit(plugin: unknown): RecordedHit | undefined {
  if (!isFields(plugin)) return undefined;
  const { name, version, sha256, hook, verdict, stage, mode, why, count = 1 } = plugin;
  if (typeof name !== "string" || typeof version !== "string") return undefined;
  if (typeof sha256 !== "string" || typeof hook !== "string") return undefined;
  if (typeof verdict !== "string" || typeof count !== "number") return undefined;
  if (stage !== "consult" && stage !== "review") return undefined;
  if (mode !== "enforce" && mode !== "shadow") return undefined;
  const said = typeof why === "string" ? why : undefined;
  return { name, version, sha256, hook, stage, verdict, mode, why: said, count };
}
