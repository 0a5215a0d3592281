/**
 * Reads what a TypeScript file imports. It splits the text into words, strings and signs, so that
 * comments, strings, templates and regular expressions that look like an import are none.
 */

export interface Token {
  readonly kind: "word" | "string" | "sign";
  readonly text: string;
}
export interface Import {
  readonly from: string;
  /** A type import draws no code, but it draws an arrow between rooms all the same. */
  readonly form: "static" | "dynamic";
}

const wordStart = /[\p{ID_Start}$_#]/u;
const word = /[\p{ID_Continue}$\u200c\u200d]+/uy;
/** After these words a slash begins a regular expression, after any other it divides. */
const beforeExpression = new Set(
  "await case delete do else in instanceof new of return throw typeof void yield".split(" "),
);

export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  /** For each open brace: whether it belongs to a template's `${`. */
  const braces: boolean[] = [];
  let at = 0;
  const add = (kind: Token["kind"], text: string): void => {
    tokens.push({ kind, text });
  };
  const template = (): void => {
    for (; at < source.length; at += 1) {
      if (source[at] === "\\") at += 1;
      else if (source[at] === "`") break;
      else if (source[at] === "$" && source[at + 1] === "{") {
        at += 2;
        braces.push(true);
        add("sign", "{");
        return;
      }
    }
    at += 1;
  };
  while (at < source.length) {
    const char = source[at] ?? "";
    if (source.startsWith("//", at) || source.startsWith("#!", at)) {
      const end = source.indexOf("\n", at);
      at = end === -1 ? source.length : end;
    } else if (source.startsWith("/*", at)) {
      const end = source.indexOf("*/", at + 2);
      at = end === -1 ? source.length : end + 2;
    } else if (/\s/.test(char)) {
      at += 1;
    } else if (char === '"' || char === "'") {
      const end = endOfQuoted(source, at, char);
      add("string", source.slice(at + 1, end - 1));
      at = end;
    } else if (char === "`") {
      add("sign", "`");
      at += 1;
      template();
    } else if (char === "/" && beginsRegExp(tokens.at(-1))) {
      at = endOfRegExp(source, at);
      add("sign", "/");
    } else if (wordStart.test(char) || /\d/.test(char)) {
      word.lastIndex = char === "#" ? at + 1 : at;
      word.exec(source);
      const end = Math.max(word.lastIndex, at + 1);
      add("word", source.slice(at, end));
      at = end;
    } else {
      at += 1;
      if (char === "{") braces.push(false);
      add("sign", char);
      if (char === "}" && braces.pop() === true) template();
    }
  }
  return tokens;
}

export function importsOf(source: string): Import[] {
  const tokens = tokensOf(source);
  const imports: Import[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "word" || tokens[index - 1]?.text === ".") continue;
    if (token.text !== "import" && token.text !== "export") continue;
    const next = tokens[index + 1];
    if (next === undefined || next.text === ":") continue;
    if (token.text === "import" && next.kind === "string") {
      imports.push({ from: next.text, form: "static" });
    } else if (token.text === "import" && next.text === "(") {
      const what = tokens[index + 2];
      const from = what?.kind === "string" ? what.text : "(computed)";
      imports.push({ from, form: "dynamic" });
    } else if (!(token.text === "import" && next.text === ".")) {
      const from = clauseEnd(tokens, index + 1);
      if (from !== undefined) imports.push({ from, form: "static" });
    }
  }
  return imports;
}

/** The module after `{ a, type b as c } from`, `* as d from`, `e, { f } from`; or nothing. */
function clauseEnd(tokens: readonly Token[], start: number): string | undefined {
  let depth = 0;
  for (let index = start; index < tokens.length; index += 1) {
    const token = tokens[index];
    const next = tokens[index + 1];
    if (token === undefined) return undefined;
    if (token.text === "from" && next?.kind === "string" && depth === 0) return next.text;
    if (token.kind === "sign") {
      if (token.text === "{") depth += 1;
      else if (token.text === "}") depth -= 1;
      else if (token.text !== "*" && token.text !== ",") return undefined;
    } else if (depth === 0 && token.kind === "string") return undefined;
  }
  return undefined;
}

function beginsRegExp(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === "string") return false;
  if (before.kind === "word") return beforeExpression.has(before.text);
  return ![")", "]", "}", "`", "/"].includes(before.text);
}

function endOfQuoted(source: string, start: number, quote: string): number {
  let at = start + 1;
  while (at < source.length && source[at] !== quote) at += source[at] === "\\" ? 2 : 1;
  return at + 1;
}

function endOfRegExp(source: string, start: number): number {
  let inClass = false;
  let at = start + 1;
  while (at < source.length && (inClass || source[at] !== "/")) {
    if (source[at] === "\\") at += 1;
    else if (source[at] === "[") inClass = true;
    else if (source[at] === "]") inClass = false;
    at += 1;
  }
  return at + 1;
}
