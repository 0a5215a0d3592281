/** Says what is wrong with the words of a command before it runs. */
import type { ArgsDef, CommandDef } from "citty";
import { suggest } from "../config/index.ts";

/** Undefined where the words are right. An option that does nothing is never taken. */
export async function findUsageFault(
  command: CommandDef,
  words: readonly string[],
): Promise<string | undefined> {
  if (command.run === undefined) {
    const [word] = words;
    if (word === undefined) return "A command is missing";
    return `There is no command "${word}"${meant(word, await commandsOf(command))}`;
  }
  const given = typeof command.args === "function" ? command.args() : command.args;
  const args: ArgsDef = (await given) ?? {};
  const options = new Map<string, "boolean" | "value">();
  let positionals = 0;
  const needed: string[] = [];
  for (const [name, arg] of Object.entries(args)) {
    if (arg.type === "positional") {
      // "FILE…" takes as many as there are.
      positionals += arg.valueHint?.endsWith("…") ? Infinity : 1;
      if (arg.required !== false) needed.push(arg.valueHint ?? name.toUpperCase());
    } else {
      const kind = arg.type === "boolean" ? "boolean" : "value";
      const aliases = "alias" in arg ? [arg.alias ?? []].flat() : [];
      for (const each of [name, ...aliases]) options.set(each, kind);
    }
  }
  let seen = 0;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (!word.startsWith("-") || word === "-") {
      if (++seen > positionals) return `"${word}" is one word too many`;
      continue;
    }
    const [, name = "", value] = /^--?([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const kind =
      options.get(name) ??
      (options.get(name.replace(/^no-/, "")) === "boolean" ? "boolean" : undefined);
    if (kind === undefined) {
      const option = word.replace(/=.*/s, "");
      const known = [...options.keys()].map((each) => `--${each}`);
      return `There is no option "${option}"${meant(option, known)}`;
    }
    if (kind === "boolean" && value !== undefined) return `The option "--${name}" takes no value`;
    if (kind === "value" && value === undefined && words[++at] === undefined) {
      return `The option "--${name}" needs a value`;
    }
  }
  const missing = needed[seen];
  return missing === undefined ? undefined : `${missing} is missing`;
}

async function commandsOf({ subCommands }: CommandDef): Promise<readonly string[]> {
  const given = typeof subCommands === "function" ? subCommands() : subCommands;
  return Object.keys((await given) ?? {});
}

function meant(word: string, known: readonly string[]): string {
  const suggestion = suggest(word, known);
  return suggestion === undefined ? "" : ` (${suggestion})`;
}
