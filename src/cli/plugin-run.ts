/** `mcp-gw plugin run`: one hook of a plugin with an input of its own, in the real sandbox. */
import { defineCommand } from "citty";
import { openRuntime } from "../runtime/index.ts";
import {
  type HookEnd,
  type PluginPool,
  createCannedHost,
  openTrials,
  toCtx,
} from "../sandbox/index.ts";
import { type Output, consoleOutput } from "./output.ts";
import { type LoadedSubject, loadSubject, withPool } from "./plugin-load.ts";
import { toCallLine, toCallRow, toLoadLine } from "./plugin-run-output.ts";
import { runRecorded } from "./plugin-run-record.ts";
import {
  type RunPluginOptions,
  type RunRuntime,
  type Work,
  readWork,
  runArgs,
} from "./plugin-run-words.ts";
import { allOf } from "./plugin-words.ts";
import { toTable } from "./table.ts";

export const pluginRunCommand = defineCommand({
  meta: {
    name: "run",
    description:
      "Runs one hook, or asks again what a gateway asked and keeps it as a fixture. Examples: mcp-gw plugin run plugins/path-guard.ts --hook onToolCall --input call.json --calls 3, and with --record audit.jsonl --request ID",
  },
  args: runArgs,
  run: async ({ args, rawArgs }) =>
    runPlugin({ ...args, clients: allOf(rawArgs, "client") }, await openRuntime(), consoleOutput),
});

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
  if ("record" in work) return runRecorded(work, runtime, output);
  return withPool(runtime, runtime.log, async (pool) => {
    const loaded = await loadSubject(options.file, pool, runtime);
    if (!("faults" in loaded)) return runCalls(loaded, work, { options, pool, runtime, output });
    if (options.json) output.out(toLoadLine(loaded.faults.join("\n")));
    for (const fault of loaded.faults) output.err(fault);
    return 1;
  });
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
