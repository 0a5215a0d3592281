/** Cleans one text. */
import { type Budget, costs, withinBudget } from "./budget.ts";
import type { Edit } from "../mcp/index.ts";
import type { Redaction } from "../core/index.ts";
import { findHidden, toVisible } from "./hidden.ts";
import { type Finding, type TextFinding, configured, mergeFindings } from "./finding.ts";
import { openLedger, tooCostly } from "./ledger.ts";
import { findSecrets } from "./scan.ts";
import { isScriptUri } from "./script-uri.ts";
import { hasUnusual } from "./view.ts";
import type { SanitizeSettings } from "./settings.ts";

/**
 * How a string is treated: `text` is for people and models; `uri` keeps what makes it open, and loses
 * hidden characters all the same, since no URI can hold any; one that runs a script goes as a whole.
 */
export type Treatment = "text" | "uri";

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

/** The keys and enumerations that most strings of a message are: too short for any secret's format. */
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
  settings: SanitizeSettings,
  treatment: Treatment,
  budget: Budget,
): readonly TextFinding[] {
  const { secrets, hidden, literals } = settings;
  budget.spend(costs.value);
  if (isWord(text)) {
    const known = literals?.find(text, budget);
    return known && known.length > 0 ? mergeFindings(known).map(toSecret) : nothing;
  }
  if (treatment === "uri" && hidden !== "off" && isScriptUri(text)) return [toScript(text)];
  const isUnusual = hasUnusual(text);
  const scope = treatment === "uri" ? "uri" : "text";
  const inText = findSecrets(text, settings, budget, scope, isUnusual);
  const isRead = isUnusual && hidden !== "off";
  const unseen = isRead ? findHidden(text, budget) : nothing;
  if (inText.length === 0 && unseen.length === 0) return nothing;
  budget.spend(costs.finding * (inText.length + unseen.length));
  if (inText.length === 0) return unseen;
  const findings: TextFinding[] = inText.map(toSecret);
  const gone = secrets === "report" ? inText.filter(isConfigured) : inText;
  let index = 0;
  for (const span of unseen) {
    while (index < gone.length && gone[index]!.end <= span.start) index++;
    const secret = gone[index];
    if (secret === undefined || secret.start >= span.end) findings.push(span);
    else for (const rest of around(span, gone, index)) findings.push(rest);
  }
  return findings.sort((a, b) => a.start - b.start);
}

export function toSecret({ start, end, kind }: Finding): TextFinding {
  return { start, end, kind, group: kind === configured ? "configured" : "secrets" };
}

function isConfigured({ kind }: Finding): boolean {
  return kind === configured;
}

const scriptKind = "script-uri";

function toScript(uri: string): TextFinding {
  return { start: 0, end: uri.length, kind: scriptKind, group: "hidden" };
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
    const isUnseen = group === "hidden" && kind !== scriptKind;
    let replacement = `[redacted:${kind}]`;
    if (isUnseen) replacement = settings.hidden === "show" ? toVisible(found) : "";
    else if (group === "secrets" && settings.secrets === "mask") replacement = mask(found);
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
