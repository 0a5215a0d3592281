/** A secret in a text, as a span of its UTF-16 units. */
export interface Finding {
  readonly start: number;
  readonly end: number;
  /** What it is: `github-token`. Never anything that was read. */
  readonly kind: string;
}

/** The kind of what the config itself keeps secret. */
export const configured = "configured";

/**
 * A finding and the setting that says what becomes of it. What is `configured` is withheld whatever
 * they say: a credential of the gateway is nobody's to let pass.
 */
export interface TextFinding extends Finding {
  readonly group: "secrets" | "configured" | "hidden";
  /** How many stand in the span; one where absent. */
  readonly count?: number;
}

/**
 * Findings without overlaps, in order. Overlapping ones become one span over both, with the kind of
 * the one that was listed first: list the most specific detector first. What is configured goes
 * before all others.
 */
export function mergeFindings(findings: Finding[]): Finding[] {
  if (areApart(findings)) return findings;
  const ranked = findings.map(({ start, end, kind }, index) => {
    return { start, end, kind, rank: kind === configured ? -1 : index };
  });
  ranked.sort((a, b) => a.start - b.start || a.rank - b.rank);
  const merged: (Finding & { readonly rank: number })[] = [];
  for (const next of ranked) {
    const last = merged.at(-1);
    if (last === undefined || next.start >= last.end) {
      merged.push(next);
      continue;
    }
    const { kind, rank } = next.rank < last.rank ? next : last;
    const end = Math.max(last.end, next.end);
    merged[merged.length - 1] = { start: last.start, end, kind, rank };
  }
  return merged.map(({ start, end, kind }) => ({ start, end, kind }));
}

function areApart(findings: readonly Finding[]): boolean {
  let end = 0;
  for (const finding of findings) {
    if (finding.start < end) return false;
    end = finding.end;
  }
  return true;
}

/** Appends without spreading: a hostile text may hold more findings than a call may have arguments. */
export function addAll(findings: Finding[], more: readonly Finding[]): void {
  for (const finding of more) findings.push(finding);
}
