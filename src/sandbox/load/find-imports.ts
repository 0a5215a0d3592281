/** Finds what a module imports, and what it writes that the sandbox does not have. */
import { type Token, tokensOf } from "./scan.ts";

export interface Import {
  /** As it stands between the quotes. */
  readonly from: string;
  /** Counted from 1. */
  readonly line: number;
}
export interface FoundImports {
  readonly imports: readonly Import[];
  /** The line of the first `import(…)`. */
  readonly dynamic: number | undefined;
  /** The line of the first decorator. */
  readonly decorator: number | undefined;
}

/** Takes JavaScript. Looking is all it does: the sandbox reads the code with a parser of its own. */
export function findImports(source: string): FoundImports {
  const tokens = tokensOf(source);
  const imports: Import[] = [];
  let dynamic: number | undefined;
  const lineAt = createLines(source);
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "word" || isSign(tokens[index - 1], ".")) continue;
    if (token.text !== "import" && token.text !== "export") continue;
    const next = tokens[index + 1];
    const isImport = token.text === "import";
    if (isImport && isSign(next, "(")) {
      if (dynamic === undefined && !isMethod(tokens, index + 1)) dynamic = lineAt(token.at);
      continue;
    }
    const from = isImport && next?.kind === "string" ? next : clauseEnd(tokens, index + 1);
    if (from !== undefined) imports.push({ from: from.text, line: lineAt(token.at) });
  }
  const at = tokens.find((token) => isSign(token, "@"))?.at;
  return { imports, dynamic, decorator: at === undefined ? undefined : createLines(source)(at) };
}

function isSign(token: Token | undefined, text: string): boolean {
  return token?.kind === "sign" && token.text === text;
}

const statements = new Set(["import", "export", "const", "function", "class", "default"]);

/** The module after `{ a as b } from`, `* as c from`, `d, { e } from`; none for any other statement. */
function clauseEnd(tokens: readonly Token[], start: number): Token | undefined {
  let depth = 0;
  for (let index = start; index < tokens.length; index++) {
    const token = tokens[index]!;
    const next = tokens[index + 1];
    if (depth === 0 && token.kind === "word" && token.text === "from" && next?.kind === "string") {
      return next;
    }
    if (depth === 0 && token.kind === "word" && statements.has(token.text)) return undefined;
    if (isSign(token, "{") && depth === 0) depth++;
    else if (isSign(token, "}") && depth === 1) depth--;
    else if (token.kind === "sign" && token.text !== "*" && token.text !== ",") return undefined;
    else if (token.kind === "string" && depth === 0) return undefined;
  }
  return undefined;
}

/** Each `import(` looks so far, however many there are. */
const maxParameters = 200;

/** `import(a) { … }` of an object or a class, which has nothing to do with modules. */
function isMethod(tokens: readonly Token[], start: number): boolean {
  let depth = 0;
  for (let index = start; index < Math.min(tokens.length, start + maxParameters); index++) {
    if (isSign(tokens[index], "(")) depth++;
    else if (isSign(tokens[index], ")") && --depth === 0) return isSign(tokens[index + 1], "{");
  }
  return false;
}

/** Asked for places in their order. */
function createLines(source: string): (at: number) => number {
  let line = 1;
  let next = source.indexOf("\n");
  return (at) => {
    for (; next !== -1 && next < at; line++) next = source.indexOf("\n", next + 1);
    return line;
  };
}
