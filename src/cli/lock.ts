/**
 * `mcp-gw lock`: what servers list now, and what the plugins' files are, is what was reviewed, once
 * somebody has looked at the difference.
 */
import { defineCommand } from "citty";
import { toLineText } from "../audit/index.ts";
import { suggest } from "../config/index.ts";
import { toLockFile } from "../gateway.ts";
import { type Runtime, openRuntime } from "../runtime/index.ts";
import {
  type LockContent,
  emptyContent,
  parseLock,
  toLockFault,
  toLockText,
} from "../upstreams/index.ts";
import { toConfigArgs } from "./config-args.ts";
import { formatFaults, loadOrDemo } from "./load.ts";
import { type Listed, askUpstreams } from "./lock-ask.ts";
import { compareTools, flagsOf, isSame } from "./lock-compare.ts";
import { type Asked, toLockEnd, toLockLines, toPluginLines } from "./lock-output.ts";
import {
  type PluginChanges,
  type PluginHashes,
  acceptPlugins,
  comparePlugins,
  hashPlugins,
} from "./lock-plugins.ts";
import { type Output, consoleOutput } from "./output.ts";

export const lockCommand = defineCommand({
  meta: {
    name: "lock",
    description:
      "Accepts the tools that the upstreams list now, and the plugins as they are. Example: mcp-gw lock --upstream files",
  },
  args: {
    ...toConfigArgs("The config"),
    upstream: {
      type: "string",
      description: "This upstream alone (default: all, and the plugins)",
      valueHint: "NAME",
    },
    plugins: {
      type: "boolean",
      description: "The plugins alone; asks no upstream",
      default: false,
    },
    check: {
      type: "boolean",
      description: "Write nothing; exit 1 where something differs",
      default: false,
    },
    json: {
      type: "boolean",
      description: "Print { file, differs, written, upstreams, plugins }",
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
  readonly plugins?: boolean;
  readonly check: boolean;
  readonly json: boolean;
}

/** The exit code: 0 all is locked, 1 something differs or is not known, 2 wrong usage. */
export async function lockTools(
  options: LockOptions,
  runtime: Runtime,
  output: Output,
): Promise<number> {
  const { config, envFile, upstream, plugins = false, check } = options;
  if (plugins && upstream !== undefined) {
    output.err("--plugins and --upstream exclude each other: each means itself alone");
    return 2;
  }
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
  const one = upstream === undefined ? all : [upstream];
  const found: Found = {
    listed: await askUpstreams(loaded, plugins ? [] : one, runtime),
    hashes: upstream === undefined ? await hashPlugins(loaded, runtime) : undefined,
  };
  const file = toLockFile(loaded, runtime);
  const settle = async (): Promise<Outcome> => {
    const text = await file.read();
    const before = read(text, file.path, runtime, output);
    const compared = compareAll(before ?? emptyContent, found, all);
    const outcome = { ...compared, differs: compared.differs || before === undefined };
    const next = toLockText(outcome.content);
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
  const parts = [...Object.values(outcome.upstreams), ...Object.values(outcome.plugins)];
  const isWhole = parts.every((part) => !("fault" in part));
  return isWhole && !(check && outcome.differs) ? 0 : 1;
}

interface Found {
  readonly listed: Listed;
  /** Undefined where nobody asks for them. */
  readonly hashes: PluginHashes | undefined;
}
interface Outcome {
  readonly content: LockContent;
  readonly upstreams: Readonly<Record<string, Asked>>;
  readonly plugins: PluginChanges;
  readonly differs: boolean;
  readonly isWritten: boolean;
}

/** Undefined for a file that cannot be used, of which it says why: everything is new then. */
function read(
  text: string | undefined,
  path: string,
  { crypto }: Pick<Runtime, "crypto">,
  { err }: Output,
): LockContent | undefined {
  if (text === undefined) return emptyContent;
  const parsed = parseLock(text, crypto);
  if ("lock" in parsed) return parsed;
  err(toLockFault(path, parsed.fault));
  return undefined;
}

/** Entries of what was not asked, or did not answer, stay as they are. */
function compareAll(
  before: LockContent,
  { listed, hashes }: Found,
  all: readonly string[],
): Outcome {
  const isWhole = all.every((name) => listed.has(name));
  const kept = [...before.lock].filter(([name]) => !isWhole || all.includes(name));
  const answered = [...listed].flatMap(([name, tools]) =>
    typeof tools === "string" ? [] : [[name, tools] as const],
  );
  const lock = new Map([...kept, ...answered]);
  const upstreams = [...listed].map(([name, tools]): [string, Asked] => {
    if (typeof tools === "string") return [name, { fault: tools }];
    const changes = compareTools(before.lock.get(name) ?? new Map(), tools);
    return [name, { ...changes, flagged: flagsOf(name, lock) }];
  });
  const isChanged = upstreams.some(([, asked]) => !("fault" in asked) && !isSame(asked));
  const plugins = hashes === undefined ? {} : comparePlugins(before.plugins, hashes);
  const isOther = Object.values(plugins).some((one) => "what" in one && one.what !== "same");
  return {
    content: {
      lock,
      plugins: hashes === undefined ? before.plugins : acceptPlugins(before.plugins, plugins),
    },
    upstreams: Object.fromEntries(upstreams),
    plugins,
    differs: isChanged || isOther || kept.length < before.lock.size,
    isWritten: false,
  };
}

function print(
  { upstreams, plugins, differs, isWritten, content }: Outcome,
  path: string,
  { json, check }: LockOptions,
  { out }: Output,
): void {
  if (json) {
    const found = { file: path, differs, written: isWritten, upstreams, plugins };
    out(toLineText(JSON.stringify(found)));
    return;
  }
  for (const [name, asked] of Object.entries(upstreams)) {
    for (const line of toLockLines(name, asked)) out(line);
  }
  for (const line of toPluginLines(plugins)) out(line);
  out(toLockEnd(path, content, isWritten ? "written" : check && differs ? "differs" : "same"));
}
