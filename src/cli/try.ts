/** `mcp-gw try`: the test client; walks through what each client may do and what it may not. */
import { defineCommand } from "citty";
import { type Config, type LoadedConfig, resolvePath } from "../config/index.ts";
import { type Runtime, openRuntime } from "../runtime/index.ts";
import { startGateway } from "../serve.ts";
import { tokenOf } from "./client-token.ts";
import { toConfigArgs } from "./config-args.ts";
import { formatFaults, loadOrDemo } from "./load.ts";
import { startFault } from "./start-fault.ts";
import { type Output, consoleOutput } from "./output.ts";
import { type Outcome, send } from "./try-client.ts";
import { type Tried, header, lineOf, sentText } from "./try-table.ts";
import {
  type Expectation,
  type Step,
  demoClients,
  demoUpstreams,
  demoWalk,
  walkOf,
} from "./try-walk.ts";

const args = {
  ...toConfigArgs("The config to try"),
  url: {
    type: "string",
    description: "A gateway that runs on this config (default: one of its own, on a free port)",
    valueHint: "URL",
  },
  json: { type: "boolean", description: "Print one JSON object per call" },
} as const;

export interface TryOptions {
  readonly config?: string | undefined;
  readonly envFile?: string | undefined;
  /** Undefined starts a gateway of its own, on a free port. */
  readonly url?: string | undefined;
  readonly json: boolean;
}

/** Beside the tokens of the demo, where Deno may write too. */
const ownRecord = ".mcp-gw/try.jsonl";

/** A caller that is asked to wait longer than this is not expected to. */
const maxWaitMs = 20_000;

export const tryCommand = defineCommand({
  meta: {
    name: "try",
    description:
      "Walks through what each client may do, e.g. mcp-gw try --url http://127.0.0.1:8080",
  },
  args,
  run: async ({ args: given }) => {
    const options = {
      config: given.config,
      envFile: given["env-file"],
      url: given.url,
      json: given.json === true,
    };
    const runtime = await openRuntime();
    return await tryOut(options, runtime, consoleOutput);
  },
});

/** The exit code: 0 all as expected, 1 something else, 2 nothing to try. */
export async function tryOut(
  options: TryOptions,
  runtime: Runtime,
  output: Output,
): Promise<number> {
  const { loaded } = await loadOrDemo(runtime, { ...options, missingSecrets: "fault" });
  if (loaded.config === undefined) {
    output.err(formatFaults(loaded.faults, runtime.cwd()));
    return 2;
  }
  const { url } = options;
  if (url !== undefined) {
    if (/^https?:\/\//.test(url) && URL.canParse(url))
      return await walk(url, loaded, options, runtime, output);
    output.err(`Cannot use --url "${url}": it must be a URL such as http://127.0.0.1:8080`);
    return 2;
  }
  const own = await withOwnRecord(loaded, runtime);
  const started = await startGateway({ loaded: own, runtime, port: 0, locksTools: false }).catch(
    (error: unknown) => {
      output.err(startFault(error, own));
      return undefined;
    },
  );
  if (started === undefined) return 2;
  try {
    return await walk(started.url, own, options, runtime, output);
  } finally {
    await started.close();
  }
}

/** A gateway may be running on this config, and one gateway at a time writes an audit file. */
async function withOwnRecord(
  loaded: LoadedConfig,
  { config: files }: Pick<Runtime, "config">,
): Promise<LoadedConfig> {
  const { config, folder } = loaded;
  const file = resolvePath(folder, ownRecord);
  // Makes the folder; the file itself may be there.
  await files.writeNew(file, "").catch(() => undefined);
  return { ...loaded, config: { ...config, audit: { ...config.audit, file } } };
}

async function walk(
  url: string,
  { config }: LoadedConfig,
  { json }: TryOptions,
  { clock }: Pick<Runtime, "clock">,
  { out }: Output,
): Promise<number> {
  const steps = stepsOf(config);
  let unexpected = 0;
  if (!json) out(header);
  for (const step of steps) {
    const tried = await take(step, { url, config, clock });
    unexpected += tried.asExpected ? 0 : 1;
    out(json ? JSON.stringify(tried) : lineOf(tried));
  }
  if (!json) out(`\n${summaryOf(steps.length, unexpected)}${untriedText(config)}`);
  return unexpected === 0 ? 0 : 1;
}

function summaryOf(calls: number, unexpected: number): string {
  const expected = unexpected === 0 ? "all" : `${calls - unexpected}`;
  return `${calls} ${calls === 1 ? "call" : "calls"}, ${expected} as expected`;
}

function untriedText({ clients }: Config): string {
  const names = Object.keys(clients).filter((name) => isUntried(clients, name));
  if (names.length === 0) return "";
  return `\nNot tried, because the config does not hold their tokens: ${names.join(", ")}`;
}

/** The walk of the demo where this is the demo, else what is safe with anybody's servers. */
function stepsOf({ clients, upstreams }: Config): readonly Step[] {
  const isDemo =
    demoClients.every((name) => Object.hasOwn(clients, name)) &&
    demoUpstreams.every((name) => Object.hasOwn(upstreams, name));
  if (isDemo) return demoWalk;
  return walkOf(
    Object.keys(clients).filter((name) => !isUntried(clients, name)),
    {
      hasAnonymous: Object.values(clients).some(({ auth }) => auth === "anonymous"),
    },
  );
}

interface Place {
  readonly url: string;
  readonly config: Config;
  readonly clock: Runtime["clock"];
}

async function take(step: Step, { url, config, clock }: Place): Promise<Tried> {
  const { client, method, params, expect } = step;
  const token = client === undefined ? undefined : tokenOf(config.clients, client);
  const once = (): Promise<Outcome> => send({ url, token, method, params }, clock);
  let outcome = await once();
  let times = 1;
  while (times < (step.repeat ?? 1) && outcome.decision === "allowed") {
    outcome = await once();
    times += 1;
  }
  if (outcome.code === "RATE_EXCEEDED" && expect.code === undefined) {
    // A gateway that has been tried a moment ago asks for patience; a good client has it.
    await wait(Math.min(outcome.retryAfterMs, maxWaitMs));
    outcome = await once();
  }
  const names = namesOf(outcome);
  const { decision, code, redactions, ms } = outcome;
  const reason = names === undefined ? outcome.why : `tools: ${names.join(", ")}`;
  const asExpected = isExpected(outcome, expect);
  const sent = sentText(step, times);
  return { client: client ?? "(nobody)", sent, decision, code, reason, redactions, ms, asExpected };
}

function isExpected(outcome: Outcome, { code, redactions = 0, names }: Expectation): boolean {
  if (outcome.code !== code || outcome.decision === "failed") return false;
  if (outcome.result["isError"] === true && code === undefined) return false;
  const seen = namesOf(outcome) ?? [];
  return outcome.redactions >= redactions && (names === undefined || seen.join() === names.join());
}

/** The names of a list of tools, in order. */
function namesOf({ result }: Outcome): readonly string[] | undefined {
  const { tools } = result;
  if (!Array.isArray(tools)) return undefined;
  return tools.map((tool: { readonly name?: unknown }) => String(tool.name)).sort();
}

/** The test client has no token where the config holds no more than a hash. */
function isUntried(clients: Config["clients"], name: string): boolean {
  return clients[name]?.auth !== "anonymous" && tokenOf(clients, name) === undefined;
}

/** Not the clock's: its timers let the process end, and this wait has to be sat out. */
function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
