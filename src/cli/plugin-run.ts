/** `mcp-gw plugin run`: one hook of a plugin with an input of its own, in the real sandbox. */
import { defineCommand } from "citty";
import { suggest } from "../config/index.ts";
import { type Runtime, openRuntime } from "../runtime/index.ts";
import {
  type Hook,
  type HookEnd,
  type PluginPool,
  createCannedHost,
  hooks,
  openTrials,
  toCtx,
} from "../sandbox/index.ts";
import { type Output, consoleOutput } from "./output.ts";
import { readHookInput } from "./plugin-input.ts";
import {
  type LoadedSubject,
  type PluginRuntime,
  findFileFault,
  loadSubject,
  withPool,
} from "./plugin-load.ts";
import { toCallLine, toCallRow, toLoadLine } from "./plugin-run-output.ts";
import { allOf } from "./plugin-words.ts";
import { toTable } from "./table.ts";

export const pluginRunCommand = defineCommand({
  meta: {
    name: "run",
    description:
      "Runs one hook. Example: mcp-gw plugin run plugins/path-guard.ts --hook onToolCall --input call.json --calls 3",
  },
  args: {
    file: { type: "positional", description: "The plugin", valueHint: "FILE", required: true },
    hook: { type: "string", description: hooks.join(", "), valueHint: "HOOK" },
    input: {
      type: "string",
      description:
        "JSON of the hook's first parameter, - for standard input; for onText also plain text",
      valueHint: "FILE",
    },
    config: {
      type: "string",
      description: "The plugin's config (default: {})",
      valueHint: "JSON",
    },
    kv: {
      type: "boolean",
      description: "Grant the kv that it asks for, in memory, for all calls",
      default: false,
    },
    calls: { type: "string", description: "How many times (default: 1)", valueHint: "N" },
    client: {
      type: "string",
      description: "Who calls; given again, the next call is the next one's (default: client)",
      valueHint: "ID",
    },
    json: { type: "boolean", description: "Print a line of JSON for each call", default: false },
  },
  run: async ({ args, rawArgs }) =>
    runPlugin({ ...args, clients: allOf(rawArgs, "client") }, await openRuntime(), consoleOutput),
});

export interface RunPluginOptions {
  readonly file: string;
  readonly hook?: string | undefined;
  readonly input?: string | undefined;
  readonly config?: string | undefined;
  readonly kv: boolean;
  readonly calls?: string | undefined;
  readonly clients: readonly string[];
  readonly json: boolean;
}
type RunRuntime = PluginRuntime & Pick<Runtime, "stdin">;

const maxCalls = 100_000;

/** The exit code: 0 each call came to a verdict, 1 it does not load or a call failed, 2 wrong usage. */
export async function runPlugin(
  options: RunPluginOptions,
  runtime: RunRuntime,
  output: Output,
): Promise<number> {
  const work = await readWork(options, runtime);
  if ("fault" in work) {
    output.err(work.fault);
    return 2;
  }
  return withPool(runtime, runtime.log, async (pool) => {
    const loaded = await loadSubject(options.file, pool, runtime);
    if (!("faults" in loaded)) return runCalls(loaded, work, { options, pool, runtime, output });
    if (options.json) output.out(toLoadLine(loaded.faults.join("\n")));
    for (const fault of loaded.faults) output.err(fault);
    return 1;
  });
}

interface Work {
  readonly hook: Hook;
  /** JSON. */
  readonly input: string;
  readonly config: string;
  readonly calls: number;
}

async function readWork(
  options: RunPluginOptions,
  runtime: RunRuntime,
): Promise<Work | { readonly fault: string }> {
  const { config = "{}", calls = "1" } = options;
  const hook = hooks.find((known) => known === options.hook);
  if (hook === undefined) {
    if (options.hook === undefined) return { fault: "--hook HOOK is missing" };
    const meant = suggest(options.hook, hooks) ?? `known are ${hooks.join(", ")}`;
    return { fault: `There is no hook "${options.hook}" (${meant})` };
  }
  if (options.input === undefined)
    return { fault: "--input FILE is missing (- reads standard input)" };
  if (!/^[1-9]\d{0,5}$/.test(calls) || Number(calls) > maxCalls) {
    return { fault: `--calls must be a whole number from 1 to ${maxCalls}` };
  }
  try {
    JSON.parse(config);
  } catch {
    return { fault: "--config must be JSON" };
  }
  const wrong = await findFileFault(options.file, runtime);
  if (wrong !== undefined) return { fault: wrong };
  const input = await readHookInput(hook, options.input, runtime);
  if ("fault" in input) return input;
  return { hook, input: input.json, config, calls: Number(calls) };
}

interface RunGround {
  readonly options: RunPluginOptions;
  readonly pool: PluginPool;
  readonly runtime: RunRuntime;
  readonly output: Output;
}

async function runCalls(
  { subject, traits, file }: LoadedSubject,
  { hook, input, config, calls }: Work,
  { options, pool, runtime, output: { out, err } }: RunGround,
): Promise<number> {
  const { clock } = runtime;
  if (!traits.hooks.includes(hook)) {
    err(`${file} has no ${hook}, only ${traits.hooks.join(", ")}`);
    return 2;
  }
  if (options.kv && traits.permissions.kv === undefined) {
    err('It does not ask for kv, so it gets none: permissions: { kv: "client" } asks for it');
  }
  const host = createCannedHost(
    {
      name: traits.name,
      kv: options.kv ? traits.permissions.kv : undefined,
      fetch: [],
      wallMs: subject.limits.wallMs,
      replies: new Map(),
      now: clock.now,
    },
    runtime,
  );
  const trials = openTrials(subject, pool);
  const fault = await trials.open(config);
  if (fault !== undefined) {
    const place = fault.line === undefined ? options.file : `${options.file}:${fault.line}`;
    if (options.json) out(toLoadLine(`${place}: ${fault.fault}`));
    err(`${place}: error: ${fault.fault}`);
    return 1;
  }
  const clients = options.clients.length === 0 ? ["client"] : options.clients;
  const ends: { readonly end: HookEnd; readonly client: string }[] = [];
  for (let call = 0; call < calls; call++) {
    const client = clients[call % clients.length] ?? "client";
    const ctx = toCtx(hook, input, { client });
    const now = clock.now();
    const forCall = host.forCall(client);
    const end = await trials.run({ hook, input, ctx, config, client, now, host: forCall });
    if (options.json) out(toCallLine(hook, end));
    ends.push({ end, client });
  }
  if (!options.json) {
    const rows = ends.map(({ end, client }, index) => toCallRow(index + 1, client, end));
    out(toTable(["call", "client", "outcome", "ms", "fuel", "memory", ""], rows));
  }
  await trials.close();
  return ends.some(({ end }) => end.outcome.action === "failed") ? 1 : 0;
}
