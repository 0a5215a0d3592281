/** What `mcp-gw lock` found, for a person who has to accept it. Nothing is printed as a server wrote it. */
import { type LockContent, toFlagText } from "../upstreams/index.ts";
import type { Changes, ToolFlag } from "./lock-compare.ts";
import type { Difference } from "./lock-diff.ts";
import type { PluginChange, PluginChanges } from "./lock-plugins.ts";
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
    `${upstream}: ${toCount(tools, "tool")}`,
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

export function toPluginLines(plugins: PluginChanges): readonly string[] {
  const entries = Object.entries(plugins);
  if (entries.length === 0) return [];
  const count = entries.filter(
    ([, change]) => !("what" in change) || change.what !== "gone",
  ).length;
  const head = `plugins: ${toCount(count, "plugin")}`;
  return [head, ...entries.flatMap(([file, change]) => toPluginRows(toName(file), change))];
}

function toPluginRows(file: string, change: PluginChange): readonly string[] {
  if ("fault" in change) return [row("unread", `${file}: ${toSafeLine(change.fault, 300)}`)];
  const { what } = change;
  if (what === "same") return [];
  if (what === "new") return [row(what, `${file} ${change.sha256}`)];
  if (what === "gone") return [row(what, file)];
  return [row(what, file), `           - ${change.before}`, `           + ${change.sha256}`];
}

/** The last line: what has become of the file. */
export function toLockEnd(
  path: string,
  { lock, plugins }: LockContent,
  end: "written" | "differs" | "same",
): string {
  const tools = toCount(
    [...lock.values()].reduce((sum, { size }) => sum + size, 0),
    "tool",
  );
  const isAlone = plugins.size === 0;
  if (end === "written") {
    const what = isAlone ? tools : `${tools} and ${toCount(plugins.size, "plugin")}`;
    const reload = isAlone ? "" : ", and plugins with `mcp-gw reload`";
    return `Wrote ${what} to ${path}; a gateway that runs here takes it up within a second${reload}`;
  }
  const what = isAlone ? "what the upstreams list" : "what the upstreams list and the plugins are";
  return end === "differs" ? `${path} is not ${what}` : `${path} is ${what}`;
}

function toCount(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
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
