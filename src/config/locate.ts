/**
 * Finds the line a key stands on, in JSON and in the object literals of TypeScript or JavaScript,
 * by reading brackets, strings and comments alone. A key that could be two is not found.
 */
import type { PathKey } from "./fault.ts";

interface Key {
  readonly path: readonly PathKey[];
  readonly at: number;
}
interface Open {
  readonly bracket: "{" | "[" | "(";
  readonly path: readonly PathKey[];
  index: number;
}

/** The line of the longest part of `path` that stands in `source` exactly once; counted from 1. */
export function locate(source: string, path: readonly PathKey[]): number | undefined {
  const keys = outline(source);
  for (let length = path.length; length > 0; length--) {
    const wanted = path.slice(0, length);
    const exact = keys.filter((key) => isSame(key.path, wanted));
    const found = exact.length > 0 ? exact : keys.filter((key) => isTail(key.path, wanted));
    if (found.length > 1) return undefined;
    if (found[0] !== undefined) return lineAt(source, found[0].at);
  }
  return undefined;
}

export function lineAt(source: string, at: number): number {
  let line = 1;
  for (let index = source.indexOf("\n"); index !== -1 && index < at;) {
    line++;
    index = source.indexOf("\n", index + 1);
  }
  return line;
}

const token =
  /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'|`(?:[^`\\]|\\[^])*`|[A-Za-z_$][\w$]*|[{}[\](),:]|\.\.\.|=>?|[^\s]/g;

/** Every `key:` and every item of a list, with the keys around it. */
function outline(source: string): readonly Key[] {
  const keys: Key[] = [];
  const stack: Open[] = [];
  let before = "";
  let word: { readonly key: string; readonly at: number } | undefined;
  let pending: PathKey | undefined;
  const inner = (): readonly PathKey[] => {
    const top = stack.at(-1);
    if (top === undefined) return [];
    if (top.bracket === "[") return [...top.path, top.index];
    return top.bracket === "{" && pending !== undefined ? [...top.path, pending] : top.path;
  };
  for (const match of source.matchAll(token)) {
    const text = match[0];
    if (text.startsWith("//") || text.startsWith("/*")) continue;
    const top = stack.at(-1);
    if (top?.bracket === "[" && (before === "[" || before === ",") && text !== "]") {
      keys.push({ path: inner(), at: match.index });
    }
    if (text === "{" || text === "[" || text === "(") {
      stack.push({ bracket: text, path: inner(), index: 0 });
      pending = undefined;
    } else if (text === "}" || text === "]" || text === ")") {
      const closed = stack.pop();
      const around = stack.at(-1);
      pending = around?.bracket === "{" ? closed?.path.at(-1) : undefined;
      if (around !== undefined && closed?.path.length === around.path.length) pending = undefined;
    } else if (text === "," && top !== undefined) {
      if (top.bracket === "[") top.index++;
      pending = undefined;
    } else if (text === ":" && top?.bracket === "{" && word !== undefined) {
      pending = word.key;
      keys.push({ path: [...top.path, word.key], at: word.at });
    }
    const startsMember = before === "{" || before === ",";
    word = startsMember ? keyOf(text, match.index) : undefined;
    before = text;
  }
  return keys;
}

function keyOf(
  text: string,
  at: number,
): { readonly key: string; readonly at: number } | undefined {
  if (/^[A-Za-z_$]/.test(text)) return { key: text, at };
  if (!/^["']/.test(text)) return undefined;
  const body = text.slice(1, -1);
  try {
    return { key: text.startsWith('"') ? (JSON.parse(text) as string) : body, at };
  } catch {
    return { key: body, at };
  }
}

function isSame(path: readonly PathKey[], wanted: readonly PathKey[]): boolean {
  return path.length === wanted.length && path.every((key, index) => key === wanted[index]);
}

/** A part in a variable of its own begins further in; one key alone says too little. */
function isTail(path: readonly PathKey[], wanted: readonly PathKey[]): boolean {
  return path.length > 1 && path.length < wanted.length && isSame(path, wanted.slice(-path.length));
}
