/** Rules: one name each, clients that are there, patterns that compile. */
import { compileLinear } from "../../core/index.ts";
import { finding } from "../fault.ts";
import type { Finding, PathKey } from "../fault.ts";
import type { ConditionConfig, TestConfig } from "../schema.ts";
import { suggest } from "../suggest.ts";
import type { Checked } from "./subject.ts";

export function checkRules({ rules, clients }: Checked): readonly Finding[] {
  const findings: Finding[] = [];
  const names = new Set<string>();
  for (const { rule, path } of rules) {
    if (names.has(rule.name)) {
      findings.push(finding("error", [...path, "name"], `Two rules are named "${rule.name}"`));
    }
    names.add(rule.name);
    for (const [index, client] of (rule.clients ?? []).entries()) {
      if (clients.has(client)) continue;
      const message = `The rule "${rule.name}" names the unknown client "${client}"`;
      findings.push(
        finding("error", [...path, "clients", index], message, suggest(client, clients)),
      );
    }
    for (const key of ["when", "unless"] as const) {
      findings.push(...checkCondition(rule[key], [...path, key]));
    }
  }
  return findings;
}

function checkCondition(
  condition: ConditionConfig | undefined,
  path: readonly PathKey[],
): readonly Finding[] {
  if (condition === undefined) return [];
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
