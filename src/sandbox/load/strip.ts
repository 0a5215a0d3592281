/** Takes the types out of TypeScript and leaves each character of the rest where it stood. */

export type Stripped = { readonly code: string } | StripFault;
export interface StripFault {
  readonly fault: string;
  readonly hint?: string;
  readonly line?: number;
}

type Transform = (source: string, options: { readonly mode: "strip-only" }) => { code: string };

/** Loaded at the first TypeScript file: it takes 100 ms and 30 MB. */
let loading: Promise<Transform> | undefined;
let isBroken = false;

async function load(): Promise<Transform> {
  const { default: amaro } = await import("amaro");
  return amaro.transformSync;
}

/**
 * One stripper on every runtime, though newer ones have their own: theirs are experimental, and Deno's
 * names no line. It knows no decorators: they stay, and are no JavaScript.
 */
export async function stripTypes(source: string): Promise<Stripped> {
  if (isBroken) return broken;
  const transform = await (loading ??= load());
  try {
    return { code: transform(source, { mode: "strip-only" }).code };
  } catch (error) {
    if (typeof error === "string") return toFault(error);
    // It ran out of its stack, and does not get back what it took.
    isBroken = true;
    return { fault: "Is nested too deeply to be read as TypeScript", hint: inJavaScript };
  }
}

const inJavaScript = "write it as JavaScript, in a .js file";
const broken: StripFault = {
  fault: "Cannot be read as TypeScript any more, after a file that was nested too deeply",
  hint: "mend that file and restart the gateway",
};

const instead = new Map([
  ["enum", 'write const Kind = { A: "a" } as const'],
  ["namespace declaration", "write a module of its own"],
  ["parameter property", "write a field, and assign to it in the constructor"],
  ["import equals declaration", "write import … from"],
  ["export assignment", "write export default"],
]);

/** Its first line says what is wrong, its second one where, but for a source of one line. */
function toFault(drawing: string): StripFault {
  const [, message = "Cannot be parsed"] = /^\s*\S+ ([^\n]+)/.exec(drawing) ?? [];
  const line = /,-\[(\d+):\d+\]/.exec(drawing)?.[1] ?? /^\s*(\d+) \|/m.exec(drawing)?.[1];
  const place = line === undefined ? {} : { line: Number(line) };
  const [, what] = /^TypeScript (.+) is not supported/.exec(message) ?? [];
  if (what === undefined) return { fault: `Is not valid TypeScript: ${message}`, ...place };
  const hint = instead.get(what) ?? "write it in JavaScript";
  const article = /^[aeiou]/.test(what) ? "an" : "a";
  return { fault: `Has ${article} ${what}, which is more than types`, hint, ...place };
}
