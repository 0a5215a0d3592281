/** One instance: a config's gateway on what its process has, and the application that stands before it. */
import type { Hono } from "hono";
import { type Config, type Fault, type LoadedConfig, resolvePath } from "./config/index.ts";
import type { Gateway, Operations, ReloadOutcome } from "./core/index.ts";
import {
  type BuiltGateway,
  type Foundation,
  type GatewayOptions,
  type OpenGateway,
  type ReloadOptions,
  createOperations,
  createReloader,
  followPlugins,
  type PluggedIn,
  isPluggedIn,
  openFoundation,
  openGateway,
  plugIn,
  toLockFile,
} from "./gateway.ts";
import { followFiles } from "./follow-files.ts";
import { createApp, toConnection, toPeer } from "./http/index.ts";
import { clientAddress } from "./identity/index.ts";
import type { Runtime } from "./runtime/index.ts";
import { type OpenStore, openStore } from "./stores/index.ts";
import { version } from "./version.ts";

export interface InstanceOptions {
  /** How the config is read again; without it the one that was given is for good. */
  readonly reload?: Pick<ReloadOptions, "explain" | "load" | "tried"> | undefined;
  /** Hears that an operator has had another config taken up. */
  readonly reloaded?: (() => Promise<void>) | undefined;
  /** What the one operator of a config without any is known by. */
  readonly adminToken?: string | undefined;
  /** False where what is new is not locked for others: it only shows what would be. */
  readonly locksTools?: boolean;
}

export interface Instance {
  /** What answers now: another one after a reload. */
  readonly gateway: () => OpenGateway;
  readonly operations: Operations;
  /** Takes up the config as it is now, in this process alone. */
  readonly reload: () => Promise<ReloadOutcome>;
  /** What it runs on now. */
  readonly config: () => Config;
  /** The files of the plugins that it was started with. */
  readonly pluginFiles: readonly string[];
  readonly app: Hono;
  /** `peer` is the address of the socket's other end. */
  readonly fetch: (request: Request, peer: string | undefined) => Response | Promise<Response>;
  /** `/readyz` fails from here on, and calls are still taken. */
  readonly lookAway: () => void;
  /** New calls are refused, and subscriptions end. */
  readonly drain: () => void;
  /** Ends what is under way, and writes what the audit owes. */
  readonly close: () => Promise<void>;
}

/** Several times what the list of blocks may be. */
const maxBlockBytes = 1024 * 1024;
/** A change counts at the second look. */
const lockPollMs = 400;
const noReload: NonNullable<InstanceOptions["reload"]> = {
  load: async () => ({ faults: [fixed], watched: { secrets: [], sources: [] } }),
  explain: (faults) => faults.map(({ message }) => message),
};
const fixed: Fault = {
  level: "error",
  path: "",
  message: "The config was given by a program, which cannot be asked for it again",
};

/**
 * A gateway and its application, without a listener. Rejects with a `LockedError` where another
 * process writes the audit file: two writers would break its chain.
 */
