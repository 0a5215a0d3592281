/** What `suggest` found: a part of a config, with what is worth knowing as comments. */
import { toCell, toLineText } from "../audit/index.ts";
import type { Walked } from "./record-walk.ts";
import { plural, toDamageLines } from "./replay-output.ts";
import type { LeftOut } from "./suggest-collect.ts";
import type { AllowLists } from "./suggest-patterns.ts";
import type { Unused } from "./suggest-unused.ts";

export interface Suggestion {
  readonly calls: number;
  readonly allow: AllowLists & { readonly input?: readonly string[] };
  /** What these allow comes on top. */
  readonly roles: readonly string[];
}
export interface Suggested extends Walked {
  readonly clients: Readonly<Record<string, Suggestion>>;
  /** Undefined where no config was read. */
  readonly unused: readonly Unused[] | undefined;
  readonly leftOut: number;
  readonly examples: readonly LeftOut[];
}

export function toSuggestJson({ damaged, places, leftOut, examples, ...rest }: Suggested): string {
  return JSON.stringify({
    ...rest,
    leftOut: { count: leftOut, examples },
    damaged: { count: damaged, places },
  });
}

/** It can be pasted as it is. */
export function toSuggestLines(suggested: Suggested): readonly string[] {
  const { clients, unused, leftOut, examples } = suggested;
  const lines = ["clients: {"];
  for (const [name, { calls, allow, roles }] of Object.entries(clients)) {
    lines.push(`  ${quote(name)}: {`, `    // ${plural(calls, "call")} passed`);
    if (roles.length > 0) {
      lines.push(`    // Without its roles (${roles.join(", ")}): what they allow comes on top`);
    }
    lines.push("    allow: {", ...toLists(allow), "    },", "  },");
  }
  lines.push("},");
  const notes = [
    ...(unused === undefined ? [] : toUnusedLines(unused)),
    ...(leftOut === 0 ? [] : [`${plural(leftOut, "call")} that passed would be refused:`]),
    ...examples.map(toLeftOutLine),
    ...toDamageLines(suggested),
  ];
  return [...lines, ...notes.map((note) => `// ${note}`)];
}

function toLists(allow: Suggestion["allow"]): readonly string[] {
  return Object.entries(allow).flatMap(([kind, patterns]: [string, readonly string[]]) => {
    if (patterns.length === 0) return [];
    const note = kind === "input" ? " // As it is: what servers ask for is not recorded" : "";
    const rows = patterns.map((pattern) => `        ${quote(pattern)},`);
    return [`      ${kind}: [${note}`, ...rows, "      ],"];
  });
}

function toUnusedLines(unused: readonly Unused[]): readonly string[] {
  if (unused.length === 0) return ["Every grant was used"];
  return [
    `${plural(unused.length, "grant")} nobody used:`,
    ...unused.map(({ client, role, kind, pattern }) => {
      const holder = role === undefined ? `client ${quote(client ?? "")}` : `role ${quote(role)}`;
      return `  ${holder}: ${kind} ${quote(pattern)}`;
    }),
  ];
}

function toLeftOutLine({ client, upstream, target, why }: LeftOut): string {
  const name = target === undefined ? "a call" : `${upstream ?? ""}/${target}`;
  return `  ${toCell(client)}: ${toCell(name)}: ${why}`;
}

/** A text as both TypeScript and JSON write it, safe for a terminal. */
function quote(text: string): string {
  return toLineText(JSON.stringify(text));
}
