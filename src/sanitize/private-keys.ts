/** Private keys in PEM (RFC 7468) and OpenPGP armor, with their line breaks as such or as `\n`. */
import { type Budget, costs } from "./budget.ts";
import { createCursor } from "./cursor.ts";
import type { Finding } from "./finding.ts";

const HEADER = /-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----/g;
const FOOTER = /-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----/g;
/** What stands between them when the end is missing: a key that was cut off is still a secret. */
const BODY = /[A-Za-z0-9+/=\s\\]*/y;
/** The least of a key that is worth taking out. */
const WORD = /[A-Za-z0-9+/]{16}/g;
/** An RSA key of 16384 bits has 13 KiB. */
const MAX_BODY = 65_536;

export function findPrivateKeys(text: string, budget: Budget): Finding[] {
  const findings: Finding[] = [];
  const word = createCursor(text, WORD, 16);
  const ends = [...text.matchAll(FOOTER)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
  }));
  let next = 0;
  let done = 0;
  for (const match of text.matchAll(HEADER)) {
    budget.spend(costs.candidate);
    if (match.index < done) continue;
    const bodyStart = match.index + match[0].length;
    while (next < ends.length && ends[next]!.start < bodyStart) next++;
    const footer = ends[next];
    const end =
      footer !== undefined && footer.start - bodyStart <= MAX_BODY
        ? footer.end
        : endOfBody(text, bodyStart);
    if (word(bodyStart) + 16 > Math.min(end, bodyStart + MAX_BODY)) continue;
    findings.push({ start: match.index, end, kind: "private-key" });
    done = end;
  }
  return findings;
}

function endOfBody(text: string, from: number): number {
  BODY.lastIndex = from;
  return from + (BODY.exec(text)?.[0].length ?? 0);
}
