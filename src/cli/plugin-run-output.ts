/** What `mcp-gw plugin run` prints of a call. */
import { type Hook, type HookEnd, type Outcome, nameOf, toTriples } from "../sandbox/index.ts";
import { toSafeLine } from "./safe-text.ts";

const changed = new Map<Hook, string>([
  ["onToolCall", "arguments"],
  ["onToolResult", "result"],
  ["onToolList", "tools"],
]);

/** One line of JSON, with what a fixture would expect. */
export function toCallLine(hook: Hook, end: HookEnd): string {
  return JSON.stringify(toCallFacts(hook, end));
}

export function toCallFacts(hook: Hook, end: HookEnd): object {
  const { outcome, ms, wallMs, fuel, memory, hostCalls, logs } = end;
  const costs = { ms: round(ms), wallMs: round(wallMs), fuel, memory, hostCalls };
  const said = logs.length === 0 ? {} : { logs };
  return { outcome: nameOf(outcome), ...toFacts(hook, outcome), ...costs, ...said };
}

/** What a fixture says of this outcome. */
export function toExpectation(hook: Hook, outcome: Outcome): object {
  const action = nameOf(outcome);
  switch (outcome.action) {
    case "deny":
      return { action, reason: outcome.reason, code: outcome.code };
    case "redact":
      return { action, spans: toTriples(outcome) };
    case "modify":
      return { action, [changed.get(hook) ?? "value"]: JSON.parse(outcome.json) as unknown };
    default:
      return { action };
  }
}

/** Of a plugin that cannot be asked. */
export function toLoadLine(why: string): string {
  return JSON.stringify({ outcome: "load_error", why, ms: 0, fuel: 0 });
}

function toFacts(hook: Hook, outcome: Outcome): object {
  if (outcome.action === "failed") return { why: outcome.why };
  if (outcome.action === "redact") return { ...outcome, spans: toTriples(outcome) };
  if (outcome.action !== "modify") return outcome;
  const { json, ...rest } = outcome;
  return { ...rest, [changed.get(hook) ?? "value"]: JSON.parse(json) as unknown };
}

export function toCallRow(call: number, client: string, end: HookEnd): readonly string[] {
  const { outcome, ms, fuel, memory } = end;
  return [
    String(call),
    toSafeLine(client, 40),
    nameOf(outcome),
    ms.toFixed(2),
    String(fuel),
    toMegabytes(memory),
    toSafeLine(toRemark(outcome), 200),
  ];
}

export function toRemark(outcome: Outcome): string {
  if (outcome.action === "failed") return outcome.why;
  if (outcome.action === "deny") return outcome.reason;
  if (outcome.action === "redact") return JSON.stringify(toTriples(outcome));
  if (outcome.action === "modify") return outcome.json;
  return outcome.note ?? "";
}

export function toMegabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MB`;
}

function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
