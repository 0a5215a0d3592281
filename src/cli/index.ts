/** The commands. Exit 0 good, 1 the answer is no, 2 wrong usage. */
import { type CommandDef, defineCommand, renderUsage, runCommand } from "citty";
import { version } from "../version.ts";
import { auditCommand } from "./audit.ts";
import { checkCommand } from "./check.ts";
import { startCommand } from "./start.ts";
import { tokenCommand } from "./token.ts";
import { tryCommand } from "./try.ts";
import { findUsageFault } from "./usage-fault.ts";

const main = defineCommand({
  meta: {
    name: "mcp-gw",
    version,
    description: "The security gateway between AI agents and the MCP servers they use",
  },
  subCommands: {
    start: startCommand,
    check: checkCommand,
    try: tryCommand,
    token: tokenCommand,
    audit: auditCommand,
  },
});

/**
 * Runs what `args` ask for, `start` where they name no command. Gives the exit code; undefined
 * where the command goes on by itself.
 */
export async function runCli(args: readonly string[]): Promise<number | undefined> {
  const [first] = args;
  if (first === "--version" || first === "-v") return say(version);
  if (first === "--help" || first === "-h") return say(await renderUsage(main));
  const isBare = first === undefined || first.startsWith("-");
  const { command, parent, rest } = await descend(main, isBare ? ["start", ...args] : args);
  if (rest.includes("--help") || rest.includes("-h")) {
    return say(await renderUsage(command, parent));
  }
  const fault = await findUsageFault(command, rest);
  if (fault !== undefined) {
    console.error(`${fault}\n\n${await renderUsage(command, parent)}`);
    return 2;
  }
  const { result } = await runCommand(command, { rawArgs: [...rest] });
  return typeof result === "number" ? result : undefined;
}

function say(text: string): number {
  console.log(text);
  return 0;
}

type Command = CommandDef;

interface Descent {
  readonly command: Command;
  readonly parent: Command | undefined;
  readonly rest: readonly string[];
}

/** Follows the names of subcommands as far as they go. */
async function descend(from: Command, args: readonly string[], parent?: Command): Promise<Descent> {
  const given = typeof from.subCommands === "function" ? from.subCommands() : from.subCommands;
  const children = (await given) as Record<string, Command> | undefined;
  const [name, ...rest] = args;
  if (children === undefined || name === undefined || !Object.hasOwn(children, name)) {
    return { command: from, parent, rest: args };
  }
  const child = children[name];
  return child === undefined ? { command: from, parent, rest: args } : descend(child, rest, from);
}
