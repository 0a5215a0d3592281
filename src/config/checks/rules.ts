/** Rules: one name each, clients and roles that are there, patterns that compile. */
import { compileLinear } from "../../core/index.ts";
import { finding } from "../fault.ts";
import type { Finding, PathKey } from "../fault.ts";
import type { RuleConfig, TestConfig } from "../schema.ts";
import { suggest } from "../suggest.ts";
import type { Checked } from "./subject.ts";
import { checkUntil } from "./until.ts";

export function checkRules({ rules, clients, roles, context }: Checked): readonly Finding[] {
  const findings: Finding[] = [];
  const names = new Set<string>();
  for (const { rule, path } of rules) {
    if (names.has(rule.name)) {
      findings.push(finding("error", [...path, "name"], `Two rules are named "${rule.name}"`));
    }
    names.add(rule.name);
    for (const [key, what, known] of [
      ["clients", "client", clients],
      ["roles", "role", roles],
    ] as const) {
      for (const [index, name] of (rule[key] ?? []).entries()) {
        if (known.has(name)) continue;
        const message = `The rule "${rule.name}" names the unknown ${what} "${name}"`;
        findings.push(finding("error", [...path, key, index], message, suggest(name, known)));
      }
    }
    for (const key of ["when", "unless"] as const) {
      findings.push(...checkCondition(rule[key], [...path, key]));
    }
    findings.push(...checkUntil(`The rule "${rule.name}"`, rule.until, path, context.now));
  }
  return findings;
}

function checkCondition(
  condition: RuleConfig["when"],
  path: readonly PathKey[],
): readonly Finding[] {
  if (condition === undefined || typeof condition === "function") return [];
  const { args = {}, annotations = {}, address } = condition;
  return [
    ...Object.entries(args).flatMap(([key, test]) => checkTest(test, [...path, "args", key])),
    ...Object.entries(annotations).flatMap(([key, test]) =>
      checkTest(test, [...path, "annotations", key]),
    ),
    ...(address === undefined ? [] : checkTest(address, [...path, "address"])),
  ];
}

function checkTest(test: TestConfig, path: readonly PathKey[]): readonly Finding[] {
  if (typeof test !== "object" || test === null || Array.isArray(test)) return [];
  if ("matches" in test && compileLinear(test.matches) === undefined) {
    const message = "Is not a pattern that can be matched in linear time";
    const suggestion = "RE2 syntax, without look-around and back-references";
    return [finding("error", [...path, "matches"], message, suggestion)];
  }
  if ("min" in test || "max" in test) {
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = test;
    if (min > max) return [finding("error", path, `"min" is above "max"`)];
  }
  return [];
}
