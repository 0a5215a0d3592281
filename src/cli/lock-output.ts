/** What `mcp-gw lock` found, for a person who has to accept it. Nothing is printed as a server wrote it. */
import { toFlagText } from "../upstreams/index.ts";
import type { Changes, ToolFlag } from "./lock-compare.ts";
import type { Difference } from "./lock-diff.ts";
import { toSafeLine } from "./safe-text.ts";

/** What came of asking one upstream. */
export type Asked =
  | (Changes & { readonly flagged: readonly ToolFlag[] })
  | { readonly fault: string };

const maxName = 128;
const maxValue = 200;

export function toLockLines(upstream: string, asked: Asked): readonly string[] {
  if ("fault" in asked) return [`${upstream}: ${toSafeLine(asked.fault, 300)}`];
  const { tools, new: fresh, changed, renamed, gone, flagged } = asked;
  return [
    `${upstream}: ${tools} ${tools === 1 ? "tool" : "tools"}`,
    ...fresh.map((tool) => row("new", toName(tool))),
    ...changed.flatMap(({ tool, fields }) => [
      row("changed", toName(tool)),
      ...fields.flatMap(toDifferenceLines),
    ]),
    ...renamed.map(({ from, to }) =>
      row("renamed", `${toName(from)} is now ${toName(to)}, and nothing else differs`),
    ),
    ...gone.map((tool) => row("gone", toName(tool))),
    ...flagged.map(({ tool, ...flag }) =>
      row("flagged", toSafeLine(`${tool}: ${toFlagText(flag)}`, 400)),
    ),
  ];
}

function row(what: string, text: string): string {
  return `  ${what.padEnd(8)} ${text}`;
}

function toDifferenceLines({ pointer, before, after }: Difference): readonly string[] {
  const lines = [`           ${toSafeLine(pointer, 300)}`];
  if (before !== undefined) lines.push(`           - ${toSafeLine(before, maxValue)}`);
  if (after !== undefined) lines.push(`           + ${toSafeLine(after, maxValue)}`);
  return lines;
}

function toName(name: string): string {
  return toSafeLine(name, maxName);
}
