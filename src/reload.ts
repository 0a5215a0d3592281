/** The new gateway beside the old one: built from the config as it is now, and swapped as a whole. */
import type { LoadedConfig, RefusedConfig } from "./config/index.ts";
import { type Fault, checkReload, isSameSetting } from "./config/index.ts";
import type { Clock, Log, ReloadOutcome } from "./core/index.ts";
import { type Foundation, toKeys } from "./foundation.ts";
import type { OpenGateway } from "./open-gateway.ts";
import { PluginsError } from "./sandbox/index.ts";

/** A gateway, and what it was built from beside its config. */
export interface BuiltGateway {
  readonly gateway: OpenGateway;
  /** Warnings. */
  readonly faults: readonly Fault[];
  /** The files of its plugins. */
  readonly files: readonly string[];
  /** Whether those still are what it was built from, as another config of the same content names them. */
  readonly isCurrent: (loaded: LoadedConfig) => Promise<boolean>;
}
export interface ReloadOptions {
  readonly foundation: Foundation;
  readonly loaded: LoadedConfig;
  readonly built: BuiltGateway;
  /** Reads the config anew. */
  readonly load: () => Promise<LoadedConfig | RefusedConfig>;
  /** Builds a gateway from it; rejects with a `PluginsError`, or where it cannot be built. */
  readonly open: (loaded: LoadedConfig) => Promise<BuiltGateway>;
  /** A line for each fault, without a secret. */
  readonly explain: (faults: readonly Fault[]) => readonly string[];
  /** Hears of each attempt, and of what is running after it. */
  readonly tried?: (
    attempt: LoadedConfig | RefusedConfig,
    running: LoadedConfig,
    result: ReloadOutcome["result"],
  ) => Promise<void>;
}

export interface Reloader {
  /** What answers now. */
  readonly gateway: () => OpenGateway;
  readonly loaded: () => LoadedConfig;
  /** One at a time; those that come while one is at work are told what the next one comes to. */
  readonly reload: () => Promise<ReloadOutcome>;
  /** The last attempt; undefined before the first. */
  readonly last: () => (ReloadOutcome & { readonly time: number }) | undefined;
}

/** A part of a config may be a promise, and a folder on the network may hang. */
const loadMs = 50_000;

