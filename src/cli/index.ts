/** The commands. Exit 0 good, 1 the answer is no, 2 wrong usage. */
import {
  type CommandDef,
  type SubCommandsDef,
  defineCommand,
  renderUsage,
  runCommand,
} from "citty";
import { colors, stripAnsi } from "consola/utils";
import { version } from "../version.ts";
import { findUsageFault } from "./usage-fault.ts";

const main = defineCommand({
  meta: {
    name: "mcp-gw",
    version,
    description: "The security gateway between AI agents and the MCP servers they use",
  },
  subCommands: {
    start: async () => (await import("./start.ts")).startCommand,
    stdio: async () => (await import("./stdio.ts")).stdioCommand,
    check: async () => (await import("./check.ts")).checkCommand,
    explain: async () => (await import("./explain.ts")).explainCommand,
    test: async () => (await import("./test-cases.ts")).testCommand,
    access: async () => (await import("./access.ts")).accessCommand,
    diff: async () => (await import("./diff.ts")).diffCommand,
    try: async () => (await import("./try.ts")).tryCommand,
    tools: async () => (await import("./tools.ts")).toolsCommand,
    lock: async () => (await import("./lock.ts")).lockCommand,
    types: async () => (await import("./types.ts")).typesCommand,
    plugin: async () => (await import("./plugin.ts")).pluginCommand,
    replay: async () => (await import("./replay.ts")).replayCommand,
    suggest: async () => (await import("./suggest.ts")).suggestCommand,
    token: async () => (await import("./token.ts")).tokenCommand,
    reload: async () => (await import("./reload.ts")).reloadCommand,
    block: async () => (await import("./block.ts")).blockCommand,
    unblock: async () => (await import("./unblock.ts")).unblockCommand,
    blocks: async () => (await import("./blocks.ts")).blocksCommand,
    approvals: async () => (await import("./approvals.ts")).approvalsCommand,
    audit: async () => (await import("./audit.ts")).auditCommand,
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

/** Follows the names of subcommands as far as they go; no other command is loaded. */
async function descend(from: Command, args: readonly string[], before?: string): Promise<Descent> {
  const given = typeof from.subCommands === "function" ? from.subCommands() : from.subCommands;
  const children: SubCommandsDef = (await given) ?? {};
  const [name, ...rest] = args;
  const found = name !== undefined && Object.hasOwn(children, name) && children[name];
  if (!found) return { command: from, ...(before === undefined ? {} : { before }), rest: args };
  const child = (await (typeof found === "function" ? found() : found)) as Command;
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
