/** Cleans a JSON value: every string and every key, spliced in place. */
import { type Budget, costs, withinBudget } from "./budget.ts";
import type { Redaction } from "../core/index.ts";
import {
  type Edit,
  type Json,
  type JsonNode,
  type JsonObjectNode,
  type JsonStringNode,
  reread,
  spliced,
} from "../mcp/index.ts";
import { cleanBlob, isBinary } from "./blob.ts";
import { type TextFinding, configured, mergeFindings } from "./finding.ts";
import { type SensitiveKey, isSecretValue, mayEndSensitive, toSensitiveKey } from "./keys.ts";
import { type Ledger, type PathPart, openLedger, tooCostly } from "./ledger.ts";
import { type Leaf, type Place, dataPlace } from "./places.ts";
import { seeksNothing } from "./scan.ts";
import { type SanitizeSettings, onlyLiterals } from "./settings.ts";
import { toSourceEdit } from "./source-edits.ts";
import { WITHHELD, type Treatment, applyEdits, findAll, toEdits, toSecret } from "./text.ts";

export interface CleanedJson {
  readonly json: Json;
  readonly redactions: readonly Redaction[];
  /** Why the whole must be withheld: by `deny`, or because searching it is too costly. */
  readonly denied: string | undefined;
}

/** Any JSON: arguments for the record, data of an error. Pointers start at the value. */
export function cleanJson(json: Json, settings: SanitizeSettings): CleanedJson {
  const cleaned = withinBudget((budget) => {
    const ledger = openLedger(settings, budget);
    return { json: cleanAt(json, dataPlace, { settings, ledger, budget }, []), ...ledger.close() };
  });
  return cleaned ?? { json: reread(JSON.stringify(WITHHELD)), ...tooCostly };
}

export interface Tools {
  readonly settings: SanitizeSettings;
  readonly ledger: Ledger;
  readonly budget: Budget;
}

/** As `cleanJson`, for a value that stands at a place of the protocol and at a path of a message. */
export function cleanAt(json: Json, place: Place, tools: Tools, path: readonly PathPart[]): Json {
  const { settings, ledger, budget } = tools;
  if (seeksNothing(settings) && settings.hidden === "off") return json;
  const walk: Walk = { settings, ledger, budget, source: json.source, edits: [], path: [...path] };
  cleanNode(walk, json.node, place, undefined);
  return spliced(json, walk.edits);
}

interface Walk extends Tools {
  readonly source: string;
  readonly edits: Edit[];
  /** Where the walk stands now. */
  readonly path: PathPart[];
}

function cleanNode(
  walk: Walk,
  node: JsonNode,
  role: Leaf | Place,
  promise: SensitiveKey | undefined,
): void {
  walk.budget.spend(costs.value);
  switch (node.type) {
    case "string":
      cleanString(walk, node, typeof role === "string" ? role : "text", promise);
      return;
    case "array":
      for (let index = 0; index < node.items.length; index++) {
        walk.path.push(index);
        cleanNode(walk, node.items[index]!, role, promise);
        walk.path.pop();
      }
      return;
    case "object":
      cleanObject(walk, node, typeof role === "string" ? dataPlace : role);
      return;
    case "number":
      cleanNumber(walk, node);
      return;
    default:
  }
}

function cleanObject(walk: Walk, node: JsonObjectNode, place: Place): void {
  const { path, budget } = walk;
  for (const { key, value } of node.members) {
    const row = place.rows.get(key);
    const isRead = place.readsKeys && row === undefined && mayEndSensitive(key, key.length);
    if (isRead) budget.spend(costs.name);
    const promise = isRead ? toSensitiveKey(key) : undefined;
    path.push(key);
    if (promise !== undefined && value.type === "string") {
      budget.spend(costs.candidate + value.value.length);
    }
    cleanNode(walk, value, row ?? place.others, promise);
    path.pop();
  }
  const { settings } = walk;
  if (place.cleansKeys) cleanKeys(walk, node, place, settings);
  else if (settings.literals) cleanKeys(walk, node, place, onlyLiterals(settings));
}

