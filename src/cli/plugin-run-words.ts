/** What `mcp-gw plugin run` is asked for, and whether its words go together. */
import { suggest } from "../config/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { type Hook, hooks } from "../sandbox/index.ts";
import { readHookInput } from "./plugin-input.ts";
import { type PluginRuntime, findFileFault } from "./plugin-load.ts";
import type { RecordOptions, RecordRuntime } from "./plugin-run-record.ts";

export const runArgs = {
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
  record: {
    type: "string",
    description: "Ask what a gateway asked, out of this audit file, and keep it as a fixture",
    valueHint: "FILE",
  },
  request: { type: "string", description: "The id of the recorded exchange", valueHint: "ID" },
  stage: {
    type: "string",
    description: "consult or review: what was asked about the request, or about the answer",
    valueHint: "STAGE",
  },
  name: {
    type: "string",
    description: "What the fixture is called (default: HOOK ID)",
    valueHint: "NAME",
  },
  out: {
    type: "string",
    description: "Where the fixture goes, - for standard output (default: beside the plugin)",
    valueHint: "FILE",
  },
  accept: {
    type: "boolean",
    description: "Keep what it says now where the record says something else",
    default: false,
  },
  json: { type: "boolean", description: "Print a line of JSON for each call", default: false },
} as const;

export interface RunPluginOptions {
  readonly file: string;
  readonly hook?: string | undefined;
  readonly input?: string | undefined;
  readonly config?: string | undefined;
  readonly kv: boolean;
  readonly calls?: string | undefined;
  readonly clients: readonly string[];
  readonly json: boolean;
  readonly record?: string | undefined;
  readonly request?: string | undefined;
  readonly stage?: string | undefined;
  readonly name?: string | undefined;
  readonly out?: string | undefined;
  readonly accept?: boolean | undefined;
}
export type RunRuntime = PluginRuntime & RecordRuntime & Pick<Runtime, "stdin">;

const maxCalls = 100_000;

/** An input of the author's own. */
export interface Work {
  readonly hook: Hook;
  /** JSON. */
  readonly input: string;
  readonly config: string;
  readonly calls: number;
}
interface Refused {
  readonly fault: string;
}

/** Also reads the input. */
export async function readWork(
  options: RunPluginOptions,
  runtime: RunRuntime,
): Promise<Work | RecordOptions | Refused> {
  const { config = "{}" } = options;
  const hook = hooks.find((known) => known === options.hook);
  if (hook === undefined && options.hook !== undefined) {
    const meant = suggest(options.hook, hooks) ?? `known are ${hooks.join(", ")}`;
    return { fault: `There is no hook "${options.hook}" (${meant})` };
  }
  try {
    JSON.parse(config);
  } catch {
    return { fault: "--config must be JSON" };
  }
  const { record } = options;
  return record === undefined
    ? await readOwn({ ...options, config }, hook, runtime)
    : toRecord({ ...options, config, record }, hook);
}

async function readOwn(
  options: RunPluginOptions & { readonly config: string },
  hook: Hook | undefined,
  runtime: RunRuntime,
): Promise<Work | Refused> {
  const { config, calls = "1", accept } = options;
  const alien = (["request", "stage", "name", "out"] as const).find((one) => options[one]);
  const word = alien ?? (accept === true ? "accept" : undefined);
  if (word !== undefined) return { fault: `--${word} goes with --record FILE` };
  if (hook === undefined) return { fault: "--hook HOOK is missing" };
  if (options.input === undefined)
    return { fault: "--input FILE is missing (- reads standard input)" };
  if (!/^[1-9]\d{0,5}$/.test(calls) || Number(calls) > maxCalls) {
    return { fault: `--calls must be a whole number from 1 to ${maxCalls}` };
  }
  const wrong = await findFileFault(options.file, runtime);
  if (wrong !== undefined) return { fault: wrong };
  const input = await readHookInput(hook, options.input, runtime);
  return "fault" in input ? input : { hook, input: input.json, config, calls: Number(calls) };
}

function toRecord(
  options: RunPluginOptions & { readonly config: string; readonly record: string },
  hook: Hook | undefined,
): RecordOptions | Refused {
  const { file, config, record, request, stage, name, out, kv, accept = false, json } = options;
  const alien = (["input", "calls"] as const).find((one) => options[one]);
  const word = alien ?? (options.clients.length > 0 ? "client" : undefined);
  if (word !== undefined) return { fault: `--${word} does not go with --record, which says it` };
  if (request === undefined)
    return { fault: "--request ID is missing: one exchange of the record" };
  if (stage !== undefined && stage !== "consult" && stage !== "review") {
    return { fault: "--stage must be consult or review" };
  }
  return { file, config, record, request, hook, stage, name, out, kv, accept, json };
}
