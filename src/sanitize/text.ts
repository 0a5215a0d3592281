/** Cleans one text. */
import { type Budget, costs, withinBudget } from "./budget.ts";
import type { Edit } from "../mcp/index.ts";
import type { Redaction } from "../core/index.ts";
import { findHidden, toVisible } from "./hidden.ts";
import type { Finding, TextFinding } from "./finding.ts";
import { openLedger, tooCostly } from "./ledger.ts";
import { findSecrets } from "./scan.ts";
import { hasUnusual } from "./view.ts";
import type { SanitizeSettings } from "./settings.ts";

/**
 * How a string is treated: `text` is for people and models; `name` is compared exactly, so that it
 * loses secrets but keeps hidden characters; `uri` keeps what makes it open.
 */
export type Treatment = "text" | "name" | "uri";

export interface CleanedText {
  readonly text: string;
  readonly redactions: readonly Redaction[];
  /** Why the whole must be withheld: by `deny`, or because searching it is too costly. */
  readonly denied: string | undefined;
}

/** Stands for a text that is too costly to search. */
export const WITHHELD = "[withheld]";

/** A text by itself, such as the message of an error. Redactions stand at the empty pointer. */
export function cleanText(text: string, settings: SanitizeSettings): CleanedText {
  const cleaned = withinBudget((budget): CleanedText => {
    const ledger = openLedger(settings, budget);
    const findings = findAll(text, settings, "text", budget);
    if (findings.length === 0) return { text, redactions: [], denied: undefined };
    ledger.note(findings, []);
    return { text: applyEdits(text, toEdits(text, findings, settings)), ...ledger.close() };
  });
  return cleaned ?? { text: WITHHELD, ...tooCostly };
}

const nothing: readonly TextFinding[] = [];

/** The keys and enumerations that most strings of a message are: too short for any secret. */
function isWord(text: string): boolean {
  if (text.length > 15) return false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const isLetter = (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
    if (!isLetter && !(code >= 45 && code <= 57) && code !== 95) return false;
  }
  return true;
}

/** Secrets and hidden characters, in order and without overlaps; a secret swallows what it hides. */
export function findAll(
  text: string,
  { secrets, hidden }: SanitizeSettings,
  treatment: Treatment,
  budget: Budget,
): readonly TextFinding[] {
  budget.spend(costs.value);
  if (isWord(text)) return nothing;
  const isUnusual = hasUnusual(text);
  const scope = treatment === "uri" ? "uri" : "text";
  const inText = secrets === "off" ? nothing : findSecrets(text, budget, scope, isUnusual);
  const isRead = isUnusual && treatment === "text" && hidden !== "off";
  const unseen = isRead ? findHidden(text, budget) : nothing;
  if (inText.length === 0 && unseen.length === 0) return nothing;
  budget.spend(costs.finding * (inText.length + unseen.length));
  if (inText.length === 0) return unseen;
  const findings: TextFinding[] = inText.map(toSecret);
  let index = 0;
  for (const span of unseen) {
    while (index < inText.length && inText[index]!.end <= span.start) index++;
    const secret = inText[index];
    const isCut = secrets !== "report" && secret !== undefined && secret.start < span.end;
    if (!isCut) findings.push(span);
    else for (const rest of around(span, inText, index)) findings.push(rest);
  }
  return findings.sort((a, b) => a.start - b.start);
}

export function toSecret({ start, end, kind }: Finding): TextFinding {
  return { start, end, kind, group: "secrets" };
}

/** What of a hidden span lies outside the secrets, the first of which is at `index`. */
function* around(
  span: TextFinding,
  secrets: readonly Finding[],
  index: number,
): Iterable<TextFinding> {
  let at = span.start;
  for (
    let next = secrets[index];
    next !== undefined && next.start < span.end;
    next = secrets[++index]
  ) {
    if (next.start > at) yield { ...span, start: at, end: next.start };
    at = next.end;
  }
  if (at < span.end) yield { ...span, start: at };
}

/** What the findings become, as edits of the text. None for a mode that only reports. */
export function toEdits(
  text: string,
  findings: readonly TextFinding[],
  settings: SanitizeSettings,
): Edit[] {
  const edits: Edit[] = [];
  for (const { start, end, kind, group } of findings) {
    if (group === "secrets" && settings.secrets === "report") continue;
    const found = text.slice(start, end);
    const replacement =
      group === "hidden"
        ? settings.hidden === "show"
          ? toVisible(found)
          : ""
        : settings.secrets === "mask"
          ? mask(found)
          : `[redacted:${kind}]`;
    edits.push({ start, end, text: replacement });
  }
  return edits;
}

export function applyEdits(text: string, edits: readonly Edit[]): string {
  if (edits.length === 0) return text;
  const parts: string[] = [];
  let at = 0;
  for (const edit of edits) {
    parts.push(text.slice(at, edit.start), edit.text);
    at = edit.end;
  }
  parts.push(text.slice(at));
  return parts.join("");
}

/** From this length on, six characters of a secret are no help to anybody. */
const MASK_FROM = 16;

/** The first four characters and the last two; of a short or unprintable secret nothing. */
function mask(secret: string): string {
  const isShown = secret.length >= MASK_FROM && /^[\w.+/=-]+$/.test(secret);
  return isShown ? `${secret.slice(0, 4)}****${secret.slice(-2)}` : "****";
}
