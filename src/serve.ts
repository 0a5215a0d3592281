/** Runtime, config, gateway, listener: everything that one instance is made of. */
import type { Context, Hono } from "hono";
import { type LoadedConfig, resolvePath } from "./config/index.ts";
import type { Body, Canceller } from "./core/index.ts";
import type { HeaderView } from "./mcp/index.ts";
import { type OpenGateway, openGateway } from "./gateway.ts";
import { createApp } from "./http/index.ts";
import { clientAddress } from "./identity/index.ts";
import type { FileLock, Runtime } from "./runtime/index.ts";
import { type OpenStore, openStore } from "./stores/index.ts";
import { version } from "./version.ts";

export interface Instance {
  readonly gateway: OpenGateway;
  readonly app: Hono;
  /** `peer` is the address of the socket's other end. */
  readonly fetch: (request: Request, peer: string | undefined) => Response | Promise<Response>;
}

export interface StartOptions {
  readonly loaded: LoadedConfig;
  readonly runtime: Runtime;
  /** Instead of the config's; 0 takes any free one. */
  readonly port?: number;
}

export interface Started {
  /** Where it listens, e.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly gateway: OpenGateway;
  /** Lets calls end until the deadline, then ends the rest. */
  readonly close: (deadlineMs?: number) => Promise<void>;
}

const closeDeadlineMs = 10_000;

/**
 * A gateway and its application, without a listener. Rejects with a `LockedError` where another
 * process writes the audit file: two writers would break its chain.
 */
export async function openInstance(loaded: LoadedConfig, runtime: Runtime): Promise<Instance> {
  const { trustedProxies } = loaded.config;
  const lock = await runtime.lock(auditLockOf(loaded));
  let gateway: OpenGateway;
  let opened: OpenStore | undefined;
  try {
    opened = await openStore(loaded.config.store, runtime);
    const isAlone = loaded.config.store === "memory";
    const ports = { ...runtime, store: opened.store, bus: isAlone ? undefined : opened.bus };
    const open = await openGateway({ loaded, ports, version, env: runtime.env });
    gateway = releasing(open, opened, lock);
  } catch (error) {
    await opened?.close();
    await lock.release();
    throw error;
  }
  const app = createApp(gateway, {
    ports: runtime,
    peer: toPeer,
    connection: (context) => {
      const { gone, body, headers } = (context.env ?? {}) as Bindings;
      return gone && body && headers && { gone, body, headers };
    },
    address: (peer, forwardedFor) => clientAddress(peer, forwardedFor, trustedProxies),
    refused: ({ code, address }) => gateway.refused(code, address),
  });
  return {
    gateway,
    app,
    fetch: (request, address) => app.fetch(request, { address }),
  };
}

/** Who holds this file writes the record. */
export function auditLockOf({ config, folder }: Pick<LoadedConfig, "config" | "folder">): string {
  return `${resolvePath(folder, config.audit.file)}.lock`;
}

export async function startGateway({ loaded, runtime, port }: StartOptions): Promise<Started> {
  const { config, folder } = loaded;
  const { listen } = config;
  const read = (path: string): Promise<string> => runtime.files.readText(resolvePath(folder, path));
  const tls = listen.tls && {
    cert: await read(listen.tls.cert),
    key: await read(listen.tls.key),
  };
  // A gateway that cannot listen must not touch the record of the one that does, so it opens nothing
  // before it has the port; who calls meanwhile waits.
  const opened = promiseOfInstance();
  let instance: Instance | undefined;
  const listening = await runtime.serve({
    host: listen.host,
    port: port ?? listen.port,
    ...(tls ? { tls } : {}),
    fetch: (request, peer) =>
      instance === undefined
        ? opened.promise.then(({ app }) => app.fetch(request, peer))
        : instance.app.fetch(request, peer),
    refused: (code, { address }) => instance?.gateway.refused(code, address),
  });
  try {
    instance = await openInstance(loaded, runtime);
  } catch (error) {
    opened.reject(error);
    await listening.close(0);
    throw error;
  }
  opened.resolve(instance);
  const { gateway } = instance;
  const host = listening.host.includes(":") ? `[${listening.host}]` : listening.host;
  return {
    url: `${tls ? "https" : "http"}://${host}:${listening.port}`,
    gateway,
    close: async (deadlineMs = closeDeadlineMs) => {
      gateway.drain();
      await listening.close(deadlineMs);
      await gateway.close();
      await runtime.egress.close();
    },
  };
}

/** The lock is given back when the record is closed, and the store is left. */
function releasing(gateway: OpenGateway, opened: OpenStore, lock: FileLock): OpenGateway {
  return {
    ...gateway,
    close: async () => {
      try {
        await gateway.close();
      } finally {
        await opened.close();
        await lock.release();
      }
    },
  };
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

function toPeer(context: Context): string | undefined {
  const bindings = context.env as Bindings | undefined;
  if (bindings === undefined) return undefined;
  const { address, incoming, remoteAddr } = bindings;
  return address ?? incoming?.socket?.remoteAddress ?? remoteAddr?.hostname;
}
