/** Long words that may be base64 or hex of something else (RFC 4648). */
import { decodeBase64, decodeHex, hexAlignments, textAlignments } from "./base64.ts";
import { type Budget, costs } from "./budget.ts";
import { type Finding, addAll } from "./finding.ts";
import { isRunCode } from "./runs.ts";

const MIN_BASE64 = 24;
const HEX = /[0-9a-fA-F]{32}[0-9a-fA-F]*/g;
/** Line breaks inside base64 come after lines of at least this length (64 in PEM, 76 in MIME). */
const MIN_LINE = 40;

/**
 * Looks inside each run and reports the whole of it when `kindIn` finds a secret in what it decodes
 * to. A run may begin with letters that are no part of the encoding, such as a path's, so that each
 * alignment is tried.
 */
export function findEncoded(
  text: string,
  runs: readonly number[],
  kindIn: (decoded: string) => string | undefined,
  budget: Budget,
): Finding[] {
  const findings: Finding[] = [];
  let done = 0;
  for (let index = 0; index < runs.length; index += 2) {
    const start = runs[index]!;
    if (start < done || runs[index + 1]! - start < MIN_BASE64) continue;
    const end = endOfLines(text, start, runs[index + 1]!);
    done = end;
    // Four alignments, and what is decoded pays for itself
    budget.spend(costs.run + 16 * (end - start));
    const run = text.slice(start, end);
    const inHex = findHex(run, kindIn);
    if (inHex.length > 0) {
      addAll(
        findings,
        inHex.map((each) => shift(each, start)),
      );
      continue;
    }
    const kind = kindInBase64(run, kindIn);
    if (kind !== undefined) findings.push({ start, end: endOfPadding(text, end), kind });
  }
  return findings;
}

/** Base64 of text has letters of both cases: what has not is a path, a UUID or a digest. */
function kindInBase64(
  run: string,
  kindIn: (decoded: string) => string | undefined,
): string | undefined {
  if (!/[A-Z]/.test(run) || !/[a-z]/.test(run)) return undefined;
  const letters = /\s/.test(run) ? run.replace(/\s+/g, "") : run;
  for (const skip of textAlignments(letters)) {
    const length = letters.length - skip;
    const decoded = decodeBase64(letters.slice(skip, length % 4 === 1 ? -1 : undefined));
    const kind = decoded && kindIn(withoutNuls(decoded));
    if (kind) return kind;
  }
  return undefined;
}

function findHex(run: string, kindIn: (decoded: string) => string | undefined): Finding[] {
  const findings: Finding[] = [];
  for (const match of run.matchAll(HEX)) {
    for (const skip of hexAlignments(match[0])) {
      const kind = kindIn(withoutNuls(decodeHex(match[0], skip)));
      if (kind === undefined) continue;
      findings.push({ start: match.index, end: match.index + match[0].length, kind });
      break;
    }
  }
  return findings;
}

function shift({ start, end, kind }: Finding, by: number): Finding {
  return { start: start + by, end: end + by, kind };
}

/** UTF-16 of ASCII is ASCII with a NUL beside each character. */
function withoutNuls(decoded: string): string {
  return decoded.includes("\0") ? decoded.replaceAll("\0", "") : decoded;
}

function endOfLines(text: string, start: number, firstEnd: number): number {
  let lineStart = start;
  let end = firstEnd;
  while (end - lineStart >= MIN_LINE) {
    const lineBreak = text[end] === "\n" ? 1 : text[end] === "\r" && text[end + 1] === "\n" ? 2 : 0;
    if (lineBreak === 0) break;
    const next = end + lineBreak;
    let at = next;
    while (at < text.length && isRunCode(text.charCodeAt(at))) at++;
    if (at === next) break;
    lineStart = next;
    end = at;
  }
  return end;
}

function endOfPadding(text: string, end: number): number {
  let at = end;
  while (at < end + 2 && text[at] === "=") at++;
  return at;
}
