/** `mcp-gw start`, the default: serves the config of this folder, or the demo where there is none. */
import { defineCommand } from "citty";
import type { LoadedConfig } from "../config/index.ts";
import { type Runtime, openRuntime } from "../runtime/index.ts";
import { startGateway } from "../serve.ts";
import { createStdioTokens, withTokens } from "./client-token.ts";
import { describe } from "./describe.ts";
import { formatFaults, loadOrDemo } from "./load.ts";
import { runFileOf, writeRunFile } from "./run-file.ts";
import { startFault } from "./start-fault.ts";

const args = {
  config: {
    type: "string",
    description: "The config to serve (default: gateway.config.ts, .js, .mjs or .json)",
    valueHint: "FILE",
  },
  "env-file": {
    type: "string",
    description: "Read instead of the .env beside it",
    valueHint: "FILE",
  },
} as const;

export const startCommand = defineCommand({
  meta: {
    name: "start",
    description:
      "Serves the config of this folder, or the demo; the default. Example: mcp-gw --config prod.config.ts",
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
      const tokens = createStdioTokens(loaded.config, runtime);
      const started = await startGateway({ loaded: withTokens(loaded, tokens), runtime });
      const { url, gateway } = started;
      const forget = await announce(loaded, url, tokens, runtime);
      endOnSignal(runtime, async () => {
        await forget();
        await started.close();
      });
      const head = headOf(isDemo, loaded.file, url);
      const foot = `Listening on ${url}/mcp`;
      console.log(await describe({ loaded, gateway, head, foot, cwd: runtime.cwd() }));
    } catch (error) {
      console.error(startFault(error, loaded));
      runtime.exit(1);
    }
  },
});

/** Lets other commands find this gateway; one that cannot be found serves all the same. */
async function announce(
  loaded: LoadedConfig,
  url: string,
  tokens: ReadonlyMap<string, string>,
  runtime: Runtime,
): Promise<() => Promise<void>> {
  const { file: config, digest } = loaded;
  const running = { pid: runtime.pid, url, config, digest, clients: Object.fromEntries(tokens) };
  try {
    return await writeRunFile(loaded, running, runtime);
  } catch (error) {
    const file = runFileOf(loaded);
    runtime.log.warn("Other commands cannot find this gateway", { file, error: String(error) });
    return async () => undefined;
  }
}

/** The first signal lets calls end; a second one does not wait for them. */
function endOnSignal(runtime: Runtime, close: () => Promise<void>): void {
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return runtime.exit(130);
    isEnding = true;
    close().then(
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

/** The first line, for who looks at the terminal. */
function headOf(isDemo: boolean, file: string, url: string): string {
  return isDemo
    ? `There is no gateway.config.ts here, so this is the demo (see it at work: mcp-gw try --url ${url})`
    : `Serving ${file}`;
}
