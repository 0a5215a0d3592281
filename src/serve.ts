/** Runtime, config, gateway, listeners: everything that one instance is made of. */
import type { Context, Hono } from "hono";
import { type Config, type Fault, type LoadedConfig, resolvePath } from "./config/index.ts";
import type { Body, Canceller, Gateway, Operations, ReloadOutcome } from "./core/index.ts";
import type { HeaderView } from "./mcp/index.ts";
import {
  type Foundation,
  type GatewayOptions,
  type OpenGateway,
  type ReloadOptions,
  createOperations,
  createReloader,
  openFoundation,
  openGateway,
  toLockFile,
} from "./gateway.ts";
import { followFiles } from "./follow-files.ts";
import { createAdminApp, createApp } from "./http/index.ts";
import { clientAddress } from "./identity/index.ts";
import type { Listening, Runtime, Tls } from "./runtime/index.ts";
import { type OpenStore, openStore } from "./stores/index.ts";
import { version } from "./version.ts";

export interface InstanceOptions {
  /** How the config is read again; without it the one that was given is for good. */
  readonly reload?: Pick<ReloadOptions, "explain" | "load" | "tried"> | undefined;
  /** Hears that an operator has had another config taken up. */
  readonly reloaded?: (() => Promise<void>) | undefined;
  /** What the one operator of a config without any is known by. */
  readonly adminToken?: string | undefined;
  /** False where tools that are new are not locked for others: it only shows what would be. */
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

export interface StartOptions extends InstanceOptions {
  readonly loaded: LoadedConfig;
  readonly runtime: Runtime;
  /** Instead of the config's; 0 takes any free one. */
  readonly port?: number;
  /** Whether operators are listened to, where the config does not turn that off. */
  readonly isAdministered?: boolean;
  /** Other processes listen on the same port. */
  readonly sharesPort?: boolean;
}

export interface Started {
  /** Where it listens, e.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Where operators reach it. */
  readonly adminUrl: string | undefined;
  readonly instance: Instance;
  /**
   * Lets calls end until the deadline, then ends the rest. For `graceMs` before that it only says
   * that it is not ready, so that whoever sends it calls can look for another instance.
   */
  readonly close: (deadlineMs?: number, graceMs?: number) => Promise<void>;
}

/** The listener of operators is in the way, not that of clients; the cause says how. */
export class AdminListenError extends Error {}

const usualAdminPort = 8081;
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
    const open = (config: LoadedConfig): OpenGateway =>
      openGateway(config, foundation, { adminToken, heir });
    const reloader = createReloader({
      ...(options.reload ?? noReload),
      foundation,
      loaded,
      gateway: open(loaded),
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

export async function startGateway(options: StartOptions): Promise<Started> {
  const { loaded, runtime, port, reload } = options;
  const { listen } = loaded.config;
  const tls = await readTls(loaded, runtime);
  // A gateway that cannot listen must not touch the record of the one that does, so it opens nothing
  // before it has the port; who calls meanwhile waits.
  const opened = promiseOfInstance();
  let instance: Instance | undefined;
  const listening = await runtime.serve({
    host: listen.host,
    port: port ?? listen.port,
    ...(tls ? { tls } : {}),
    ...(options.sharesPort === true ? { reusePort: true } : {}),
    fetch: (request, peer) =>
      instance === undefined
        ? opened.promise.then(({ app }) => app.fetch(request, peer))
        : instance.app.fetch(request, peer),
    refused: (code, { address }) => instance?.gateway().refused(code, address),
  });
  let admin: Listening | undefined;
  const tried: ReloadOptions["tried"] = async (attempt, running, result) => {
    // Files of the same names may hold others than before.
    if (result !== "refused") await renewTls(running, runtime, [listening, admin]);
    await reload?.tried?.(attempt, running, result);
  };
  try {
    instance = await openInstance(loaded, runtime, {
      ...options,
      reload: reload && { ...reload, tried },
    });
    if (options.isAdministered === true) admin = await listenAdmin(loaded, runtime, instance, tls);
  } catch (error) {
    opened.reject(error);
    await listening.close(0);
    await instance?.close();
    throw error;
  }
  opened.resolve(instance);
  const { lookAway, drain: refuseCalls, close, config } = instance;
  return {
    url: toUrl(listening, tls !== undefined),
    adminUrl: admin && toUrl(admin, tls !== undefined),
    instance,
    close: async (deadlineMs = config().drain.deadlineMs, graceMs = 0) => {
      lookAway();
      if (graceMs > 0) {
        listening.lookAway();
        await new Promise<void>((resolve) => {
          runtime.clock.after(graceMs, resolve);
        });
      }
      refuseCalls();
      await listening.close(deadlineMs);
      await admin?.close(0);
      await close();
      await runtime.egress.close();
    },
  };
}

async function readTls(
  { config, folder }: LoadedConfig,
  { files }: Pick<Runtime, "files">,
): Promise<Tls | undefined> {
  const { tls } = config.listen;
  if (tls === undefined) return undefined;
  const read = (path: string): Promise<string> => files.readText(resolvePath(folder, path));
  return { cert: await read(tls.cert), key: await read(tls.key) };
}

/** A certificate is renewed long before a gateway is started again. */
async function renewTls(
  loaded: LoadedConfig,
  runtime: Pick<Runtime, "files" | "log">,
  listeners: readonly (Listening | undefined)[],
): Promise<void> {
  const { log } = runtime;
  try {
    const tls = await readTls(loaded, runtime);
    if (tls === undefined || listeners.every((each) => each?.renewTls(tls) ?? true)) return;
  } catch (error) {
    // Of two files one is written first.
    return log.error("The certificate of the listener is not renewed", { error: String(error) });
  }
  log.warn("The certificate of the listener stays as it was until the gateway is started again");
}

/** The usual port, or where another gateway has it any free one; `.mcp-gw/run.json` says which. */
async function listenAdmin(
  { config }: LoadedConfig,
  runtime: Runtime,
  { operations, config: running }: Instance,
  tls: Tls | undefined,
): Promise<Listening | undefined> {
  const { admin } = config;
  if (admin === false) return undefined;
  const app = createAdminApp(operations, {
    ports: runtime,
    peer: toPeer,
    connection: toConnection,
    address: (peer) => clientAddress(peer, null, []),
    hosts: (name) => adminNames(running()).has(name),
  });
  const serve = (port: number): Promise<Listening> =>
    runtime.serve({
      host: admin.host,
      port,
      ...(tls ? { tls } : {}),
      fetch: (request, peer) => app.fetch(request, peer),
      refused: (code, { address }) => operations.refused(code, address),
    });
  const { port } = admin;
  const listening = port === undefined ? serve(usualAdminPort).catch(() => serve(0)) : serve(port);
  return listening.catch((cause: unknown) => {
    throw new AdminListenError("Cannot listen to operators", { cause });
  });
}

/** A reload may add names. */
function adminNames({ admin }: Config): ReadonlySet<string> {
  const own = ["localhost", "127.0.0.1", "[::1]"];
  if (admin === false) return new Set(own);
  const { host, hosts } = admin;
  const names = [...own, host.includes(":") ? `[${host}]` : host, ...hosts];
  return new Set(names.map((name) => name.toLowerCase()));
}

function toUrl({ host, port }: Listening, isSecure: boolean): string {
  return `${isSecure ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function promiseOfInstance() {
  let resolve: (instance: Instance) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<Instance>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Nobody may have called yet.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** What a server hands to a Hono application beside the request. */
interface Bindings {
  /** Our own listener's. */
  readonly address?: string | undefined;
  readonly gone?: Canceller;
  readonly body?: Body;
  readonly headers?: HeaderView;
  /** @hono/node-server's, where the application is mounted in another program. */
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  /** `Deno.serve`'s. */
  readonly remoteAddr?: { readonly hostname?: string };
}

function toConnection(context: Context) {
  const { gone, body, headers } = (context.env ?? {}) as Bindings;
  return gone && body && headers && { gone, body, headers };
}

function toPeer(context: Context): string | undefined {
  const bindings = context.env as Bindings | undefined;
  if (bindings === undefined) return undefined;
  const { address, incoming, remoteAddr } = bindings;
  return address ?? incoming?.socket?.remoteAddress ?? remoteAddr?.hostname;
}
