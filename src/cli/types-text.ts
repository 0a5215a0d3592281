/** The text of `gateway.types.d.ts`: sorted, one name on each line, so that it reads well as a diff. */
import { type JsonObject, isObject, items, member, parseJson, stringOf } from "../mcp/index.ts";
import { toArgumentsType, toLiteral } from "./types-schema.ts";

export interface Named {
  readonly name: string;
  readonly definition: JsonObject;
}
/** What one upstream has; `prompts` is absent where it was not asked for them. */
export interface Known {
  readonly tools: readonly Named[];
  readonly prompts?: readonly Named[];
}
/** By upstream, the lines of its entry. */
export type Entries = ReadonlyMap<string, string>;

const head = `// Written by \`mcp-gw types\`: the tools, arguments and prompts of the upstreams. Run it again to
// bring it up to date; what is changed by hand is lost.
export {};
declare module "mcp-gw" {
  interface Register {
    upstreams: {
`;
const foot = `    };
  }
}
`;
const indent = "      ";

/** Where prompts were not asked for, those of the entry `before` stay. */
export function toEntry(upstream: string, { tools, prompts }: Known, before = ""): string {
  const inner = `${indent}  `;
  const known =
    prompts === undefined
      ? (promptBlock.exec(before)?.[0] ?? "")
      : toBlock("prompts", prompts, inner, toPromptLines);
  const all = toBlock("tools", tools, inner, toToolLines) + known;
  return `${indent}${toLiteral(upstream)}: {\n${all}${indent}};\n`;
}

/** Names are quoted, and what stands deeper is indented more. */
const promptBlock = /^ {8}prompts: (?:\{\};|\{\n(?:.*\n)*? {8}\};)\n/m;

export function toTypesText(entries: Entries): string {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  return `${head}${sorted.join("")}${foot}`;
}

/** The entries of such a text; undefined where it is not exactly what would be written. */
export function readEntries(text: string): Entries | undefined {
  if (!text.startsWith(head) || !text.endsWith(foot)) return undefined;
  const body = text.slice(head.length, text.length - foot.length);
  const entries = new Map<string, string>();
  // No name holds a line break as it is, so only an entry of an upstream begins or ends so.
  for (const entry of body.split(/(?<=^ {6}\};\n)/m)) {
    const literal = /^ {6}("(?:[^"\\]|\\.)*"): \{\n/.exec(entry)?.[1];
    const parsed = literal === undefined ? undefined : parseJson(literal);
    // Whoever wrote into the file by hand may have written no JSON.
    const name = parsed?.ok === true ? stringOf(parsed.json) : undefined;
    if (name !== undefined) entries.set(name, entry);
  }
  return toTypesText(entries) === text ? entries : undefined;
}

function toBlock(
  what: string,
  named: readonly Named[],
  at: string,
  toLines: (definition: JsonObject, at: string) => readonly string[],
): string {
  const inner = `${at}  `;
  const sorted = [...new Map(named.map((each) => [each.name, each.definition]))].sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const entries = sorted.map(([name, definition]) => {
    const lines = toLines(definition, `${inner}  `).map((line) => `${inner}  ${line}\n`);
    return `${inner}${toLiteral(name)}: {\n${lines.join("")}${inner}};\n`;
  });
  return entries.length === 0
    ? `${at}${what}: {};\n`
    : `${at}${what}: {\n${entries.join("")}${at}};\n`;
}

function toToolLines(definition: JsonObject, at: string): readonly string[] {
  const annotations = member(definition, "annotations");
  const hints = isObject(annotations) ? annotations.node.members : [];
  const flags = hints
    .filter(({ value }) => value.type === "true" || value.type === "false")
    .map(({ key, value }) => `${toLiteral(key)}: ${value.type}`);
  const sorted = [...new Set(flags)].sort();
  return [
    `args: ${toArgumentsType(member(definition, "inputSchema"), at)};`,
    `annotations: ${sorted.length === 0 ? "{}" : `{ ${sorted.join("; ")} }`};`,
  ];
}

/** All arguments of prompts are strings. */
function toPromptLines(definition: JsonObject): readonly string[] {
  const args = items(member(definition, "arguments")).flatMap((argument) => {
    const name = stringOf(member(argument, "name"));
    if (name === undefined) return [];
    const mark = member(argument, "required")?.node.type === "true" ? "" : "?";
    return [[name, `${toLiteral(name)}${mark}: string`] as const];
  });
  const sorted = [...new Map(args)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
  return [`args: ${sorted.length === 0 ? "{}" : `{ ${sorted.join("; ")} }`};`];
}
