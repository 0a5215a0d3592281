/** What stands behind the pipe of `mcp-gw stdio`: the gateway that runs, or one in this process. */
import { type ClientConfig, type LoadedConfig, resolvePath } from "../config/index.ts";
import { createToken } from "../identity/index.ts";
import { LockedError, type Runtime } from "../runtime/index.ts";
import { type Instance, openInstance } from "../instance.ts";
import { besideOf } from "./beside.ts";
import { tokenOf, withTokens } from "./client-token.ts";
import { describe } from "./describe.ts";
import { formatFaults, load } from "./load.ts";
import { type RunningGateway, findRunning } from "./run-file.ts";
import { startFault } from "./start-fault.ts";

/** What stands behind the pipe. */
export interface Way {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly send: (request: Request) => Promise<Response>;
  readonly close: () => Promise<void>;
}
export type Refused = { readonly fault: string; readonly code: number };

export interface WayOptions {
  readonly envFile?: string | undefined;
}

/** The gateway that runs on this config, or one of its own. */
export async function openWay(
  name: string,
  client: ClientConfig,
  loaded: LoadedConfig,
  options: WayOptions,
  runtime: Runtime,
): Promise<Way | Refused> {
  const running = await findRunning(loaded, runtime);
  if (running === undefined) return openOwn(name, loaded, options, runtime);
  const { url, pid, digest } = running;
  const token = tokenFor(name, client, running, loaded, runtime);
  if (typeof token === "object") return token;
  const isOld = digest !== loaded.digest;
  const old = isOld ? ", which still runs on an earlier state of this config" : "";
  console.error(`Relaying "${name}" to the gateway on ${url} (process ${pid})${old}`);
  return {
    url,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    send: (request) => fetch(request, { redirect: "error" }),
    close: () => runtime.egress.close(),
  };
}

/** The token by which the running gateway knows the client; undefined for the anonymous one. */
function tokenFor(
  name: string,
  { auth }: ClientConfig,
  { pid, clients }: RunningGateway,
  { config }: LoadedConfig,
  { env, crypto }: Runtime,
): string | undefined | Refused {
  if (auth === "anonymous") return undefined;
  if (auth === "stdio") {
    const fault = `The gateway that runs (process ${pid}) does not know the client "${name}" (start it again)`;
    return Object.hasOwn(clients, name) ? clients[name] : { fault, code: 1 };
  }
  const known = tokenOf(config.clients, name);
  if (known !== undefined) return known;
  const given = env["MCP_GW_TOKEN"];
  const hash = given === undefined ? undefined : crypto.sha256(given);
  const isOurs = [auth].flat().some((each) => "tokenSha256" in each && each.tokenSha256 === hash);
  const fault = `The config holds only a hash of the token of "${name}": MCP_GW_TOKEN must hold the token`;
  return isOurs ? given : { fault, code: 1 };
}

/** The gateway itself, without a port; its one caller has a token that nobody else has seen. */
async function openOwn(
  name: string,
  { file }: LoadedConfig,
  options: WayOptions,
  runtime: Runtime,
): Promise<Way | Refused> {
  const { cwd } = runtime;
  const loaded = await load(runtime, { ...options, config: file, missingSecrets: "fault" });
  if (loaded?.config === undefined) {
    return { fault: formatFaults(loaded?.faults ?? [], cwd()), code: 1 };
  }
  const token = createToken(runtime.crypto);
  const own = withTokens(loaded, new Map([[name, token]]));
  try {
    const instance = await openBeside(own, runtime);
    const gateway = instance.gateway();
    const head = `Serving ${loaded.file} to "${name}"`;
    const foot = "Listening on standard input";
    // Its client does not wait for the upstreams to be asked.
    void describe({ loaded, gateway, head, foot, cwd: cwd() }).then(
      (text) => console.error(text),
      (error: unknown) => runtime.log.warn("Cannot describe itself", { error: String(error) }),
    );
    return {
      url: `http://${hostOf(loaded)}`,
      headers: { authorization: `Bearer ${token}`, host: hostOf(loaded) },
      send: async (request) => await instance.fetch(request, "127.0.0.1"),
      close: async () => {
        instance.drain();
        await instance.close();
        await runtime.egress.close();
      },
    };
  } catch (error) {
    return { fault: startFault(error, own), code: 1 };
  }
}

/** A name that the gateway answers to. */
function hostOf({ config }: LoadedConfig): string {
  const { host } = config.listen;
  return host.includes(":") ? `[${host}]` : host;
}

/**
 * One process at a time writes a record. A host may start several of us, so where another process
 * has the record, this one keeps its own beside it.
 */
async function openBeside(loaded: LoadedConfig, runtime: Runtime): Promise<Instance> {
  try {
    return await openInstance(loaded, runtime);
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    const { config, folder } = loaded;
    const file = besideOf(resolvePath(folder, config.audit.file), `stdio-${runtime.pid}`);
    const holder = error.pid === undefined ? "another process" : `process ${error.pid}`;
    console.error(`The record is written by ${holder}; this gateway records in ${file}`);
    return await openInstance(
      { ...loaded, config: { ...config, audit: { ...config.audit, file } } },
      runtime,
    );
  }
}
