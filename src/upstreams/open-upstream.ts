/** Opens one MCP server as the config names it; nothing is dialled or started before it is asked. */
import {
  type HttpUpstreamConfig,
  type StdioUpstreamConfig,
  type UpstreamConfig,
  resolvePath,
} from "../config/index.ts";
import type { Ports, Seals } from "../core/index.ts";
import { compileSchema } from "../mcp/index.ts";
import { createCatalogue } from "./catalogue.ts";
import { createClosing } from "./closing.ts";
import type { Grants } from "./dial.ts";
import { openHttpTransport } from "./http/transport.ts";
import type { Integrity } from "./integrity/index.ts";
import type { ListChange } from "./link.ts";
import { createNotice } from "./notices.ts";
import type { Remote } from "./remote/index.ts";
import { type ChildSettings, reveal, secretsOf, toChildEnv } from "./stdio/child.ts";
import { openPackage } from "./stdio/package.ts";
import { openStdioTransport } from "./stdio/transport.ts";
import { type OpenUpstream, createUpstream } from "./upstream.ts";
import { toClientInfo } from "./wire.ts";

/** Beside the config. */
const PACKAGES = ".mcp-gw/packages";

/** `bus` is absent where this instance is alone. */
export interface UpstreamPorts extends Pick<
  Ports,
  "egress" | "spawn" | "packages" | "clock" | "log" | "crypto" | "bus"
> {
  readonly seals: Seals;
  /** Without it every tool is served as it is listed. */
  readonly integrity?: Integrity | undefined;
}

/** What every upstream of this process has in common. */
export interface UpstreamsAbout {
  /** The folder of the config file: relative `cwd`s start there. */
  readonly folder: string;
  /** What the gateway says of itself to upstreams. */
  readonly version: string;
  /** The gateway's own environment, of which a child gets PATH, HOME and the locale. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The name of this process among those with the same keys. */
  readonly instance: string;
}

export interface OneUpstream {
  readonly name: string;
  readonly config: UpstreamConfig;
  /** Of one message on a stream that all calls share. */
  readonly maxLineBytes: number;
  readonly grants: Grants;
  /** The upstream says that a list has changed. */
  readonly onListChange: (list: ListChange) => void;
  /** The way to calls that wait in other processes. */
  readonly remote: Remote;
}

export interface OwnUpstream extends OpenUpstream {
  /** Ends every process, session and call. */
  readonly close: () => Promise<void>;
}

export function openUpstream(
  { name, config, maxLineBytes, grants, onListChange, remote }: OneUpstream,
  about: UpstreamsAbout,
  ports: UpstreamPorts,
  compilePattern: Parameters<typeof compileSchema>[1],
): OwnUpstream {
  const { clock, log } = ports;
  const { timeoutMs, deadlineMs } = config;
  const closing = createClosing();
  const notice = createNotice(name, clock, log);
  const nextId = createCounter();
  const catalogue = createCatalogue({
    clock,
    notice,
    compile: (schema) => compileSchema(schema, compilePattern),
    deadlineMs: Math.min(deadlineMs, 2 * timeoutMs),
    gate: ports.integrity?.gate(name),
  });

  function programOf(
    process: Exclude<UpstreamConfig, HttpUpstreamConfig>,
  ): ChildSettings["program"] {
    if ("command" in process) return async () => process;
    const { package: wanted, args, timeoutMs: startMs } = process;
    const folder = resolvePath(about.folder, PACKAGES);
    return openPackage({ ...ports, upstream: name, wanted, args, folder, closing, startMs });
  }

  const common = {
    clock,
    notice,
    clientInfo: toClientInfo(about.version),
    nextId,
    onListChange: (list: ListChange, scope: string): void => {
      catalogue.onChange(list, scope);
      onListChange(list);
    },
  };
  const transport =
    "url" in config
      ? openHttpTransport({
          ...common,
          maxMessageBytes: maxLineBytes,
          timeoutMs,
          endpoint: {
            url: config.url,
            egress: ports.egress,
            headers: () => revealAll(config.headers),
          },
        })
      : openStdioTransport({
          ...common,
          upstream: name,
          kind: "package" in config ? "package" : "stdio",
          isolate: config.isolate,
          program: programOf(config),
          cwd: resolvePath(about.folder, config.cwd),
          env: toChildEnv(config.env, about.env),
          secrets: secretsOf(config.env),
          spawn: ports.spawn,
          log,
          maxLineBytes,
          startMs: timeoutMs,
        });
  const upstream = createUpstream({
    name,
    transport,
    catalogue,
    clock,
    timeoutMs,
    deadlineMs,
    nextId,
    closing,
    grants,
    remote,
  });
  return {
    ...upstream,
    close: () => {
      closing.close();
      return transport.close();
    },
  };
}

function createCounter(): () => number {
  let last = 0;
  return () => ++last;
}

function revealAll(values: StdioUpstreamConfig["env"]): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, reveal(value)]));
}
