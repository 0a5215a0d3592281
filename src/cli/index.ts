/** The commands. Exit 0 good, 1 the answer is no, 2 wrong usage. */
import { type CommandDef, defineCommand, renderUsage, runCommand } from "citty";
import { colors, stripAnsi } from "consola/utils";
import { version } from "../version.ts";
import { approvalsCommand } from "./approvals.ts";
import { accessCommand } from "./access.ts";
import { auditCommand } from "./audit.ts";
import { blockCommand } from "./block.ts";
import { blocksCommand } from "./blocks.ts";
import { checkCommand } from "./check.ts";
import { diffCommand } from "./diff.ts";
import { explainCommand } from "./explain.ts";
import { lockCommand } from "./lock.ts";
import { pluginCommand } from "./plugin.ts";
import { reloadCommand } from "./reload.ts";
import { replayCommand } from "./replay.ts";
import { startCommand } from "./start.ts";
import { stdioCommand } from "./stdio.ts";
import { testCommand } from "./test-cases.ts";
import { suggestCommand } from "./suggest.ts";
import { tokenCommand } from "./token.ts";
import { toolsCommand } from "./tools.ts";
import { tryCommand } from "./try.ts";
import { typesCommand } from "./types.ts";
import { unblockCommand } from "./unblock.ts";
import { findUsageFault } from "./usage-fault.ts";

const main = defineCommand({
  meta: {
    name: "mcp-gw",
    version,
    description: "The security gateway between AI agents and the MCP servers they use",
  },
  subCommands: {
    start: startCommand,
    stdio: stdioCommand,
    check: checkCommand,
    explain: explainCommand,
    test: testCommand,
    access: accessCommand,
    diff: diffCommand,
    try: tryCommand,
    tools: toolsCommand,
    lock: lockCommand,
    types: typesCommand,
    plugin: pluginCommand,
    replay: replayCommand,
    suggest: suggestCommand,
    token: tokenCommand,
    reload: reloadCommand,
    block: blockCommand,
    unblock: unblockCommand,
    blocks: blocksCommand,
    approvals: approvalsCommand,
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
  if (first === "--help" || first === "-h") return say(await usageOf({ command: main, rest: [] }));
  const isBare = first === undefined || first.startsWith("-");
  const descent = await descend(main, isBare ? ["start", ...args] : args);
  const { command, rest } = descent;
  if (rest.includes("--help") || rest.includes("-h")) return say(await usageOf(descent));
  const fault = await findUsageFault(command, rest);
  if (fault !== undefined) {
    console.error(`${fault}\n\n${await usageOf(descent)}`);
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
  /** The names before the command's own, `mcp-gw token`. */
  readonly before?: string;
  readonly rest: readonly string[];
}

/** Follows the names of subcommands as far as they go. */
async function descend(from: Command, args: readonly string[], before?: string): Promise<Descent> {
  const given = typeof from.subCommands === "function" ? from.subCommands() : from.subCommands;
  const children = (await given) as Record<string, Command> | undefined;
  const [name, ...rest] = args;
  const child = name !== undefined && Object.hasOwn(children ?? {}, name) && children?.[name];
  if (!child) return { command: from, ...(before === undefined ? {} : { before }), rest: args };
  return descend(child, rest, [before, await nameOf(from)].filter(Boolean).join(" "));
}

/** Coloured only where the reader is a terminal. */
async function usageOf({ command, before }: Descent): Promise<string> {
  const parent = before === undefined ? undefined : { meta: { name: before, version } };
  const text = await renderUsage(command, parent);
  return colors.bold("b") === "b" ? stripAnsi(text) : text;
}

async function nameOf({ meta }: Command): Promise<string | undefined> {
  return (await (typeof meta === "function" ? meta() : meta))?.name;
}
