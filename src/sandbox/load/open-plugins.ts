/** From a config to plugins that can be asked: loaded, checked and opened, all of them or none. */
import type { Fault } from "../../config/index.ts";
import type { Host } from "../host/host.ts";
import type { Meter, OpenFault, PluginPool, PluginSet, PluginSpec } from "../pool/index.ts";
import {
  type LoadPluginsOptions,
  type LoadedPlugins,
  type ReadyPlugin,
  loadPlugins,
} from "./load-plugins.ts";
import { placeOf } from "./place.ts";

export interface OpenPluginsOptions extends Omit<LoadPluginsOptions, "inspect"> {
  readonly pool: Pick<PluginPool, "inspect" | "open" | "strip">;
  readonly host: Host;
  /** What hears of a plugin's calls once it is open. */
  readonly meter?: (plugin: ReadyPlugin["plugin"]) => Meter;
  /** What else one has to pass before it is opened; `index` is its place in the config. */
  readonly rehearse?: (ready: ReadyPlugin, index: number) => Promise<readonly Fault[]>;
}
/** With `plugins` the faults are warnings; without it at least one of them is an error. */
export interface OpenedPlugins extends Pick<LoadedPlugins, "faults" | "watched"> {
  readonly plugins?: PluginSet | undefined;
}

/** What keeps a gateway from starting: every fault of its plugins. */
export class PluginsError extends Error {
  readonly faults: readonly Fault[];
  /** Every file that the plugins consist of: when one has changed, they may load. */
  readonly files: readonly string[];

  constructor(faults: readonly Fault[], files: readonly string[]) {
    const errors = faults.filter(({ level }) => level === "error");
    super(errors.map(({ path, message }) => `${path}: ${message}`).join("\n"));
    this.name = "PluginsError";
    this.faults = faults;
    this.files = files;
  }
}

/** Never rejects for what a plugin is; what of it was opened before a fault is closed again. */
export async function openPlugins(options: OpenPluginsOptions): Promise<OpenedPlugins> {
  const { pool, rehearse } = options;
  const { inspect, strip } = pool;
  const ports = { ...options.ports, strip };
  const { ready, faults, watched } = await loadPlugins({ ...options, ports, inspect });
  if (ready === undefined) return { faults, watched };
  const failed = rehearse && (await Promise.all(ready.map(rehearse))).flat();
  if (failed !== undefined && failed.length > 0) return { faults: [...faults, ...failed], watched };
  const opened = await pool.open(ready.map((one) => toSpec(one, options)));
  if ("run" in opened) return { plugins: opened, faults, watched };
  return { faults: [...faults, ...opened.map((fault) => toFault(fault, ready, options))], watched };
}

function toSpec(
  { grants, ...ready }: ReadyPlugin,
  { host, meter }: Pick<OpenPluginsOptions, "host" | "meter">,
): PluginSpec {
  const { name } = ready.plugin;
  const { wallMs } = ready.limits;
  const { forCall } = host.forPlugin({ name, grants, wallMs });
  return { ...ready, host: forCall, meter: meter?.(ready.plugin) };
}

function toFault(
  opened: OpenFault,
  ready: readonly ReadyPlugin[],
  { loaded }: OpenPluginsOptions,
): Fault {
  const { fault, file } = opened;
  const index = ready.findIndex(({ plugin }) => plugin.file === file);
  const code = ready[index]?.code ?? { file, modules: [], sha256: "" };
  const place = placeOf(opened, code, loaded.folder);
  return { level: "error", path: `plugins[${index}]`, message: fault, ...place };
}
