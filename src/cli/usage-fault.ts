/** Says what is wrong with the words of a command before it runs. */
import type { ArgsDef, CommandDef } from "citty";

/** Undefined where the words are right. An option that does nothing is never taken. */
export async function findUsageFault(
  command: CommandDef,
  words: readonly string[],
): Promise<string | undefined> {
  if (command.run === undefined) {
    return words[0] === undefined ? "A command is missing" : `There is no command "${words[0]}"`;
  }
  const given = typeof command.args === "function" ? command.args() : command.args;
  const args: ArgsDef = (await given) ?? {};
  const options = new Map<string, "boolean" | "value">();
  let positionals = 0;
  for (const [name, arg] of Object.entries(args)) {
    if (arg.type === "positional") positionals++;
    else {
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
    if (kind === undefined) return `There is no option "${word}"`;
    if (kind === "boolean" && value !== undefined) return `The option "--${name}" takes no value`;
    if (kind === "value" && value === undefined && words[++at] === undefined) {
      return `The option "--${name}" needs a value`;
    }
  }
  return undefined;
}
