/** The process behind a stdio upstream: its environment, its last words and its end. */
import type { StdioUpstreamConfig } from "../../config/index.ts";
import {
  type Child,
  type Clock,
  type Failure,
  type Log,
  Secret,
  type Spawn,
  failure,
} from "../../core/index.ts";
import { StreamFault, readLines } from "../../mcp/index.ts";
import { type Channel, type ChannelSettings, openChannel } from "../channel/channel.ts";
import { quote, withoutSecrets } from "../foreign.ts";
import { isFailure } from "../link.ts";
import type { Notice } from "../notices.ts";
import { createOutbox } from "../channel/outbox.ts";
import { within } from "../watch.ts";
import { toLine } from "../wire.ts";

const MAX_STDERR = 2_048;
/** Of that, what the record of a call holds. */
const MAX_SAID = 400;
const TERM_AFTER_MS = 2_000;
const KILL_AFTER_MS = 3_000;
/** How long the end of a process may take to be known after its output has ended. */
const EXIT_GRACE_MS = 300;

/** What a process is started from. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

export interface ChildSettings {
  readonly upstream: string;
  /** Asked before each start; rejects never. */
  readonly program: () => Promise<Program | Failure>;
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
}

export interface OpenedChild {
  readonly channel: Channel;
  /** Ends the process and all that it started; the first call alone does something. */
  readonly end: () => Promise<void>;
}

/** How a process is met on its pipes. */
export type ChildManners = Pick<ChannelSettings, "onRequest" | "isShared" | "onListChange">;

export async function openChild(
  settings: ChildSettings,
  manners: ChildManners,
): Promise<OpenedChild | Failure> {
  const { cwd, env, spawn, log, upstream, clock, notice } = settings;
  const program = await settings.program();
  if (isFailure(program)) return program;
  let child: Child;
  try {
    child = await spawn({ command: program.command, args: program.args, cwd, env });
  } catch (error) {
    const why = withoutSecrets(error instanceof Error ? error.message : "", settings.secrets);
    log.warn("An upstream's process cannot be started", { upstream, why: quote(why) });
    return failure("UPSTREAM_UNAVAILABLE", `The process cannot be started: ${quote(why)}`);
  }
  const stderr = readTail(child, settings.secrets);
  let ending: Promise<void> | undefined;

  const explain = async (fault: unknown): Promise<Failure> => {
    const isExpected = ending !== undefined;
    const why = toReadFailure(fault);
    const exit = await within(child.exited, EXIT_GRACE_MS, clock);
    const how = exit && (exit.signal ?? `code ${exit.code}`);
    const last = stderr();
    const fields = { upstream, exit: how, stderr: quote(last, 2_048) };
    if (isExpected) log.debug("An upstream's process was ended", fields);
    else log.warn("An upstream's process has ended", fields);
    if (how === undefined || why.code !== "UPSTREAM_UNAVAILABLE") return why;
    const said = last === "" ? "" : `: ${quote(last.slice(-MAX_SAID), MAX_SAID)}`;
    return failure(why.code, `The process ended with ${how}${said}`);
  };
  /** A write to a process that has gone is no fault of its own: the end of the process is told. */
  const write = (text: string): Promise<void> => child.write(toLine(text));
  const channel = openChannel({
    ...manners,
    texts: readLines(child.stdout, settings.maxLineBytes),
    outbox: createOutbox(write, () => notice("An upstream's input is closed")),
    explain,
    notice,
  });
  return { channel, end: () => (ending ??= endChild(child, clock)) };
}

function toReadFailure(fault: unknown): Failure {
  if (fault === undefined) {
    return failure("UPSTREAM_UNAVAILABLE", "The process closed its output");
  }
  if (!(fault instanceof StreamFault)) {
    return failure("UPSTREAM_UNAVAILABLE", "The process's output cannot be read");
  }
  return fault.reason === "too-large"
    ? failure("RESPONSE_TOO_LARGE", "The process wrote a line that is too long")
    : failure("UPSTREAM_INVALID", "The process wrote a line that is not UTF-8");
}

/** Keeps the last lines of the error output; everything is read, so that the pipe never fills. */
function readTail(child: Child, secrets: readonly string[]): () => string {
  const longest = Math.max(0, ...secrets.map((secret) => secret.length));
  const most = MAX_STDERR + longest;
  let tail = "";
  let isCut = false;
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stderr) {
      tail += decoder.decode(bytes, { stream: true });
      isCut ||= tail.length > most;
      tail = tail.slice(-most);
    }
  };
  // A pipe that breaks with its process has nothing more to say.
  void read().catch(() => undefined);
  return () => {
    // The cut may have left the end of a secret, which is not recognised any more.
    const whole = withoutSecrets(tail, secrets).slice(isCut ? longest : 0);
    return whole.trim().slice(-MAX_STDERR);
  };
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