export async function openInstance(
  loaded: LoadedConfig,
  runtime: Runtime,
  options: InstanceOptions = {},
): Promise<Instance> {
  const lock = await runtime.lock(auditLockOf(loaded));
  const undo: (() => Promise<void>)[] = [lock.release];
  try {
    const { foundation, opened } = await openGround(loaded, runtime, options, undo);
    const { adminToken } = options;
    const heir: GatewayOptions["heir"] = () => reloader.gateway().subscriber;
    let running: PluggedIn["plugins"]["all"] | undefined;
    const open = async (config: LoadedConfig): Promise<BuiltGateway> => {
      const plugged = await plugIn(config, foundation, running);
      const { plugins, files } = plugged;
      for (const { message, path } of plugged.faults) runtime.log.warn(message, { path });
      try {
        const gateway = openGateway(config, foundation, plugged, { adminToken, heir });
        const faults = [...plugged.faults, ...(await followPlugins(plugged, foundation))];
        const isCurrent: BuiltGateway["isCurrent"] = (other) =>
          isPluggedIn(other, plugged, foundation);
        running = plugins.all;
        return { gateway, faults, files, isCurrent };
      } catch (error) {
        await plugins.close();
        throw error;
      }
    };
    const built = await open(loaded);
    const reloader = createReloader({
      ...(options.reload ?? noReload),
      foundation,
      loaded,
      built,
      open,
    });
    let isLeaving = false;
    const ready = (): boolean => !isLeaving && reloader.gateway().ready();
    const { store } = loaded.config;
    const operations = createOperations({
      foundation,
      reloader,
      ready,
      reloaded: options.reloaded,
      store: () => ({ kind: store === "memory" ? store : "redis", state: opened.state() }),
    });
    const app = createApp(frontOf(reloader.gateway, ready), {
      ports: runtime,
      peer: toPeer,
      connection: toConnection,
      address: (peer, forwardedFor) =>
        clientAddress(peer, forwardedFor, reloader.loaded().config.trustedProxies),
      refused: ({ code, address }) => reloader.gateway().refused(code, address),
    });
    return {
      gateway: reloader.gateway,
      operations,
      reload: reloader.reload,
      config: () => reloader.loaded().config,
      pluginFiles: built.files,
      app,
      fetch: (request, address) => app.fetch(request, { address }),
      lookAway: () => {
        isLeaving = true;
      },
      drain: foundation.draining.abort,
      close: () => inTurn(undo),
    };
  } catch (error) {
    await inTurn(undo);
    throw error;
  }
}

/** The store, and what one process opens once; `undo` gets what gives it back, the first thing last. */
async function openGround(
  loaded: LoadedConfig,
  runtime: Runtime,
  { locksTools = true }: InstanceOptions,
  undo: (() => Promise<void>)[],
): Promise<{ readonly foundation: Foundation; readonly opened: OpenStore }> {
  const { store } = loaded.config;
  let foundation: Foundation | undefined;
  const opened = await openStore(store, runtime, (state) => {
    if (state === "lost") return;
    foundation?.returned().catch((error: unknown) => {
      runtime.log.error("Cannot look up what was missed", { error: String(error) });
    });
  });
  undo.unshift(opened.close);
  const blockPath = resolvePath(loaded.folder, ".mcp-gw/blocks.json");
  const lockFile = toLockFile(loaded, runtime);
  foundation = await openFoundation({
    loaded,
    ports: { ...runtime, store: opened.store, bus: store === "memory" ? undefined : opened.bus },
    version,
    env: runtime.env,
    sharedNow: opened.now,
    blockFile: {
      read: () => runtime.config.readOwn(blockPath, maxBlockBytes),
      write: (text) => runtime.config.replace(blockPath, text),
    },
    pluginFiles: runtime.config,
    lockFile: locksTools ? lockFile : { ...lockFile, write: undefined },
  });
  undo.unshift(foundation.close);
  // Of who reviews a tool, and of the other processes of this folder.
  const files = followFiles({ ...runtime, act: foundation.integrity.reread, pollMs: lockPollMs });
  files.set([lockFile.path]);
  undo.unshift(async () => files.close());
  return { foundation, opened };
}

/** All of them, whichever fails; rejects with the first failure. */
async function inTurn(acts: (() => Promise<void>)[]): Promise<void> {
  const [next] = acts.splice(0, 1);
  if (next === undefined) return;
  try {
    await next();
  } finally {
    await inTurn(acts);
  }
}

/** The face of whichever gateway answers now. */
function frontOf(current: () => OpenGateway, ready: () => boolean): Gateway {
  return {
    handle: (arrival) => current().handle(arrival),
    ready,
    get allOrigins() {
      return current().allOrigins;
    },
  };
}

/** Who holds this file writes the record. */
export function auditLockOf({ config, folder }: Pick<LoadedConfig, "config" | "folder">): string {
  return `${resolvePath(folder, config.audit.file)}.lock`;
}
