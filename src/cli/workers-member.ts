/** What one worker does otherwise than a gateway that is alone. */
import { type LoadedConfig, resolvePath } from "../config/index.ts";
import type { Workers } from "../runtime/index.ts";
import type { Announcement } from "./announce.ts";
import { besideOf } from "./beside.ts";
import type { WorkerReport } from "./workers-supervisor.ts";

/** What a worker gets from its supervisor; it holds tokens. */
export interface WorkerInit {
  /** Hexadecimal: what the tokens are made of by which `mcp-gw stdio` comes. */
  readonly tokenSeed: string;
  readonly adminToken: string;
  /** One worker listens to operators. */
  readonly isAdministered: boolean;
  /** One worker says what is served, once. */
  readonly speaks: boolean;
  /** Instead of the config's. */
  readonly port?: number;
}
/** What a worker tells when it serves, and again when it has taken up another config. */
export interface WorkerReady {
  readonly url: string;
  readonly adminUrl: string | undefined;
  /** Of the config that runs. */
  readonly digest: string;
  /** By which it has ended when it is told to. */
  readonly drain: { readonly graceMs: number; readonly deadlineMs: number };
}
export type Report = WorkerReport<WorkerReady>;

export interface Member {
  readonly init: WorkerInit;
  /** The same config, but for a record of its own beside the one it names. */
  readonly adapt: (loaded: LoadedConfig) => LoadedConfig;
  /** To the supervisor, which lets other commands find them all. */
  readonly announcement: Announcement;
  /** Has the other workers reload too. */
  readonly reloaded: () => Promise<void>;
  /** Settles when it is on its way, and the worker may end. */
  readonly fail: (text: string) => Promise<void>;
}

export function toMember(worker: Extract<Workers, { isWorker: true }>): Member {
  const tell = (report: Report): Promise<void> => worker.tell(report);
  return {
    init: worker.init as WorkerInit,
    adapt: (loaded) => forWorker(loaded, worker.index),
    announcement: {
      tell: ({ digest, config: { drain } }, { url, adminUrl }) =>
        tell({ type: "ready", ready: { url, adminUrl, digest, drain } }),
      forget: async () => undefined,
    },
    reloaded: () => tell({ type: "reloaded" }),
    fail: (text) => tell({ type: "failed", text }),
  };
}

export function forWorker(loaded: LoadedConfig, index: number): LoadedConfig {
  const { config, folder } = loaded;
  const file = besideOf(resolvePath(folder, config.audit.file), `worker-${index}`);
  return { ...loaded, config: { ...config, audit: { ...config.audit, file } } };
}
