/** Opens every MCP server that the config names; nothing is dialled or started before it is asked. */
import {
  type Config,
  type HttpUpstreamConfig,
  type UpstreamConfig,
  resolvePath,
} from "../config/index.ts";
import { type Ports, compileLinear } from "../core/index.ts";
import { type Era, type InputKind, compileSchema } from "../mcp/index.ts";
import { createCatalogue } from "./catalogue.ts";
import type { Upstream, UpstreamStatus } from "./face.ts";
import { createClosing } from "./closing.ts";
import { openHttpTransport } from "./http/transport.ts";
import type { Transport } from "./link.ts";
import { createNotice } from "./notices.ts";
import { MAX_LIST_BYTES } from "./pages.ts";
import { openPackage } from "./stdio/package.ts";
import { type ChildSettings, reveal, secretsOf, toChildEnv } from "./stdio/child.ts";
import { openStdioTransport } from "./stdio/transport.ts";
import { type OpenUpstream, createUpstream } from "./upstream.ts";
import { toClientInfo } from "./wire.ts";

/** Beside the config. */
const PACKAGES = ".mcp-gw/packages";

export type UpstreamPorts = Pick<Ports, "egress" | "spawn" | "packages" | "clock" | "log">;

export interface UpstreamsOptions {
  /** The folder of the config file: relative `cwd`s start there. */
  readonly folder: string;
  /** What the gateway says of itself to upstreams. */
  readonly version: string;
  /** The gateway's own environment, of which a child gets PATH, HOME and the locale. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The name of this process among those with the same keys. */
  readonly instance: string;
  /** What an upstream may ask of a client. */
  readonly grants: (client: string, upstream: string) => ReadonlySet<InputKind>;
}

export interface Upstreams {
  /** In the order of the config. */
  readonly names: readonly string[];
  readonly get: (name: string) => Upstream | undefined;
  /** The era last found out; undefined before the first word with it. */
  readonly era: (name: string) => Era | undefined;
  readonly status: () => readonly UpstreamStatus[];
  /** Ends every process, session and call. */
  readonly close: () => Promise<void>;
}

export function openUpstreams(
  config: Config,
  options: UpstreamsOptions,
  ports: UpstreamPorts,
  compilePattern: Parameters<typeof compileSchema>[1] = compileLinear,
): Upstreams {
  const closing = createClosing();
  const transports: Transport[] = [];
  const caps = Object.values(config.clients).map((client) => client.maxResponseBytes);
  const maxLineBytes = Math.max(MAX_LIST_BYTES, ...caps);

  function programOf(
    upstream: string,
    config: Exclude<UpstreamConfig, HttpUpstreamConfig>,
  ): ChildSettings["program"] {
    if ("command" in config) return async () => config;
    const { package: wanted, args, timeoutMs: startMs } = config;
    const folder = resolvePath(options.folder, PACKAGES);
    return openPackage({ ...ports, upstream, wanted, args, folder, closing, startMs });
  }

  function open(name: string, upstream: UpstreamConfig): OpenUpstream {
    const { clock, log } = ports;
    const { timeoutMs, deadlineMs } = upstream;
    const notice = createNotice(name, clock, log);
    const nextId = createCounter();
    const catalogue = createCatalogue({
      clock,
      notice,
      compile: (schema) => compileSchema(schema, compilePattern),
      deadlineMs: Math.min(deadlineMs, 2 * timeoutMs),
    });
    const clientInfo = toClientInfo(options.version);
    const common = { clock, notice, clientInfo, nextId, onListChange: catalogue.onChange };
    const transport =
      "url" in upstream
        ? openHttpTransport({
            ...common,
            maxMessageBytes: maxLineBytes,
            timeoutMs,
            endpoint: {
              url: upstream.url,
              egress: ports.egress,
              headers: () => revealAll(upstream.headers),
            },
          })
        : openStdioTransport({
            ...common,
            upstream: name,
            kind: "package" in upstream ? "package" : "stdio",
            isolate: upstream.isolate,
            program: programOf(name, upstream),
            cwd: resolvePath(options.folder, upstream.cwd),
            env: toChildEnv(upstream.env, options.env),
            secrets: secretsOf(upstream.env),
            spawn: ports.spawn,
            log,
            maxLineBytes,
            startMs: timeoutMs,
          });
    transports.push(transport);
    return createUpstream({
      name,
      transport,
      catalogue,
      clock,
      timeoutMs,
      deadlineMs,
      nextId,
      closing,
      grants: (client) => options.grants(client, name),
      instance: options.instance,
    });
  }

  const upstreams = new Map(
    Object.entries(config.upstreams).map(([name, upstream]) => [name, open(name, upstream)]),
  );
  return {
    names: [...upstreams.keys()],
    get: (name) => upstreams.get(name),
    era: (name) => upstreams.get(name)?.status().era,
    status: () => [...upstreams.values()].map((upstream) => upstream.status()),
    close: async () => {
      closing.close();
      await Promise.all(transports.map((transport) => transport.close()));
    },
  };
}

function createCounter(): () => number {
  let last = 0;
  return () => ++last;
}

function revealAll(headers: HttpUpstreamConfig["headers"]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, reveal(value)]));
}
