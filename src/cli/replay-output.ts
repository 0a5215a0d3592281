/** What a replay found, for a person and for a script. */
import { toCell } from "../audit/index.ts";
import type { Walked } from "./record-walk.ts";
import type { Change, Doubtful, Example, Sums, Verdict } from "./replay-tally.ts";

export interface Replayed extends Walked {
  readonly config: string;
  readonly files: readonly string[];
  readonly sums: Sums;
}

/** At most `limit` groups of each kind. */
export function toReplayLines({ sums, ...walked }: Replayed, limit: number): readonly string[] {
  const { decided, same, changed, undecidable, changes, doubts, ungrouped, aside } = sums;
  const lines = [
    ...toGroups("Would change", changes, limit, toChange),
    ...toGroups("Cannot be told", doubts, limit, ({ doubt }) => doubt),
  ];
  if (ungrouped > 0) {
    lines.push(`${number(ungrouped)} of more clients and targets than are kept stand in no group`);
  }
  const fates = [
    `${number(same)} the same`,
    `${number(changed)} would change`,
    `${number(undecidable)} cannot be told`,
  ];
  lines.push(`${plural(decided, "exchange")} decided again: ${fates.join(", ")}`);
  for (const [why, count] of Object.entries(aside)) lines.push(`${number(count)} left out: ${why}`);
  return [...lines, ...toDamageLines(walked)];
}

/** Which lines were passed over. */
export function toDamageLines({ damaged, places }: Walked): readonly string[] {
  if (damaged === 0) return [];
  const named = places.map(({ file, line }) => `${toCell(file)}:${line}`).join(", ");
  const more = damaged > places.length ? " and others" : "";
  return [`${plural(damaged, "damaged line")} passed over: ${named}${more}`];
}

export function toReplayJson({ sums, ...walked }: Replayed, limit: number): string {
  const { damaged, places, ...rest } = walked;
  const { changes, doubts, ...counts } = sums;
  return JSON.stringify({
    ...rest,
    damaged: { count: damaged, places },
    ...counts,
    changes: changes.slice(0, limit),
    doubts: doubts.slice(0, limit),
    more: {
      changes: Math.max(0, changes.length - limit),
      doubts: Math.max(0, doubts.length - limit),
    },
  });
}

function toGroups<T extends Change | Doubtful>(
  title: string,
  groups: readonly T[],
  limit: number,
  tell: (group: T) => string,
): readonly string[] {
  if (groups.length === 0) return [];
  const shown = groups
    .slice(0, limit)
    .flatMap((group) => [
      `  ${toCell(group.client)}  ${toTarget(group)}  ${plural(group.count, "time")}`,
      `    ${toCell(tell(group))}`,
      `    such as ${toExample(group.example)}`,
    ]);
  const rest = groups.length - limit;
  const more = rest > 0 ? [`  and ${number(rest)} more (--limit shows them)`] : [];
  return [`${title}:`, ...shown, ...more, ""];
}

function toChange({ from, to, because }: Change): string {
  return `${toWords(from)} → ${toWords(to)}: ${because}`;
}

function toWords(verdict: Verdict): string {
  if (verdict === "allowed") return "allowed";
  return verdict === "APPROVAL_REQUIRED" ? "asked of a person" : `denied (${verdict})`;
}

function toTarget({ upstream, target }: Change | Doubtful): string {
  if (target === undefined) return "(no target)";
  return toCell(upstream === undefined ? target : `${upstream}/${target}`);
}

function toExample({ id, time }: Example): string {
  return id === undefined ? time : `${toCell(id)} of ${time}`;
}

export function plural(count: number, what: string): string {
  return `${number(count)} ${what}${count === 1 ? "" : "s"}`;
}

function number(count: number): string {
  return count.toLocaleString("en");
}
