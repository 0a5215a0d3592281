/** The gateway as a library: a Hono application to mount in a program of your own. */
import type { Hono } from "hono";
import { type DefinedConfig, type Fault, prepareConfig } from "./config/index.ts";
import { openRuntime } from "./runtime/index.ts";
import { openInstance } from "./instance.ts";
import { PluginsError } from "./sandbox/index.ts";

export interface CreateGatewayOptions {
  /** What relative paths in the config are relative to. Default: the working folder. */
  readonly folder?: string;
  /** Where secrets are looked up. Default: the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface MountableGateway {
  /** To mount in any Hono, Node or Deno program. */
  readonly app: Hono;
  /**
   * Answers one request. `remoteAddress` is the peer's, as the host program's socket knows it;
   * without one anonymous clients are refused, since nothing says that they are local.
   */
  readonly fetch: (
    request: Request,
    peer?: { readonly remoteAddress?: string | undefined },
  ) => Response | Promise<Response>;
  /** Ends upstream processes and connections, and writes what the audit owes. */
  readonly close: () => Promise<void>;
}

/** Everything that is wrong with a config that a program gave. */
export class ConfigError extends Error {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    const errors = faults.filter((fault) => fault.level === "error");
    super(
      errors.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("\n"),
    );
    this.name = "ConfigError";
    this.faults = faults;
  }
}

/**
 * Opens a gateway without a listener of its own: `listen` says only which Host names are accepted.
 * Rejects with a `ConfigError` that lists every fault at once.
 */
export async function createGateway(
  config: DefinedConfig,
  options: CreateGatewayOptions = {},
): Promise<MountableGateway> {
  const runtime = await openRuntime();
  const loaded = await prepareConfig(config, {
    folder: options.folder ?? runtime.cwd(),
    env: options.env ?? runtime.env,
    ports: runtime.config,
    now: runtime.clock.now(),
  });
  if (loaded.config === undefined) throw new ConfigError(loaded.faults);
  const { app, fetch, drain, close } = await openInstance(loaded, runtime).catch(
    (error: unknown) => {
      throw error instanceof PluginsError ? new ConfigError(error.faults) : error;
    },
  );
  return {
    app,
    fetch: (request, peer) => fetch(request, peer?.remoteAddress),
    close: async () => {
      drain();
      await close();
      await runtime.egress.close();
    },
  };
}
