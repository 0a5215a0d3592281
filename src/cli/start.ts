/** `mcp-gw start`, the default: serves the config of this folder, or the demo where there is none. */
import { defineCommand } from "citty";
import type { LoadedConfig, RefusedConfig } from "../config/index.ts";
import { fromHex, toHex } from "../core/index.ts";
import { createToken } from "../identity/index.ts";
import { openRuntime } from "../runtime/index.ts";
import { createAnnouncement } from "./announce.ts";
import { toConfigArgs } from "./config-args.ts";
import { createConfigSource } from "./config-source.ts";
import { formatFaults } from "./load.ts";
import { serveHere } from "./serve-here.ts";
import { toMember } from "./workers-member.ts";
import { parseWorkers, runWorkers, workersFault } from "./workers.ts";

const args = {
  ...toConfigArgs("The config to serve"),
  watch: {
    type: "boolean",
    description: "Take up each change of the config at once, and not only with `mcp-gw reload`",
  },
  workers: {
    type: "string",
    description: "So many processes on one port; needs the Redis store",
    valueHint: "N",
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
    const { crypto } = runtime;
    const count = given.workers === undefined ? undefined : parseWorkers(given.workers);
    if (given.workers !== undefined && count === undefined) {
      console.error(workersFault);
      return 2;
    }
    const workers = count === undefined ? undefined : await runtime.openWorkers();
    const member = workers?.isWorker === true ? toMember(workers) : undefined;
    const seed = member ? fromHex(member.init.tokenSeed) : crypto.randomBytes(32);
    const adminToken = member?.init.adminToken ?? createToken(crypto);
    const request = { config: given.config, envFile: given["env-file"] };
    const source = createConfigSource(runtime, request, seed);
    const load = async (): Promise<LoadedConfig | RefusedConfig> => {
      const found = await source.load();
      return found.config === undefined || member === undefined ? found : member.adapt(found);
    };
    const loaded = await load();
    if (loaded.config === undefined) {
      console.error(formatFaults(loaded.faults, runtime.cwd()));
      return runtime.exit(1);
    }
    const announcement =
      member?.announcement ?? createAnnouncement(runtime, { tokens: source.tokens, adminToken });
    if (count !== undefined && workers?.isWorker === false) {
      const code = await runWorkers({
        count,
        workers,
        runtime,
        loaded,
        handed: { tokenSeed: toHex(seed), adminToken },
        announcement: {
          tell: (ready) => announcement.tell({ ...loaded, digest: ready.digest }, ready),
          forget: announcement.forget,
        },
      });
      return runtime.exit(code);
    }
    await serveHere({
      runtime,
      loaded,
      load,
      isDemo: source.isDemo(),
      isWatched: given.watch === true,
      adminToken,
      announcement,
      member,
    });
  },
});
