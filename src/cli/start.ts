/** `mcp-gw start`, the default: serves the config of this folder, or the demo where there is none. */
import { defineCommand } from "citty";
import type { Fault, LoadedConfig } from "../config/index.ts";
import { type Runtime, openRuntime } from "../runtime/index.ts";
import { type Started, startGateway } from "../serve.ts";
import { formatFaults, loadOrDemo } from "./load.ts";
import { toTable } from "./table.ts";

const args = {
  config: { type: "string", description: "The config to serve", valueHint: "FILE" },
  "env-file": { type: "string", description: "Instead of .env beside it", valueHint: "FILE" },
} as const;

export const startCommand = defineCommand({
  meta: {
    name: "start",
    description: "Serves the config of this folder, e.g. mcp-gw --config prod.config.ts",
  },
  args,
  run: async ({ args: given }) => {
    const runtime = await openRuntime();
    const { loaded, isDemo } = await loadOrDemo(runtime, {
      config: given.config,
      envFile: given["env-file"],
      missingSecrets: "fault",
    });
    if (loaded.config === undefined) {
      console.error(formatFaults(loaded.faults, runtime.cwd()));
      return runtime.exit(1);
    }
    try {
      const started = await startGateway({ loaded, runtime });
      endOnSignal(runtime, started);
      console.log(await describe(loaded, started, isDemo, runtime.cwd()));
    } catch (error) {
      console.error(`Cannot start: ${error instanceof Error ? error.message : String(error)}`);
      runtime.exit(1);
    }
  },
});

/** The first signal lets calls end; a second one does not wait for them. */
function endOnSignal(runtime: Runtime, started: Started): void {
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return runtime.exit(130);
    isEnding = true;
    started.close().then(
      () => runtime.exit(0),
      (error: unknown) => {
        runtime.log.error("Cannot close cleanly", { error: String(error) });
        runtime.exit(1);
      },
    );
  };
  runtime.onSignal("SIGINT", end);
  runtime.onSignal("SIGTERM", end);
}

async function describe(
  loaded: LoadedConfig,
  { url, gateway }: Started,
  isDemo: boolean,
  cwd: string,
): Promise<string> {
  const statuses = await gateway.probe();
  const upstreams = statuses.map(({ name, transport, era, tools, state }) => [
    name,
    transport,
    era ?? "-",
    tools === undefined ? "-" : String(tools),
    transport === "stdio" ? "none" : "-",
    state,
  ]);
  const clients = Object.entries(loaded.config.clients).map(([name, { auth, allow, rate }]) => [
    name,
    auth === "anonymous" ? "anonymous" : "token",
    String(allow.tools.length),
    String(allow.resources.length),
    String(allow.prompts.length),
    `${rate.perSecond}/s, burst ${rate.burst}`,
  ]);
  return [
    isDemo
      ? "There is no gateway.config.ts here, so this is the demo (see it at work: mcp-gw try)\n"
      : `Serving ${loaded.file}\n`,
    toTable(["upstream", "transport", "era", "tools", "contained", "state"], upstreams),
    "",
    toTable(["client", "auth", "tools", "resources", "prompts", "rate"], clients),
    ...warnings(loaded.faults, cwd),
    "",
    `Listening on ${url}/mcp`,
  ].join("\n");
}

function warnings(faults: readonly Fault[], cwd: string): string[] {
  return faults.length === 0 ? [] : ["", formatFaults(faults, cwd)];
}
