/** Whom `mcp-gw tools` speaks to, and as which client. */
import { type LoadedConfig, suggest } from "../config/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { tokenOf } from "./client-token.ts";
import { formatFaults, loadOrDemo } from "./load.ts";
import { findRunning } from "./run-file.ts";
import { openDirectServer } from "./tool-direct.ts";
import { type ToolServer, createGatewayServer } from "./tool-server.ts";

export interface ToolWayOptions {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly client?: string | undefined;
  readonly upstream?: string | undefined;
  readonly direct: boolean;
  readonly config?: string | undefined;
  readonly envFile?: string | undefined;
}
interface Refused {
  readonly fault: string;
}

export async function openToolServer(
  options: ToolWayOptions,
  runtime: Runtime,
): Promise<ToolServer | Refused> {
  const { url, client, upstream, direct } = options;
  if (direct && upstream === undefined) return { fault: "--direct needs --upstream NAME" };
  const isNeeded = direct || client !== undefined || url === undefined;
  // A gateway elsewhere needs no config here.
  if (!isNeeded) return toGateway(url, options.token ?? runtime.env["MCP_GW_TOKEN"], upstream);
  const { loaded } = await loadOrDemo(runtime, {
    config: options.config,
    envFile: options.envFile,
    missingSecrets: direct ? "fault" : "warn",
  });
  if (loaded.config === undefined) return { fault: formatFaults(loaded.faults, runtime.cwd()) };
  const { upstreams, clients } = loaded.config;
  if (direct && upstream !== undefined) {
    if (!Object.hasOwn(upstreams, upstream)) return unknown("upstream", upstream, upstreams);
    return openDirectServer(loaded, upstream, runtime);
  }
  const token = options.token ?? runtime.env["MCP_GW_TOKEN"] ?? ofClient(loaded, client);
  if (typeof token === "object") return token;
  if (client !== undefined && !Object.hasOwn(clients, client)) {
    return unknown("client", client, clients);
  }
  return toGateway(url ?? (await urlOf(loaded, runtime)), token, upstream);
}

function ofClient(
  { config }: LoadedConfig,
  name: string | undefined,
): string | undefined | Refused {
  if (name === undefined || !Object.hasOwn(config.clients, name)) return undefined;
  const token = tokenOf(config.clients, name);
  const auth = config.clients[name]?.auth;
  if (token !== undefined || auth === "anonymous") return token;
  const why =
    auth === "stdio"
      ? "it comes through `mcp-gw stdio` alone"
      : "the config holds only a hash of its token (put the token into MCP_GW_TOKEN)";
  return { fault: `Cannot come as "${name}": ${why}` };
}

function toGateway(
  url: string,
  token: string | undefined,
  upstream: string | undefined,
): ToolServer | Refused {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    return { fault: `Cannot use --url "${url}": it must be a URL such as http://127.0.0.1:8080` };
  }
  const path = upstream === undefined ? "/mcp" : `/mcp/${encodeURIComponent(upstream)}`;
  return createGatewayServer(new URL(path, url).href, token);
}

/** Where the gateway of this config is now, or else where it listens when it runs. */
async function urlOf(loaded: LoadedConfig, runtime: Runtime): Promise<string> {
  const running = await findRunning(loaded, runtime);
  if (running !== undefined) return running.url;
  const { host, port, tls } = loaded.config.listen;
  return `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function unknown(what: string, name: string, known: Readonly<Record<string, unknown>>): Refused {
  const meant = suggest(name, Object.keys(known));
  return { fault: `There is no ${what} "${name}"${meant === undefined ? "" : ` (${meant})`}` };
}
