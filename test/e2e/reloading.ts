/** A gateway on a config file in a folder of its own, which tests change and have it take up. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LoadedConfig, type RefusedConfig, loadConfig } from "../../src/config/index.ts";
import type { Clock, InstanceState, Log, ReloadOutcome, Threads } from "../../src/core/index.ts";
import { type Runtime, openRuntime } from "../../src/runtime/index.ts";
import { type Started, startGateway } from "../../src/serve.ts";
import { allowAll, tokenA, tokenB } from "./gateway.ts";

export interface Reloading {
  readonly url: string;
  readonly folder: string;
  readonly started: Started;
  /** What secrets are read from. */
  readonly env: Record<string, string | undefined>;
  /** Writes the config, as JSON unless it is a text. */
  readonly write: (config: object | string) => Promise<void>;
  readonly reload: () => Promise<ReloadOutcome>;
  /** Writes the config and has it taken up; rejects where it is refused. */
  readonly change: (config: object) => Promise<ReloadOutcome>;
  readonly state: () => InstanceState;
  /** The records so far, oldest first. */
  readonly records: () => Promise<Record<string, unknown>[]>;
  readonly logged: readonly string[];
  /** Processes that are alive, the oldest first. */
  readonly pids: ReadonlySet<number>;
  readonly close: () => Promise<void>;
}
export interface ReloadingSettings {
  readonly clock?: Clock;
  /** Stands between the gateway and the reading of its config. */
  readonly around?: (
    load: () => Promise<LoadedConfig | RefusedConfig>,
  ) => Promise<LoadedConfig | RefusedConfig>;
  /** Files beside the config. */
  readonly files?: Readonly<Record<string, string>>;
  /** Further secrets. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Of its operator; without it none is listened to. */
  readonly adminToken?: string;
  /** Stands between the gateway and its plugins' threads. */
  readonly threads?: (own: Threads) => Threads;
}

export const token = (name: string): object => ({ auth: { token: { secret: name } } });
/** A client that may do everything. */
export const a = { ...token("TOKEN_A"), allow: allowAll };
export const b = { ...token("TOKEN_B"), allow: allowAll };

export async function runReloading(
  first: object,
  {
    clock,
    around = (load) => load(),
    files = {},
    secrets = {},
    adminToken,
    threads = (own) => own,
  }: ReloadingSettings = {},
): Promise<Reloading> {
  const folder = await mkdtemp(join(tmpdir(), "reload-"));
  const file = join(folder, "gateway.config.json");
  const env: Record<string, string | undefined> = {
    TOKEN_A: tokenA,
    TOKEN_B: tokenB,
    ...secrets,
  };
  const logged: string[] = [];
  const pids = new Set<number>();
  const own = await openRuntime();
  const stood = { ...own, threads: threads(own.threads), ...(clock && { clock }) };
  const runtime = watched(stood, logged, pids);
  const write = (config: object | string): Promise<void> =>
    writeFile(file, typeof config === "string" ? config : JSON.stringify(config));
  const load = (): Promise<LoadedConfig | RefusedConfig> =>
    loadConfig({ file, env, ports: own.config, now: Date.now(), missingSecrets: "fault" });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  await write(first);
  const loaded = await load();
  if (loaded.config === undefined) throw new Error(JSON.stringify(loaded.faults));
  const started = await startGateway({
    loaded,
    runtime,
    port: 0,
    adminToken,
    isAdministered: adminToken !== undefined,
    reload: {
      load: () => around(load),
      explain: (faults) => faults.map(({ path, message }) => `${path}: ${message}`),
    },
  });
  const { operations } = started.instance;
  return {
    url: started.url,
    folder,
    started,
    env,
    write,
    reload: operations.reload,
    change: async (config) => {
      await write(config);
      const outcome = await operations.reload();
      if (outcome.result === "refused") throw new Error(outcome.faults.join("\n"));
      return outcome;
    },
    state: operations.state,
    records: async () => {
      const text = await readFile(join(folder, "audit.jsonl"), "utf8");
      const lines = text.split("\n").filter((line) => line !== "");
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    logged,
    pids,
    close: async () => {
      await started.close(500);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Notes what is logged and which processes there are. */
function watched(own: Runtime, logged: string[], pids: Set<number>): Runtime {
  const note =
    (level: string): Log["info"] =>
    (message, fields) =>
      void logged.push(`${level}: ${message} ${JSON.stringify(fields ?? {})}`);
  return {
    ...own,
    log: { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") },
    spawn: async (command) => {
      const child = await own.spawn(command);
      pids.add(child.pid);
      void child.exited.then(() => pids.delete(child.pid));
      return child;
    },
  };
}
