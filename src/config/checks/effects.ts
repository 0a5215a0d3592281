/** What rules do: something at least, and nothing that could never come about. */
import { finding } from "../fault.ts";
import type { Finding, PathKey } from "../fault.ts";
import type { RuleConfig } from "../schema.ts";
import type { Checked } from "./subject.ts";

const setting = ["set", "defaults"] as const;
const beside = ["set", "defaults", "rate", "sanitize", "timeoutMs"] as const;

export function checkEffects({ rules }: Checked): readonly Finding[] {
  return rules.flatMap(({ rule, path }) => [
    ...checkSome(rule, path),
    ...checkDenial(rule, path),
    ...checkAsking(rule, path),
    ...checkTools(rule, path),
    ...checkValues(rule, path),
    ...checkInput(rule, path),
  ]);
}

function checkSome(rule: RuleConfig, path: readonly PathKey[]): readonly Finding[] {
  if (rule.then !== undefined || beside.some((key) => rule[key] !== undefined)) return [];
  const message = `The rule "${rule.name}" does nothing`;
  const hint = 'give it "then", "set", "defaults", "rate", "sanitize" or "timeoutMs"';
  return [finding("error", path, message, hint)];
}

/** What is denied is not sent, so that nothing else of the rule could matter. */
function checkDenial(rule: RuleConfig, path: readonly PathKey[]): readonly Finding[] {
  if (rule.then !== "deny") return [];
  return beside
    .filter((key) => rule[key] !== undefined)
    .map((key) => finding("error", [...path, key], `Does nothing in a rule that denies`));
}

function checkAsking({ then, ask }: RuleConfig, path: readonly PathKey[]): readonly Finding[] {
  if (ask === undefined || then === "ask") return [];
  return [finding("error", [...path, "ask"], 'Does nothing without then: "ask"')];
}

function checkTools({ on, ...rule }: RuleConfig, path: readonly PathKey[]): readonly Finding[] {
  if (typeof on === "string" || Array.isArray(on) || on.tools !== undefined) return [];
  return setting
    .filter((key) => rule[key] !== undefined)
    .map((key) => finding("error", [...path, key], 'Speaks of tools alone, and "on" names none'));
}

function checkValues(rule: RuleConfig, path: readonly PathKey[]): readonly Finding[] {
  const empty = [...setting, "sanitize" as const].flatMap((key) => {
    const value = rule[key];
    if (value === undefined || Object.keys(value).length > 0) return [];
    return [finding("error", [...path, key], "Must not be empty")];
  });
  const { set = {}, defaults = {} } = rule;
  const both = Object.keys(defaults).filter((name) => Object.hasOwn(set, name));
  return [
    ...empty,
    ...both.map((name) =>
      finding(
        "error",
        [...path, "defaults", name],
        `"${name}" is always set, so this does nothing`,
      ),
    ),
  ];
}

/** What a client may be asked is decided before any call, and for a call as a whole. */
function checkInput(rule: RuleConfig, path: readonly PathKey[]): readonly Finding[] {
  const { on } = rule;
  if (typeof on === "string" || Array.isArray(on) || on.input === undefined) return [];
  const wrong = (["when", "unless"] as const).filter((key) => rule[key] !== undefined);
  const findings = wrong.map((key) =>
    finding("error", [...path, key], "Cannot be asked of what servers ask of clients", apart),
  );
  if (rule.then !== "deny") {
    const message = "What servers ask of clients can only be denied";
    findings.push(finding("error", [...path, "on", "input"], message, apart));
  }
  if (rule.mode === "shadow") {
    const message = "What servers ask of clients is in no record, so this does nothing";
    findings.push(finding("error", [...path, "mode"], message, apart));
  }
  return findings;
}

const apart = 'write a rule of its own with on: { input: […] } and then: "deny"';