/** Two keys that were different must not become one: a later one gets a number. */
function cleanKeys(
  walk: Walk,
  node: JsonObjectNode,
  place: Place,
  settings: SanitizeSettings,
): void {
  const { source, ledger, path, edits, budget } = walk;
  const noted: TextFinding[] = [];
  let toName: ((cleaned: string) => string) | undefined;
  for (const { key, keyStart, keyEnd } of node.members) {
    if (place.rows.has(key)) continue;
    const findings = findAll(key, settings, "text", budget);
    if (findings.length === 0) continue;
    for (const finding of findings) noted.push(finding);
    const changes = toEdits(key, findings, settings);
    if (changes.length === 0) continue;
    budget.spend(costs.key);
    toName ??= createNumbering(node.members.map((member) => member.key));
    const cleaned = applyEdits(key, changes);
    const name = toName(cleaned);
    if (name === cleaned) {
      const place = { type: "string", start: keyStart, end: keyEnd, value: key } as const;
      edits.push(toSourceEdit(source, place, changes));
    } else {
      edits.push({ start: keyStart, end: keyEnd, text: JSON.stringify(name) });
    }
  }
  ledger.note(noted, path);
}

/** Goes on where the last clash of a name ended: thousands of keys may become the same one. */
function createNumbering(keys: readonly string[]): (name: string) => string {
  const taken = new Set(keys);
  const counts = new Map<string, number>();
  return (name) => {
    let count = counts.get(name) ?? 1;
    let free = name;
    for (; taken.has(free); free = `${name}#${count}`) count++;
    counts.set(name, count);
    taken.add(free);
    return free;
  };
}

function cleanString(
  walk: Walk,
  node: JsonStringNode,
  leaf: Leaf,
  promise: SensitiveKey | undefined,
): void {
  if (leaf === "keep") return cleanKept(walk, node);
  if (leaf === "media" && isBinary(node.value)) return cleanBinary(walk, node);
  if (leaf === "media" || leaf === "blob") {
    if (!cleanBase64(walk, node)) cleanSpans(walk, node, "text", undefined);
    return;
  }
  cleanSpans(walk, node, leaf === "uri" ? "uri" : "text", promise);
}

/** What is given back loses its use without a part of it; with a credential in it, it has none. */
function cleanKept(walk: Walk, node: JsonStringNode): void {
  const { settings } = walk;
  if (settings.literals === undefined) return;
  cleanSpans({ ...walk, settings: onlyLiterals(settings) }, node, "text", undefined);
}

/** A picture or a sound stays as it is, unless it carries what is configured. */
function cleanBinary(walk: Walk, node: JsonStringNode): void {
  const { settings, budget } = walk;
  const known = settings.literals?.find(node.value, budget) ?? [];
  if (known.length > 0) cleanBase64({ ...walk, settings: onlyLiterals(settings) }, node);
}

/** A credential of digits alone can also be sent as a number. */
function cleanNumber(
  { settings, source, ledger, path, edits, budget }: Walk,
  node: JsonNode,
): void {
  const known = settings.literals?.find(source.slice(node.start, node.end), budget) ?? [];
  if (known.length === 0) return;
  ledger.note(mergeFindings(known).map(toSecret), path);
  edits.push({
    start: node.start,
    end: node.end,
    text: JSON.stringify(`[redacted:${configured}]`),
  });
}

function cleanSpans(
  walk: Walk,
  node: JsonStringNode,
  treatment: Treatment,
  promise: SensitiveKey | undefined,
): void {
  const { settings, source, ledger, path, edits, budget } = walk;
  const findings = isPromised(node.value, promise, settings)
    ? allOf(node.value, promise, settings, budget)
    : findAll(node.value, settings, treatment, budget);
  if (findings.length === 0) return;
  ledger.note(findings, path);
  const changes = toEdits(node.value, findings, settings);
  if (changes.length > 0) edits.push(toSourceEdit(source, node, changes));
}

function isPromised(
  value: string,
  promise: SensitiveKey | undefined,
  { secrets }: SanitizeSettings,
): promise is SensitiveKey {
  return promise !== undefined && secrets !== "off" && isSecretValue(value, promise);
}

/** The value is the secret. Where it stays, what is hidden in it does not. */
function allOf(
  value: string,
  { kind }: SensitiveKey,
  settings: SanitizeSettings,
  budget: Budget,
): TextFinding[] {
  const rest = findAll(value, { ...settings, secrets: "off" }, "text", budget);
  const isKnown = rest.some(({ group }) => group === "configured");
  const whole = toSecret({ start: 0, end: value.length, kind: isKnown ? configured : kind });
  return settings.secrets === "report" && !isKnown ? [whole, ...rest] : [whole];
}

/** Whether the string is base64 at all. */
function cleanBase64(walk: Walk, node: JsonStringNode): boolean {
  const { settings, ledger, path, edits, budget } = walk;
  const cleaned = cleanBlob(node.value, settings, budget);
  if (cleaned === undefined) return false;
  ledger.note(cleaned.findings, path);
  if (cleaned.base64 !== node.value) {
    edits.push({ start: node.start, end: node.end, text: JSON.stringify(cleaned.base64) });
  }
  return true;
}
