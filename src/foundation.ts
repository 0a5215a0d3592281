/** What one process opens once; every gateway that it builds from a config stands on this. */
import {
  type Announcer,
  type Approvals,
  createAnnouncer,
  openApprovals,
} from "./approvals/index.ts";
import { type AuditFile, type AuditView, openAudit } from "./audit/index.ts";
import { type LoadedConfig, resolvePath } from "./config/index.ts";
import {
  type Canceller,
  type Clock,
  type Keyring,
  type Ports,
  createCanceller,
  createKeyring,
  toHex,
} from "./core/index.ts";
import { type Cancellations, createCancellations } from "./cancellations.ts";
import { type SlotTable, createSlotTable } from "./limits/index.ts";
import { type BlockFile, type Blocks, openBlocks } from "./policy/index.ts";
import { cleanJson, credentialsOf, hides, resolveSettings } from "./sanitize/index.ts";
import {
  type Host,
  type LoadPluginsOptions,
  type PluginPool,
  createHost,
  createPluginPool,
} from "./sandbox/index.ts";
import { type Sessions, createSessions } from "./sessions/index.ts";
import { openMemoryStore } from "./stores/index.ts";
import { type Metrics, createMetrics } from "./telemetry/index.ts";
import {
  type Integrity,
  type LockFile,
  type UpstreamPool,
  createUpstreamPool,
  openIntegrity,
} from "./upstreams/index.ts";

export type FoundationConfig = Pick<LoadedConfig, "config" | "digest" | "file" | "folder">;

export interface FoundationOptions {
  /** The config that the process starts with. */
  readonly loaded: FoundationConfig;
  readonly ports: Ports;
  readonly version: string;
  /** What a child process may inherit from: PATH, HOME and the locale are taken from it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where blocks are kept when this process shares no store. */
  readonly blockFile: BlockFile;
  /** Which tools were reviewed. */
  readonly lockFile: LockFile;
  /** Where plugins are read. */
  readonly pluginFiles: LoadPluginsOptions["ports"]["files"];
  /** The time that all who share the store agree on; without it this machine's. */
  readonly sharedNow?: () => number;
}

export interface Foundation {
  readonly ports: Ports;
  readonly version: string;
  /** The name of this process among its siblings. */
  readonly instance: string;
  readonly keyring: Keyring;
  readonly audit: AuditFile;
  readonly sessions: Sessions;
  readonly blocks: Blocks;
  readonly approvals: Approvals;
  readonly announcer: Announcer;
  readonly cancellations: Cancellations;
  readonly slots: SlotTable;
  readonly integrity: Integrity;
  readonly upstreams: UpstreamPool;
  readonly plugins: {
    readonly pool: PluginPool;
    readonly host: Host;
    readonly files: FoundationOptions["pluginFiles"];
  };
  readonly metrics: Metrics;
  /** Fires once, when the process takes nothing new any more. */
  readonly draining: Canceller;
  /** The shared store is back: what was missed meanwhile is looked up. */
  readonly returned: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * Rejects where the audit file cannot be written, or what was kept of blocks or of reviewed tools
 * cannot be read.
 */
export async function openFoundation(options: FoundationOptions): Promise<Foundation> {
  const { loaded, ports, version, env } = options;
  const { config, folder } = loaded;
  const { crypto } = ports;
  const instance = toHex(crypto.randomBytes(8));
  const keyring = createKeyring(toKeys(loaded), crypto.randomBytes);
  const { seals } = keyring;
  const { store, bus } = ports;
  const { onLost } = { onLost: "refuse" as const, ...(config.store !== "memory" && config.store) };
  const integrity = await openIntegrity({ file: options.lockFile, hides, ports });
  const blocks = await openBlocks({
    ports,
    ...(bus === undefined
      ? { keep: options.blockFile }
      : { shared: { store, bus, seals, onLost, now: options.sharedNow ?? ports.clock.now } }),
  });
  const path = resolvePath(folder, config.audit.file);
  const audit = await openAudit({ path, instance, ports, first: toAuditView(loaded) }).catch(
    async (error: unknown) => {
      await blocks.close();
      throw error;
    },
  );
  const giveUp = async (error: unknown): Promise<never> => {
    await audit.close();
    await blocks.close();
    throw error;
  };
  const goesOn = onLost === "local";
  const sessions = await createSessions({ ...ports, seals, goesOn }).catch(giveUp);
  const announcer = createAnnouncer({ ...ports, instance });
  const { announce } = announcer;
  const approvals = await openApprovals({ ...ports, announce }, seals, options.sharedNow).catch(
    giveUp,
  );
  const cancellations = createCancellations(blocks, sessions);
  const about = { folder, version, env, instance };
  const upstreams = createUpstreamPool(about, { ...ports, seals, integrity });
  const sharedNow = options.sharedNow ?? ports.clock.now;
  const pool = createPluginPool(ports);
  // Alone, what plugins keep must not push sessions out of the memory that both would share.
  const kept = bus === undefined ? openMemoryStore(ports) : store;
  const host = createHost({ ...ports, store: kept, seals, sharedNow });
  const draining = createCanceller();
  return {
    ports,
    version,
    instance,
    keyring,
    audit,
    sessions,
    blocks,
    approvals,
    announcer,
    cancellations,
    slots: createSlotTable(),
    integrity,
    upstreams,
    plugins: { pool, host, files: options.pluginFiles },
    metrics: createMetrics({ version }),
    draining,
    returned: async () => {
      upstreams.missed();
      await blocks.reread();
    },
    close: async () => {
      draining.abort();
      await upstreams.close();
      pool.close();
      // What that ended is recorded before the record is closed.
      await settledWithin(cancellations.idle(), lastWordsMs, ports.clock);
      cancellations.close();
      approvals.close();
      await announcer.close();
      await blocks.close();
      await audit.close();
      await ports.store.close();
    },
  };
}

const lastWordsMs = 1_000;

async function settledWithin(promise: Promise<void>, ms: number, clock: Clock): Promise<void> {
  let cancel = (): void => undefined;
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve).cancel;
  });
  await Promise.race([promise, late]);
  cancel();
}

/** How one config wants its exchanges recorded. */
export function toAuditView({ config, digest }: FoundationConfig): AuditView {
  const literals = credentialsOf(config);
  const recorded = {
    ...resolveSettings({ secrets: "redact", hidden: "show" }),
    ...(literals && { literals }),
  };
  return { settings: config.audit, config: digest, clean: (json) => cleanJson(json, recorded) };
}

export function toKeys({ config }: Pick<FoundationConfig, "config">): readonly Uint8Array[] {
  return config.keys.map((key) => new TextEncoder().encode(key.reveal()));
}
