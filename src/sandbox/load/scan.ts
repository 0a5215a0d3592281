/** Splits JavaScript into words, strings and signs, as far as finding imports needs it. */

export interface Token {
  readonly kind: "word" | "string" | "sign";
  /** Of a string, what stands between its quotes. */
  readonly text: string;
  readonly at: number;
}

/**
 * Each of them takes what is left where its end is missing, so that no text is searched for that end
 * again and again.
 */
const space = /\s+|\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?(?:\*\/|$)/y;
const word = /#?[\p{ID_Start}$_\d][\p{ID_Continue}$\u200c\u200d]*/uy;
const quoted = /"((?:[^"\\\n\r]|\\[^])*)"?|'((?:[^'\\\n\r]|\\[^])*)'?/y;
const expression = /\/(?:[^/\\[\n\r]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*\]?)+(?:\/[a-z]*)?/y;
const templatePart = /(?:[^`\\$]|\\(?:[^]|$)|\$(?!\{))*(`|\$\{|$)/y;

/** After these a slash begins a regular expression, after any other word it divides. */
const beforeExpression = new Set(
  "await case delete do else in instanceof new of return throw typeof void yield".split(" "),
);
/** So does one after the parenthesis that these open. */
const beforeCondition = new Set(["if", "while", "for", "with"]);

/**
 * What it cannot read it passes by, one character at a time, so that it ends with any text at all. It
 * may be wrong about a slash after a brace; what is missed then, the sandbox does not find either.
 */
export function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = [];
  /** What each open bracket is: of a template, of a condition, or any other. */
  const open: ("template" | "condition" | "plain")[] = [];
  let at = source.startsWith("#!") ? source.search(/$|[\n\r]/) : 0;
  let afterCondition = false;

  const take = (shape: RegExp): RegExpExecArray | null => {
    shape.lastIndex = at;
    const found = shape.exec(source);
    if (found !== null) at += found[0].length;
    return found;
  };
  const add = (kind: Token["kind"], text: string, start: number): void => {
    tokens.push({ kind, text, at: start });
  };
  const template = (): void => {
    if (take(templatePart)?.[1] === "${") open.push("template");
  };
  const beginsExpression = (): boolean => {
    const last = tokens.at(-1);
    if (last === undefined) return true;
    if (last.kind === "word") return beforeExpression.has(last.text) && !isMember(tokens);
    if (last.text === ")" && last.kind === "sign") return afterCondition;
    return last.kind === "sign" && !["]", "}", "`", "/"].includes(last.text);
  };

  while (at < source.length) {
    const start = at;
    if (take(space) !== null) continue;
    const name = take(word);
    if (name !== null) {
      add("word", name[0], start);
      continue;
    }
    const text = take(quoted);
    if (text !== null) {
      add("string", text[1] ?? text[2] ?? "", start);
      continue;
    }
    const sign = source[at] ?? "";
    if (sign === "/" && beginsExpression() && take(expression) !== null) {
      add("sign", "/", start);
      continue;
    }
    at++;
    if (sign === "`") {
      template();
      add("sign", "`", start);
      continue;
    }
    if (sign === "(") {
      const before = tokens.at(-1);
      const isCondition = before?.kind === "word" && beforeCondition.has(before.text);
      open.push(isCondition && !isMember(tokens) ? "condition" : "plain");
    } else if (sign === "{" || sign === "[") open.push("plain");
    else if (sign === ")" || sign === "]" || sign === "}") {
      const closed = open.pop();
      afterCondition = closed === "condition";
      if (sign === "}" && closed === "template") {
        template();
        add("sign", "`", start);
        continue;
      }
    }
    add("sign", sign, start);
  }
  return tokens;
}

/** Whether the last word is one that follows a dot. */
function isMember(tokens: readonly Token[]): boolean {
  const before = tokens.at(-2);
  return before?.kind === "sign" && before.text === ".";
}
