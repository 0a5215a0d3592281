/** One gateway in this process: started, made known, and ended by a signal. */
import type { LoadedConfig, RefusedConfig } from "../config/index.ts";
import { withSources } from "../gateway.ts";
import type { Runtime } from "../runtime/index.ts";
import { type Started, startGateway } from "../serve.ts";
import type { Announcement } from "./announce.ts";
import { watchConfig } from "./config-source.ts";
import { describe } from "./describe.ts";
import { formatFault } from "./load.ts";
import { startFault } from "./start-fault.ts";
import type { Member } from "./workers-member.ts";

export interface ServeHereSettings {
  readonly runtime: Runtime;
  readonly loaded: LoadedConfig;
  readonly load: () => Promise<LoadedConfig | RefusedConfig>;
  /** There is no config in this folder. */
  readonly isDemo: boolean;
  /** Each change of the config is taken up at once. */
  readonly isWatched: boolean;
  readonly adminToken: string;
  readonly announcement: Announcement;
  /** Where it is one of several workers. */
  readonly member: Member | undefined;
}

/** Settles when it serves; a fault is printed, or told the supervisor, and ends the process. */
export async function serveHere(settings: ServeHereSettings): Promise<void> {
  const { runtime, loaded, announcement, member } = settings;
  const cwd = runtime.cwd();
  let started: Started | undefined;
  let running = loaded;
  const watching = watchConfig(loaded, settings.isWatched, runtime, () =>
    started?.instance.reload(),
  );
  try {
    started = await startGateway({
      loaded,
      runtime,
      adminToken: settings.adminToken,
      isAdministered: member?.init.isAdministered ?? true,
      sharesPort: member !== undefined,
      ...(member?.init.port === undefined ? {} : { port: member.init.port }),
      reload: {
        load: settings.load,
        explain: (faults) => faults.map((fault) => formatFault(fault, cwd)),
        tried: async (attempt, now) => {
          running = now;
          // One that is refused may not have come as far as its secrets.
          watching.follow(attempt, now);
          if (started !== undefined) await announcement.tell(now, started);
        },
      },
      reloaded: member?.reloaded,
    });
    watching.follow(withSources(loaded, started.instance.pluginFiles));
    await announcement.tell(loaded, started);
  } catch (error) {
    const text = startFault(error, loaded);
    if (member === undefined) console.error(text);
    else await member.fail(text);
    return runtime.exit(1);
  }
  followSignals(runtime, started, announcement, () => running.config.drain.graceMs);
  if (member?.init.speaks === false) return;
  const { url, adminUrl, instance } = started;
  const head = headOf(settings.isDemo, loaded.file, url);
  const operators = adminUrl === undefined ? [] : [`Operators on ${adminUrl}`];
  const foot = [`Listening on ${url}/mcp`, ...operators].join("\n");
  console.log(await describe({ loaded, gateway: instance.gateway(), head, foot, cwd }));
}

/**
 * SIGTERM gives whoever sends calls the time to look away; Ctrl-C does not. Of both the first one
 * lets calls end, and a second one does not wait for them. SIGHUP reads the config again.
 */
function followSignals(
  runtime: Runtime,
  { instance, close }: Started,
  announcement: Announcement,
  graceMs: () => number,
): void {
  let isEnding = false;
  const end = (grace: number): void => {
    if (isEnding) return runtime.exit(130);
    isEnding = true;
    const closed = announcement.forget().then(() => close(undefined, grace));
    closed.then(
      () => runtime.exit(0),
      (error: unknown) => {
        runtime.log.error("Cannot close cleanly", { error: String(error) });
        runtime.exit(1);
      },
    );
  };
  runtime.onSignal("SIGINT", () => end(0));
  runtime.onSignal("SIGTERM", () => end(graceMs()));
  runtime.onSignal("SIGHUP", () => void instance.reload());
}

/** The first line, for who looks at the terminal. */
function headOf(isDemo: boolean, file: string, url: string): string {
  return isDemo
    ? `There is no gateway.config.ts here, so this is the demo (see it at work: mcp-gw try --url ${url})`
    : `Serving ${file}`;
}
