/** `mcp-gw stdio`: the gateway on standard input and output, for hosts that start their servers as processes. */
import { defineCommand } from "citty";
import { suggest } from "../config/index.ts";
import { type Runtime, openRuntime } from "../runtime/index.ts";
import { relay } from "../stdio/index.ts";
import { toConfigArgs } from "./config-args.ts";
import { formatFaults, load, noConfigText } from "./load.ts";
import { type Refused, openWay } from "./stdio-way.ts";

const args = {
  client: { type: "string", description: "The client of the config to be", valueHint: "NAME" },
  upstream: {
    type: "string",
    description: "This upstream alone, under its own names (default: all)",
    valueHint: "NAME",
  },
  ...toConfigArgs("The config to serve"),
} as const;

export interface StdioOptions {
  readonly client: string | undefined;
  readonly upstream?: string | undefined;
  readonly config?: string | undefined;
  readonly envFile?: string | undefined;
}

export const stdioCommand = defineCommand({
  meta: {
    name: "stdio",
    description:
      "Serves one client on standard input and output, e.g. mcp-gw stdio --client desktop --config /home/me/gateway.config.ts",
  },
  args,
  run: async ({ args: given }) => {
    keepOutputClean();
    const runtime = await openRuntime();
    const { client, upstream, config } = given;
    const options = { client, upstream, config, envFile: given["env-file"] };
    // Nothing else may keep the process alive while it waits for its client.
    const stay = setInterval(() => undefined, 2_147_483_647);
    const code = await serveStdio(options, runtime);
    clearInterval(stay);
    // Standard input that is still open would keep it alive, too.
    runtime.exit(code);
  },
});

/** Standard output is the protocol's: what a config prints goes where the log goes. */
function keepOutputClean(): void {
  console.log = console.error;
  console.info = console.error;
  console.debug = console.error;
}

/** The exit code: 0 the client has gone, 1 nothing could be served, 2 wrong usage. */
export async function serveStdio(options: StdioOptions, runtime: Runtime): Promise<number> {
  const { cwd, log } = runtime;
  const name = options.client;
  if (name === undefined)
    return refuse({ fault: "Cannot tell who calls: --client is missing", code: 2 });
  // A running gateway has the secrets of its upstreams; here they may be missing.
  const loaded = await load(runtime, { ...options, missingSecrets: "warn" });
  if (loaded === undefined) return refuse({ fault: noConfigText(cwd()), code: 2 });
  if (loaded.config === undefined)
    return refuse({ fault: formatFaults(loaded.faults, cwd()), code: 1 });
  const { clients, upstreams } = loaded.config;
  const client = Object.hasOwn(clients, name) ? clients[name] : undefined;
  if (client === undefined) return refuse(unknown("client", name, clients));
  const { upstream } = options;
  if (upstream !== undefined && !Object.hasOwn(upstreams, upstream)) {
    return refuse(unknown("upstream", upstream, upstreams));
  }
  const way = await openWay(name, client, loaded, options, runtime);
  if ("fault" in way) return refuse(way);
  const stop = new AbortController();
  const end = (): void => (stop.signal.aborted ? runtime.exit(130) : stop.abort());
  runtime.onSignal("SIGINT", end);
  runtime.onSignal("SIGTERM", end);
  await relay({
    input: runtime.stdin(),
    write: runtime.stdout,
    send: way.send,
    url: new URL(upstream === undefined ? "/mcp" : `/mcp/${upstream}`, way.url).href,
    headers: way.headers,
    maxLineBytes: client.maxRequestBytes,
    // An answer is counted before it is put into words.
    maxAnswerBytes: 2 * client.maxResponseBytes + 1_048_576,
    clock: runtime.clock,
    log,
    stop: stop.signal,
  });
  await way.close();
  return 0;
}

function refuse({ fault, code }: Refused): number {
  console.error(fault);
  return code;
}

function unknown(what: string, name: string, known: Readonly<Record<string, unknown>>): Refused {
  const meant = suggest(name, Object.keys(known));
  return {
    fault: `There is no ${what} "${name}"${meant === undefined ? "" : ` (${meant})`}`,
    code: 2,
  };
}
