/** `mcp-gw check`: every fault of a config at once, offline, changing nothing. */
import { defineCommand } from "citty";
import { openRuntime } from "../runtime/index.ts";
import { toConfigArgs } from "./config-args.ts";
import { definitionFaults } from "./definition-faults.ts";
import { lockFaults } from "./lock-faults.ts";
import { formatFaults, load, noConfigText } from "./load.ts";
import type { LoadRuntime } from "./load.ts";
import { pluginFaults } from "./plugin-faults.ts";
import type { PoolRuntime } from "./plugin-load.ts";
import { consoleOutput } from "./output.ts";
import type { Output } from "./output.ts";

const args = {
  ...toConfigArgs("The config to check"),
  json: { type: "boolean", description: "Print { ok, faults }" },
  strict: { type: "boolean", description: "Let warnings fail, too" },
} as const;

export interface CheckOptions {
  readonly config?: string | undefined;
  readonly envFile?: string | undefined;
  readonly json: boolean;
  readonly strict: boolean;
}

export const checkCommand = defineCommand({
  meta: {
    name: "check",
    description:
      "Finds every fault of a config, e.g. mcp-gw check --config prod.config.ts --strict",
  },
  args,
  run: async ({ args: given }) => {
    const options = {
      config: given.config,
      envFile: given["env-file"],
      json: given.json === true,
      strict: given.strict === true,
    };
    return await check(options, await openRuntime(), consoleOutput);
  },
});

/** The exit code: 0 good, 1 faults, 2 nothing to check. */
export async function check(
  options: CheckOptions,
  runtime: LoadRuntime & PoolRuntime,
  { out, err }: Output,
): Promise<number> {
  const loaded = await load(runtime, { ...options, missingSecrets: "warn" });
  if (loaded === undefined) {
    err(noConfigText(runtime.cwd()));
    return 2;
  }
  const locked = loaded.config === undefined ? [] : await lockFaults(loaded, runtime);
  const unmet = loaded.config === undefined ? [] : await definitionFaults(loaded, runtime);
  const plugged = loaded.config === undefined ? [] : await pluginFaults(loaded, runtime);
  const faults = [...loaded.faults, ...unmet, ...locked, ...plugged];
  const found = [...locked, ...plugged];
  const isGood = loaded.config !== undefined && found.every(({ level }) => level === "warning");
  const ok = isGood && !(options.strict && faults.length > 0);
  if (options.json) out(JSON.stringify({ ok, faults }, undefined, 2));
  else if (faults.length > 0) out(formatFaults(faults, runtime.cwd()));
  else out("The config is good");
  return ok ? 0 : 1;
}
