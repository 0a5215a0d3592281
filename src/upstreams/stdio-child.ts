/** The process behind a stdio upstream: its environment, its last words and its end. */
import type { StdioUpstreamConfig } from "../config/index.ts";
import {
  type Child,
  type Clock,
  type Failure,
  type Log,
  Secret,
  type Spawn,
  failure,
} from "../core/index.ts";
import type { Era } from "../mcp/index.ts";
import { quote, withoutSecrets } from "./foreign.ts";
import type { ListChange } from "./link.ts";
import type { Notice } from "./notices.ts";
import { type McpProcess, openProcess } from "./process.ts";
import { within } from "./watch.ts";

const MAX_STDERR = 2_048;
const TERM_AFTER_MS = 2_000;
const KILL_AFTER_MS = 3_000;
/** How long the end of a process may take to be known after its output has ended. */
const EXIT_GRACE_MS = 300;

export interface ChildSettings {
  readonly upstream: string;
  readonly config: StdioUpstreamConfig;
  readonly cwd: string;
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>;
  /** Values that no log line and no record may hold. */
  readonly secrets: readonly string[];
  readonly spawn: Spawn;
  readonly clock: Clock;
  readonly log: Log;
  readonly notice: Notice;
  readonly maxLineBytes: number;
  readonly onListChange: (list: ListChange, scope: string) => void;
}

export interface OpenedChild {
  readonly child: Child;
  readonly process: McpProcess;
  /** Its end is ours: there is nothing to warn of. */
  readonly expectEnd: () => void;
  /** The era is known: from now on it decides how the server's own requests are met. */
  readonly settle: (era: Era) => void;
}

/** Starts a process whose lists are those of `scope`. */
export async function openChild(
  settings: ChildSettings,
  scope: string,
): Promise<OpenedChild | Failure> {
  const { config, cwd, env, spawn, log, upstream } = settings;
  let child: Child;
  try {
    child = await spawn({ command: config.command, args: config.args, cwd, env });
  } catch (error) {
    const why = withoutSecrets(error instanceof Error ? error.message : "", settings.secrets);
    log.warn("An upstream's process cannot be started", { upstream, why: quote(why) });
    return failure("UPSTREAM_UNAVAILABLE", `The process cannot be started: ${quote(why)}`);
  }
  const { clock, notice, maxLineBytes, onListChange } = settings;
  const stderr = readTail(child, settings.secrets);
  let era: Era = "legacy";
  let isExpected = false;

  const explain = async (why: Failure): Promise<Failure> => {
    const exit = await within(child.exited, EXIT_GRACE_MS, clock);
    const how = exit && (exit.signal ?? `code ${exit.code}`);
    const last = stderr();
    const fields = { upstream, exit: how, stderr: quote(last, 2_048) };
    if (isExpected) log.debug("An upstream's process was ended", fields);
    else log.warn("An upstream's process has ended", fields);
    if (how === undefined || why.code !== "UPSTREAM_UNAVAILABLE") return why;
    const said = last === "" ? "" : `: ${quote(last.slice(-200))}`;
    return failure(why.code, `The process ended with ${how}${said}`);
  };
  const process = openProcess({
    child,
    explain,
    refuseRequests: () => (era === "modern" ? "end-call" : "answer"),
    maxLineBytes,
    notice,
    onListChange: (list) => onListChange(list, scope),
  });
  return {
    child,
    process,
    expectEnd: () => {
      isExpected = true;
    },
    settle: (found) => {
      era = found;
    },
  };
}

/** Keeps the last lines of the error output; everything is read, so that the pipe never fills. */
function readTail(child: Child, secrets: readonly string[]): () => string {
  let tail = "";
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stderr) {
      tail = (tail + decoder.decode(bytes, { stream: true })).slice(-2 * MAX_STDERR);
    }
  };
  // A pipe that breaks with its process has nothing more to say.
  void read().catch(() => undefined);
  return () => withoutSecrets(tail, secrets).trim().slice(-MAX_STDERR);
}

/** Closes the input, then asks, then insists (2025-11-25, lifecycle, shutdown). */
export async function endChild(child: Child, clock: Clock): Promise<void> {
  child.closeInput();
  if ((await within(child.exited, TERM_AFTER_MS, clock)) === undefined) {
    child.kill("SIGTERM");
    await within(child.exited, KILL_AFTER_MS, clock);
  }
  // Also where it has gone: what it started itself may have stayed in its group.
  child.kill("SIGKILL");
  await within(child.exited, KILL_AFTER_MS, clock);
}

/** Names that a child may take over from the gateway's own environment. */
function isInherited(name: string): boolean {
  return name === "PATH" || name === "HOME" || name === "LANG" || name.startsWith("LC_");
}

/**
 * PATH, HOME, the locale and what the config names; nothing else of the gateway's environment, so
 * that one upstream's secrets are not another's.
 */
export function toChildEnv(
  own: StdioUpstreamConfig["env"],
  base: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const inherited = Object.entries(base).filter(
    (entry): entry is [string, string] => isInherited(entry[0]) && entry[1] !== undefined,
  );
  const named = Object.entries(own).map(([name, value]) => [name, reveal(value)] as const);
  return Object.fromEntries([...inherited, ...named]);
}

export function reveal(value: string | Secret): string {
  return value instanceof Secret ? value.reveal() : value;
}

export function secretsOf(values: Readonly<Record<string, string | Secret>>): string[] {
  return Object.values(values).flatMap((value) =>
    value instanceof Secret ? [value.reveal()] : [],
  );
}
