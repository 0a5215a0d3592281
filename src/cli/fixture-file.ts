/** Adds a fixture to a file of them, and leaves the rest of it as it is. */
import { escapeUnseen } from "../core/index.ts";
import { items, parseJson } from "../mcp/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { parseFixtures } from "../sandbox/index.ts";

export interface NewFixture {
  readonly name: string;
  /** JSON by member, in the order in which it is written. */
  readonly members: Readonly<Record<string, string>>;
}

/** A gateway reads no more. */
const maxBytes = 4 * 1024 * 1024;

/**
 * A fixture as people write them: a line for each member. Attack: a client's text that looks like
 * another one, or that a terminal obeys, to whoever reviews it.
 */
export function toFixtureText({ name, members }: NewFixture): string {
  const lines = Object.entries({ name: JSON.stringify(name), ...members });
  return `  {\n${lines.map(([key, json]) => `    "${key}": ${escapeUnseen(json)}`).join(",\n")}\n  }`;
}

/** Undefined where it is written, as a whole or not at all; else why it is not. `word` is for people. */
export async function addFixture(
  { path, word }: { readonly path: string; readonly word: string },
  fixture: NewFixture,
  files: Pick<Runtime["config"], "create" | "publish" | "readOwn">,
): Promise<string | undefined> {
  try {
    const before = await files.readOwn(path, maxBytes);
    const after = insert(before ?? "[]\n", toFixtureText(fixture));
    const wrong = findFault(before, after, fixture.name);
    if (wrong !== undefined) return `"${word}" ${wrong}`;
    if (before === undefined) await files.create(path, after);
    else await files.publish(path, after);
    return undefined;
  } catch (error) {
    return `Cannot write "${word}": ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The same text where it is no list. */
function insert(source: string, text: string): string {
  const parsed = parseJson(source.replace(/^\uFEFF/, " "));
  if (!parsed.ok || parsed.json.node.type !== "array") return source;
  const last = items(parsed.json).at(-1)?.node;
  const { start, end } = parsed.json.node;
  return last === undefined
    ? `${source.slice(0, start)}[\n${text}\n]${source.slice(end)}`
    : `${source.slice(0, last.end)},\n${text}${source.slice(last.end)}`;
}

function findFault(before: string | undefined, after: string, name: string): string | undefined {
  const { fixtures, faults } = parseFixtures(after);
  const [fault] = faults;
  if (fault !== undefined) {
    const where = fault.where === "" ? "" : `${fault.where}: `;
    return `is not as fixtures are, in line ${fault.line}: ${where}${fault.fault}`;
  }
  if (after === before) return "is no list of fixtures";
  if (fixtures.filter((one) => one.name === name).length > 1) {
    return `has a fixture named "${name}" already (--name gives it another one)`;
  }
  return after.length > maxBytes ? "would be larger than a gateway reads" : undefined;
}
