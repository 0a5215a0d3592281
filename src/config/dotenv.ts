/** The `.env` file beside the config: `NAME=value` lines, read strictly. */

export interface DotenvFault {
  readonly line: number;
  /** Names the variable at most, never its value. */
  readonly message: string;
}
export interface Dotenv {
  readonly values: ReadonlyMap<string, string>;
  readonly faults: readonly DotenvFault[];
}

/**
 * A value may stand in single quotes (as it is) or double quotes (with `\n`, `\r`, `\t`, `\"`,
 * `\\`); without quotes it ends at ` #`. Nothing is expanded, and a value is one line.
 */
export function parseDotenv(text: string): Dotenv {
  const values = new Map<string, string>();
  const faults: DotenvFault[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const fault = (message: string) => faults.push({ line: index + 1, message });
    const [, name, rest] = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined) {
      fault("Must be NAME=value");
      continue;
    }
    const value = readValue(rest);
    if (value === undefined) fault(`The quotes of "${name}" are not closed on its line`);
    else if (values.has(name)) fault(`"${name}" is set twice`);
    else values.set(name, value);
  }
  return { values, faults };
}

const quoted = /^(?:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:#.*)?$/;
const escapes = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

function readValue(rest: string): string | undefined {
  if (!/^['"]/.test(rest)) return rest.replace(/(^|\s)#.*$/, "").trimEnd();
  const [whole, single, double] = quoted.exec(rest) ?? [];
  if (whole === undefined) return undefined;
  return (
    single ??
    double?.replace(/\\(.)/g, (both, letter: string) =>
      letter === '"' || letter === "\\" ? letter : (escapes.get(letter) ?? both),
    )
  );
}
