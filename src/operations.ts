/** What operators see and do: the gateway that runs, its reload, its blocks. */
import { type Config, suggest } from "./config/index.ts";
import type { InstanceState, Operations } from "./core/index.ts";
import type { Foundation } from "./foundation.ts";
import type { Reloader } from "./reload.ts";
import type { PluginStats } from "./sandbox/index.ts";
import type { RunningPlugin } from "./telemetry/index.ts";

export interface OperationsOptions {
  readonly foundation: Foundation;
  readonly reloader: Reloader;
  readonly ready: () => boolean;
  readonly store: () => InstanceState["store"];
  /** Hears that an operator has had another config taken up. */
  readonly reloaded?: (() => Promise<void>) | undefined;
}

export function createOperations(options: OperationsOptions): Operations {
  const { foundation, reloader, ready, store } = options;
  const { clock } = foundation.ports;
  const { approvals, blocks, instance, integrity, metrics, version, sessions } = foundation;
  const startedAt = clock.now();
  return {
    authenticate: (authorization, address) => reloader.gateway().operator(authorization, address),
    refused: (code, address) => {
      const about = { kind: "admin", transport: "admin", stage: "admin", code, why: "" } as const;
      void reloader.gateway().audit.refused({ time: clock.now(), address, ...about });
    },
    reserve: () => {
      const reservation = reloader.gateway().audit.reserve();
      if (reservation === undefined) return undefined;
      return {
        write: ({ operator, ...record }) =>
          reservation.write({
            kind: "admin",
            transport: "admin",
            stage: "admin",
            subject: operator,
            ...record,
          }),
        release: reservation.release,
      };
    },
    state: () => {
      const last = reloader.last();
      return {
        instance,
        version,
        ready: ready(),
        config: reloader.loaded().digest,
        startedAt,
        store: store(),
        sessions: sessions.count(),
        blocks: blocks.list().length,
        upstreams: reloader.gateway().upstreams(),
        plugins: reloader
          .gateway()
          .plugins()
          .map((plugin) => ({ ...plugin, lock: integrity.plugins.judge(plugin) })),
        ...(last && { reload: last }),
      };
    },
    metrics: () => {
      const { config, digest } = reloader.loaded();
      const plugins = reloader.gateway().plugins();
      return metrics.read({ digest, plugins: plugins.map((one) => toRunning(one, config)) });
    },
    reload: async () => {
      const outcome = await reloader.reload();
      if (outcome.result === "reloaded") await options.reloaded?.();
      return outcome;
    },
    blocks,
    approvals: {
      list: () => approvals.list(clientsOf(reloader.loaded().config)),
      decide: (id, word) => approvals.decide(clientsOf(reloader.loaded().config), id, word),
    },
    explain: (wish) => reloader.gateway().explain(wish),
    doubts: (wish) => doubtsOf(wish, reloader.loaded().config),
  };
}

/** One that took threads down is shut for every client, whether it has called or not. */
function toRunning(
  { name, hooks, quarantine, quarantinedFor }: PluginStats,
  config: Pick<Config, "clients">,
): RunningPlugin {
  const isLocked = quarantine === "locked";
  return { name, hooks, quarantinedFor: isLocked ? clientsOf(config).length : quarantinedFor };
}

function clientsOf({ clients }: Pick<Config, "clients">): readonly string[] {
  return Object.keys(clients);
}

/** A block is not refused for a name that is not there yet, but in a hurry names are mistyped. */
function doubtsOf(
  { target, client }: Parameters<Operations["doubts"]>[0],
  { clients, upstreams }: Pick<Config, "clients" | "upstreams">,
): readonly string[] {
  const named = [
    ["client", client, Object.keys(clients)],
    ["upstream", target?.split("/", 1)[0], Object.keys(upstreams)],
  ] as const;
  return named.flatMap(([kind, name, known]) => {
    const isPattern = kind === "upstream" && name?.includes("*") === true;
    if (name === undefined || isPattern || known.includes(name)) return [];
    const meant = suggest(name, known);
    return [`The config has no ${kind} "${name}"${meant === undefined ? "" : ` (${meant})`}`];
  });
}
