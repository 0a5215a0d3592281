/** `mcp-gw lock`: what servers list now is what was reviewed, once somebody has looked at the difference. */
import { defineCommand } from "citty";
import { toLineText } from "../audit/index.ts";
import { type LoadedConfig, suggest } from "../config/index.ts";
import { createLockCleaner, toLockFile } from "../gateway.ts";
import { member, stringOf } from "../mcp/index.ts";
import { type Runtime, openRuntime } from "../runtime/index.ts";
import {
  type Definition,
  type Lock,
  type LockedTools,
  parseLock,
  toDefinition,
  toLockFault,
  toLockText,
} from "../upstreams/index.ts";
import { groundArgs } from "./explain-ground.ts";
import { formatFaults, loadOrDemo } from "./load.ts";
import { compareTools, flagsOf, isSame } from "./lock-compare.ts";
import { type Asked, toLockLines } from "./lock-output.ts";
import { type Output, consoleOutput } from "./output.ts";
import { everyCapability, openDirectServer } from "./tool-direct.ts";
import type { Tool } from "./tool-server.ts";

export const lockCommand = defineCommand({
  meta: {
    name: "lock",
    description:
      "Accepts the tools that the upstreams list now. Example: mcp-gw lock --upstream files",
  },
  args: {
    ...groundArgs,
    upstream: {
      type: "string",
      description: "This upstream alone (default: all)",
      valueHint: "NAME",
    },
    check: {
      type: "boolean",
      description: "Write nothing; exit 1 where something differs",
      default: false,
    },
    json: {
      type: "boolean",
      description: "Print { file, differs, written, upstreams }",
      default: false,
    },
  },
  run: async ({ args }) =>
    lockTools({ ...args, envFile: args["env-file"] }, await openRuntime(), consoleOutput),
});

export interface LockOptions {
  readonly config?: string | undefined;
  readonly envFile?: string | undefined;
  readonly upstream?: string | undefined;
  readonly check: boolean;
  readonly json: boolean;
}

/** The exit code: 0 all is locked, 1 something differs or could not be asked, 2 wrong usage. */
export async function lockTools(
  options: LockOptions,
  runtime: Runtime,
  output: Output,
): Promise<number> {
  const { config, envFile, upstream, check } = options;
  const { loaded } = await loadOrDemo(runtime, { config, envFile, missingSecrets: "fault" });
  if (loaded.config === undefined) {
    output.err(formatFaults(loaded.faults, runtime.cwd()));
    return 2;
  }
  const all = Object.keys(loaded.config.upstreams);
  if (upstream !== undefined && !all.includes(upstream)) {
    const meant = suggest(upstream, all);
    output.err(`There is no upstream "${upstream}"${meant === undefined ? "" : ` (${meant})`}`);
    return 2;
  }
  const listed = await askAll(loaded, upstream === undefined ? all : [upstream], runtime);
  const file = toLockFile(loaded, runtime);
  const settle = async (): Promise<Outcome> => {
    const text = await file.read();
    const before = read(text, file.path, runtime, output);
    const compared = compareAll(before ?? new Map(), listed, all);
    const outcome = { ...compared, differs: compared.differs || before === undefined };
    const next = toLockText(outcome.lock);
    if (check || next === text || file.write === undefined) return outcome;
    await file.write(next);
    return { ...outcome, isWritten: true };
  };
  let outcome: Outcome;
  try {
    outcome = await (check ? settle() : file.alone(settle));
  } catch (error) {
    output.err(`Cannot write "${file.path}": ${error instanceof Error ? error.message : ""}`);
    return 1;
  }
  print(outcome, file.path, options, output);
  const isWhole = Object.values(outcome.upstreams).every((asked) => !("fault" in asked));
  return isWhole && !(check && outcome.differs) ? 0 : 1;
}

interface Outcome {
  readonly lock: Lock;
  readonly upstreams: Readonly<Record<string, Asked>>;
  readonly differs: boolean;
  readonly isWritten: boolean;
}

type Listed = ReadonlyMap<string, LockedTools | string>;

/** What each of them lists, or why that is not known. */
async function askAll(
  loaded: LoadedConfig,
  names: readonly string[],
  runtime: Runtime,
): Promise<Listed> {
  const clean = createLockCleaner(loaded.config);
  const servers = names.map((name) => openDirectServer(loaded, name, runtime, everyCapability));
  try {
    const asked = servers.map(async (server, index): Promise<[string, LockedTools | string]> => {
      const found = await server.list();
      const name = names[index] ?? "";
      if ("kind" in found) return [name, `${found.code}: ${found.message}`];
      return [name, new Map(found.flatMap(toDefined))];
    });
    return new Map(await Promise.all(asked));
  } finally {
    for (const server of servers) await server.close();
  }

  /** Nothing for one whose name holds a credential: it cannot be locked. */
  function toDefined({ name, definition }: Tool): (readonly [string, Definition])[] {
    const cleaned = clean(definition);
    const isNamed = cleaned !== undefined && stringOf(member(cleaned, "name")) === name;
    return isNamed ? [[name, toDefinition(cleaned, runtime.crypto)]] : [];
  }
}

/** Undefined for a file that cannot be used, of which it says why: everything is new then. */
function read(
  text: string | undefined,
  path: string,
  { crypto }: Pick<Runtime, "crypto">,
  { err }: Output,
): Lock | undefined {
  if (text === undefined) return new Map();
  const parsed = parseLock(text, crypto);
  if ("lock" in parsed) return parsed.lock;
  err(toLockFault(path, parsed.fault));
  return undefined;
}

/** Entries of upstreams that were not asked, or did not answer, stay as they are. */
function compareAll(before: Lock, listed: Listed, all: readonly string[]): Outcome {
  const isWhole = all.every((name) => listed.has(name));
  const kept = [...before].filter(([name]) => !isWhole || all.includes(name));
  const answered = [...listed].flatMap(([name, tools]) =>
    typeof tools === "string" ? [] : [[name, tools] as const],
  );
  const lock: Lock = new Map([...kept, ...answered]);
  const upstreams = [...listed].map(([name, tools]): [string, Asked] => {
    if (typeof tools === "string") return [name, { fault: tools }];
    const changes = compareTools(before.get(name) ?? new Map(), tools);
    return [name, { ...changes, flagged: flagsOf(name, lock) }];
  });
  const isChanged = upstreams.some(([, asked]) => !("fault" in asked) && !isSame(asked));
  const differs = isChanged || kept.length < before.size;
  return { lock, upstreams: Object.fromEntries(upstreams), differs, isWritten: false };
}

function print(
  { upstreams, differs, isWritten, lock }: Outcome,
  path: string,
  { json, check }: LockOptions,
  { out }: Output,
): void {
  if (json) {
    out(toLineText(JSON.stringify({ file: path, differs, written: isWritten, upstreams })));
    return;
  }
  for (const [name, asked] of Object.entries(upstreams)) {
    for (const line of toLockLines(name, asked)) out(line);
  }
  const count = [...lock.values()].reduce((sum, tools) => sum + tools.size, 0);
  if (isWritten) {
    out(`Wrote ${count} tools to ${path}; a gateway that runs here takes it up within a second`);
  } else if (check && differs) out(`${path} is not what the upstreams list`);
  else out(`${path} is what the upstreams list`);
}
