/** The listeners of one instance: clients', operators', and their certificate. */
import { type Config, type LoadedConfig, resolvePath } from "./config/index.ts";
import type { ReloadOptions } from "./gateway.ts";
import { createAdminApp, toConnection, toPeer } from "./http/index.ts";
import { clientAddress } from "./identity/index.ts";
import { type Instance, type InstanceOptions, openInstance } from "./instance.ts";
import type { Listening, Runtime, Tls } from "./runtime/index.ts";

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
