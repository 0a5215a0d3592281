/** The chain that decided a call, for a person. Names and reasons come from outside, too. */
import type { CallExplanation } from "../gateway.ts";
import { toSafeLine } from "./safe-text.ts";

const maxName = 200;
const maxText = 400;

const answers: Readonly<Record<CallExplanation["rules"][number]["answer"], string>> = {
  applies: "applies",
  "does-not-apply": "does not apply",
  failed: "cannot be decided",
  "other-caller": "is for other callers",
  expired: "its last day has passed",
};

/** The verdict first, then a line for each link. */
export function toExplanationLines(told: CallExplanation, verdict: string): readonly string[] {
  const { code, why } = told;
  const reason = [code, why].filter((part) => part !== undefined).join(": ");
  const about = `${told.kind} ${name(told.call)} for client ${name(told.client)}`;
  return [
    `${verdict}: ${about}`,
    ...(reason === "" ? [] : [`  ${toSafeLine(reason, maxText)}`]),
    ...toChainLines(told),
  ];
}

export function toChainLines(told: CallExplanation): readonly string[] {
  const { block, allows, rules, set, ask, tool, notes } = told;
  const given = Object.entries(set).map(([key, text]) => `${name(key)} = ${name(text)}`);
  return [
    ...(block === undefined ? [] : [row("block", `${name(block.id)}: ${text(block.why)}`)]),
    ...allows.map(({ pattern, role }, at) =>
      row(
        "allow",
        `${name(pattern)} of ${role === undefined ? "the client" : `role ${name(role)}`}${at === 0 ? "" : " (too)"}`,
      ),
    ),
    ...(allows.length === 0 && block === undefined ? [row("allow", "no pattern")] : []),
    ...rules.map((rule) => row("rule", toRuleText(rule))),
    ...(given.length === 0 ? [] : [row("sent", given.join(", "))]),
    ...(ask === undefined
      ? []
      : [row("asks", text(`the ${ask.via}${ask.why ? `: ${ask.why}` : ""}`))]),
    ...(tool === "locked" ? [row("tool", "known by the lock file, its schema too")] : []),
    ...notes.map((note) => row("note", text(note))),
  ];
}

function toRuleText(rule: CallExplanation["rules"][number]): string {
  const mode = rule.mode === "shadow" ? " (shadow: only recorded)" : "";
  const because = [rule.because, rule.why].filter((part) => part !== undefined).map(text);
  const end = because.length === 0 ? "" : `: ${because.join("; ")}`;
  return `${name(rule.name)}, ${rule.then}${mode}: ${answers[rule.answer]}${end}`;
}

/** Cells side by side, each of which came from outside. */
export function toSafeRow(...cells: readonly (readonly [text: string, width?: number])[]): string {
  return cells
    .map(([cell, width = 0]) => toSafeLine(cell, 300).padEnd(width))
    .join("  ")
    .trimEnd();
}

function row(what: string, rest: string): string {
  return `  ${what.padEnd(6)} ${rest}`;
}

function name(given: string): string {
  return toSafeLine(given, maxName);
}

function text(given: string): string {
  return toSafeLine(given, maxText);
}