export function createReloader(options: ReloadOptions): Reloader {
  const { foundation, load, open, explain, tried } = options;
  const { clock, log } = foundation.ports;
  let { built, loaded } = options;
  let last: (ReloadOutcome & { readonly time: number }) | undefined;
  /** The newest one, which comes after all others. */
  let newest: Promise<unknown> = Promise.resolve();
  /** It has read nothing yet, so that it reads what is there now. */
  let waiting: Promise<ReloadOutcome> | undefined;

  async function run(): Promise<ReloadOutcome> {
    waiting = undefined;
    const attempt = await read();
    const { outcome, files } =
      attempt.config === undefined ? refuse(attempt.faults) : await take(attempt);
    last = { ...outcome, time: clock.now() };
    await tell(withSources(attempt, files), outcome.result);
    return outcome;
  }

  /** Ends, whatever the config does while it is read. */
  async function read(): Promise<LoadedConfig | RefusedConfig> {
    let giveUp = (): void => undefined;
    const late = new Promise<RefusedConfig>((resolve) => {
      giveUp = () => resolve(refused(`Cannot be read within ${loadMs} ms`));
    });
    const timer = clock.after(loadMs, giveUp);
    try {
      return await Promise.race([load(), late]);
    } catch (error) {
      // Its message may quote what was read.
      return refused(`Cannot be read: ${error instanceof Error ? error.name : "it throws"}`);
    } finally {
      timer.cancel();
    }
  }

  async function take(attempt: LoadedConfig): Promise<Taken> {
    const faults = [...attempt.faults, ...checkReload(loaded, attempt)];
    if (foundation.draining.signal.aborted) return refuse([...faults, closing]);
    if (faults.some(({ level }) => level === "error")) return refuse(faults);
    const isSame = isSameSetting(loaded.config, attempt.config);
    if (!isSame || !(await built.isCurrent(attempt))) return await swap(attempt, faults);
    log.info("The config is the same as before", { config: loaded.digest });
    const outcome = {
      result: "unchanged",
      digest: loaded.digest,
      faults: explain(faults),
    } as const;
    return { outcome, files: built.files };
  }

  async function swap(attempt: LoadedConfig, found: readonly Fault[]): Promise<Taken> {
    let fresh: BuiltGateway;
    try {
      fresh = await open(attempt);
    } catch (error) {
      if (error instanceof PluginsError) return refuse([...found, ...error.faults], error.files);
      const message = `Cannot be built: ${error instanceof Error ? error.message : String(error)}`;
      return refuse([...found, { level: "error", path: "", message }]);
    }
    const { files } = fresh;
    const faults = [...found, ...fresh.faults];
    if (foundation.draining.signal.aborted) {
      await fresh.gateway.giveWay();
      return refuse([...faults, closing], files);
    }
    const old = built.gateway;
    built = fresh;
    loaded = attempt;
    foundation.keyring.use(toKeys(attempt));
    foundation.sessions.rekeyed();
    old.giveWay().catch((error: unknown) => {
      log.error("The gateway of before did not end cleanly", { error: String(error) });
    });
    log.info("The config was reloaded", { config: attempt.digest });
    record(built.gateway, "allowed", clock, log);
    const outcome = {
      result: "reloaded",
      digest: attempt.digest,
      faults: explain(faults),
    } as const;
    return { outcome, files };
  }

  /** Loud: whoever changed the file believes that it holds. */
  function refuse(faults: readonly Fault[], files: readonly string[] = []): Taken {
    const lines = explain(faults);
    const why = lines.join("\n");
    log.error("The changed config is refused, and the one of before goes on", { faults: why });
    record(built.gateway, "denied", clock, log, why);
    const outcome = { result: "refused", digest: loaded.digest, faults: lines } as const;
    return { outcome, files: [...built.files, ...files] };
  }

  async function tell(
    attempt: LoadedConfig | RefusedConfig,
    result: ReloadOutcome["result"],
  ): Promise<void> {
    try {
      await tried?.(attempt, loaded, result);
    } catch (error) {
      log.error("What follows a reload failed", { error: String(error) });
    }
  }

  return {
    gateway: () => built.gateway,
    loaded: () => loaded,
    last: () => last,
    reload: () => {
      if (waiting !== undefined) return waiting;
      waiting = newest.then(run, run);
      newest = waiting;
      return waiting;
    },
  };
}

interface Taken {
  readonly outcome: ReloadOutcome;
  /** Of plugins, that are looked at from now on. */
  readonly files: readonly string[];
}

/** A changed file of a plugin is a change of the config. */
export function withSources<Attempt extends LoadedConfig | RefusedConfig>(
  attempt: Attempt,
  files: readonly string[],
): Attempt {
  const { watched } = attempt;
  return { ...attempt, watched: { ...watched, sources: [...watched.sources, ...files] } };
}

const closing: Fault = { level: "error", path: "", message: "The gateway is closing" };

function refused(message: string): RefusedConfig {
  return { faults: [{ level: "error", path: "", message }], watched: { secrets: [], sources: [] } };
}

function record(
  { audit }: OpenGateway,
  decision: "allowed" | "denied",
  clock: Clock,
  log: Log,
  why?: string,
): void {
  const failed = (error: unknown): void =>
    log.error("Cannot record a reload", { error: String(error) });
  const reservation = audit.reserve();
  if (reservation === undefined) return failed("There is no room");
  reservation
    .write({ kind: "config", time: clock.now(), method: "reload", decision, why })
    .catch(failed);
}
