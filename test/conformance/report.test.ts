import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Exemption, settings } from "./exempt.ts";
import { exemptionsOf, report } from "./report.ts";
import type { Check, Scenario } from "./suite.ts";

let lines: string[];
beforeEach(() => {
  lines = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
});
afterEach(() => vi.restoreAllMocks());

const scenario = (isScored: boolean, ...statuses: Check["status"][]): Scenario => ({
  name: "some-scenario",
  isScored,
  checks: statuses.map((status, index) => ({ id: `check-${index}`, status, errorMessage: "why" })),
});
const exemption: Exemption = {
  setting: "legacy",
  revision: "2026-07-28",
  scenario: "some-scenario",
  check: "check-1",
  reason: "Because",
};
const judge = (found: Scenario, ...exemptions: Exemption[]): boolean =>
  report({ title: "a run", scenarios: [found], exemptions });

test("a run is taken when every check passes", () => {
  expect(judge(scenario(true, "SUCCESS", "INFO", "SKIPPED"))).toBe(true);
  expect(lines).toContain("green some-scenario: 1 passed, 0 failed");
});

test.each(["FAILURE", "WARNING"] as const)("a run is not taken with a %s", (status) => {
  expect(judge(scenario(true, "SUCCESS", status))).toBe(false);
  expect(lines).toContain("        check-1: why");
});

test("a run is taken when only what is not scored fails", () => {
  expect(judge(scenario(false, "FAILURE"))).toBe(true);
});

test("a run is taken when the failing check is exempt, and that one alone", () => {
  expect(judge(scenario(true, "SUCCESS", "FAILURE"), exemption)).toBe(true);
  expect(judge(scenario(true, "FAILURE", "FAILURE"), exemption)).toBe(false);
});

test("a run is not taken when an exempt check does not fail any more", () => {
  expect(judge(scenario(true, "SUCCESS", "SUCCESS"), exemption)).toBe(false);
});

test("an exemption counts in its own setting and revision", () => {
  expect(exemptionsOf([exemption], "legacy", "2026-07-28")).toEqual([exemption]);
  expect(exemptionsOf([exemption], "legacy", "2025-11-25")).toEqual([]);
  for (const setting of settings.filter((each) => each !== "legacy")) {
    expect(exemptionsOf([exemption], setting, "2026-07-28")).toEqual([]);
  }
});
