/** Finds secrets in one text, whatever it is wrapped in. */
import { findAssignments } from "./assignments.ts";
import { type Budget, costs } from "./budget.ts";
import { type Detector, anyMark, detectors } from "./detectors.ts";
import { findEncoded } from "./encoded.ts";
import { type Finding, addAll, mergeFindings } from "./finding.ts";
import { findPrivateKeys } from "./private-keys.ts";
import { findRuns } from "./runs.ts";
import type { SanitizeSettings } from "./settings.ts";
import { findUrlPasswords } from "./url-passwords.ts";
import { hasUnusual, toOriginal, toView } from "./view.ts";

/**
 * `text` is looked at for everything; a `uri` only for what is never part of an address that its
 * reader is meant to open; `decoded` is the inside of an encoded run.
 */
export type ScanScope = "text" | "uri" | "decoded";

/** Which secrets: every format, unless they are `off`, and what is configured. */
export type Sought = Pick<SanitizeSettings, "secrets" | "literals">;

/** The shortest thing any detector finds: `pwd=` and four characters. */
const MIN_LENGTH = 8;

/**
 * Secrets as spans of `text`, in order and without overlaps. Linear in the length of the text.
 * `isUnusual` is `hasUnusual(text)`, for those who know it already.
 */
export function findSecrets(
  text: string,
  sought: Sought,
  budget: Budget,
  scope: ScanScope = "text",
  isUnusual: boolean = hasUnusual(text),
): Finding[] {
  if (text.length < MIN_LENGTH || seeksNothing(sought)) return [];
  const found = findIn(text, sought, scope, budget);
  const view = toView(text, isUnusual, budget);
  if (view) {
    budget.spend(costs.layer);
    for (const finding of findIn(view.text, sought, scope, budget)) {
      const { start, end } = toOriginal(view, finding);
      found.push({ start, end, kind: finding.kind });
    }
  }
  return found.length === 0 ? found : mergeFindings(found);
}

export function seeksNothing({ secrets, literals }: Sought): boolean {
  return secrets === "off" && literals === undefined;
}

function findIn(text: string, sought: Sought, scope: ScanScope, budget: Budget): Finding[] {
  budget.spend(3 * text.length);
  const findings = sought.literals?.find(text, budget) ?? [];
  const runs = findRuns(text);
  if (sought.secrets !== "off") findFormats(text, runs, scope, findings, budget);
  if (scope === "text" && runs.length > 0) {
    const kindInside = (decoded: string): string | undefined => {
      budget.spend(costs.layer);
      return findIn(decoded, sought, "decoded", budget)[0]?.kind;
    };
    addAll(findings, findEncoded(text, runs, kindInside, budget));
  }
  budget.spend(costs.finding * findings.length);
  return findings;
}

function findFormats(
  text: string,
  runs: readonly number[],
  scope: ScanScope,
  findings: Finding[],
  budget: Budget,
): void {
  if (runs.length > 0 && isMarked(text, runs, budget)) findTokens(text, scope, findings, budget);
  if (text.includes("-----BEGIN")) addAll(findings, findPrivateKeys(text, budget));
  if (text.includes("://")) addAll(findings, findUrlPasswords(text, budget));
  if (scope !== "uri") addAll(findings, findAssignments(text, scope === "decoded", budget));
}

/** How far before a run a mark may stand: `hooks.slack.com`, `123456789:AA`, `Bearer `. */
const REACH = 24;

function isMarked(text: string, runs: readonly number[], budget: Budget): boolean {
  for (let index = 0; index < runs.length; index += 2) {
    budget.spend(costs.run + 10 * (runs[index + 1]! - runs[index]!));
    if (anyMark.test(text.slice(Math.max(0, runs[index]! - REACH), runs[index + 1]))) return true;
  }
  return false;
}

function findTokens(text: string, scope: ScanScope, findings: Finding[], budget: Budget): void {
  budget.spend(10 * text.length);
  for (const detector of detectors) {
    if (scope === "uri" && !detector.inUris) continue;
    if (!detector.marks.some((mark) => text.includes(mark))) continue;
    const before = findings.length;
    findWith(detector, text, findings, budget);
    if (detector.kind === "aws-access-key" && findings.length > before) {
      addAll(findings, findAwsSecrets(text, findings.slice(before)));
    }
  }
}

function findWith(
  { kind, pattern, accepts }: Detector,
  text: string,
  findings: Finding[],
  budget: Budget,
): void {
  budget.spend(2 * text.length);
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    budget.spend(costs.candidate + 10 * match[0].length);
    const start = match.index;
    if (accepts === undefined || accepts(match[0])) {
      findings.push({ start, end: start + match[0].length, kind });
    } else {
      pattern.lastIndex = start + 1;
    }
  }
}

/** A secret key looks like any 40 letters; only beside the id of its key is it taken for one. */
function findAwsSecrets(text: string, keys: readonly Finding[]): Finding[] {
  const near = 256;
  const candidate = /(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])/g;
  const findings: Finding[] = [];
  let done = 0;
  for (const key of keys) {
    const from = Math.max(done, key.start - near);
    const until = Math.min(text.length, key.end + near);
    for (const match of text.slice(from, until).matchAll(candidate)) {
      if (!/[a-z]/.test(match[0]) || !/[A-Z]/.test(match[0]) || !/\d/.test(match[0])) continue;
      const start = from + match.index;
      findings.push({ start, end: start + 40, kind: "aws-secret-key" });
    }
    done = Math.max(done, until - 41);
  }
  return findings;
}
