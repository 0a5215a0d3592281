/** The plugins of one config: read, looked at in the sandbox, and checked, with every fault at once. */
import {
  type Fault,
  type Finding,
  type LoadedConfig,
  type PluginConfig,
  placeFindings,
  resolvePath,
  toFault,
} from "../../config/index.ts";
import type { LoadFault, PluginCode, PluginLimits, PluginTraits } from "../face.ts";
import type { HostGrants } from "../host/grants.ts";
import type { LoadedPlugin } from "../road-face.ts";
import { checkPlugin } from "./check-plugin.ts";
import { createFits } from "./fits.ts";
import { loadPluginFile } from "./load-file.ts";
import { lineOfExport, placeOf } from "./place.ts";
import type { FileFault, LoadPorts } from "./ports.ts";

/** One that can be opened. */
export interface ReadyPlugin {
  readonly plugin: LoadedPlugin;
  readonly code: PluginCode;
  /** JSON; what the plugin's own schema says of it holds. */
  readonly config: string;
  readonly limits: PluginLimits;
  /** What is granted and asked for too. */
  readonly grants: HostGrants;
}

export interface LoadPluginsOptions {
  readonly loaded: Pick<LoadedConfig, "file" | "folder"> & {
    readonly config: Pick<LoadedConfig["config"], "plugins">;
  };
  readonly ports: LoadPorts & {
    readonly files: {
      /** Of the config, for the lines of faults. */
      readonly readText: (path: string) => Promise<string | undefined>;
    };
  };
  /** As the engine has it, in a thread. */
  readonly inspect: (code: PluginCode, limits: PluginLimits) => Promise<PluginTraits | LoadFault>;
  /** Why the code is not to be evaluated; undefined where it is. All of it is by default. */
  readonly refuse?: (
    code: PluginCode,
  ) => Required<Pick<Finding, "message" | "suggestion">> | undefined;
}

/** With `ready` the faults are warnings; without it at least one of them is an error. */
export interface LoadedPlugins {
  readonly ready?: readonly ReadyPlugin[] | undefined;
  readonly faults: readonly Fault[];
  /** Every file that the plugins consist of, also those that are not there: what a reload looks at. */
  readonly watched: readonly string[];
}

/** Never rejects for what a plugin is. */
export async function loadPlugins(options: LoadPluginsOptions): Promise<LoadedPlugins> {
  const { config } = options.loaded;
  const looked = await Promise.all(config.plugins.map((settings) => look(settings, options)));
  const all = looked.map((one, index) => ({ ...one, path: ["plugins", index] as const }));
  const findings = [
    ...all.flatMap(({ ofConfig, path }) =>
      ofConfig.map((found) => ({ ...found, path: [...path, ...found.path] })),
    ),
    ...checkNames(all.map(({ ready }) => ready?.plugin.name)),
  ];
  const faults = [
    ...all.flatMap(({ ofFile }, index) => ofFile.map((fault) => toFileFault(fault, index))),
    ...(await toPlaced(findings, options)),
  ];
  const watched = [...new Set(all.flatMap(({ files }) => files))];
  if (faults.some(({ level }) => level === "error")) return { faults, watched };
  return { ready: all.flatMap(({ ready }) => ready ?? []), faults, watched };
}

interface Looked {
  readonly ready?: ReadyPlugin;
  readonly ofFile: readonly FileFault[];
  /** Paths begin at the plugin's entry. */
  readonly ofConfig: readonly Finding[];
  readonly files: readonly string[];
}

async function look(settings: PluginConfig, options: LoadPluginsOptions): Promise<Looked> {
  const { loaded, ports, inspect, refuse } = options;
  const { folder } = loaded;
  const { files, ...read } = await loadPluginFile(
    { use: settings.use, folder, config: loaded.file },
    ports,
  );
  if (read.code === undefined) return { ofFile: read.faults, ofConfig: [], files };
  const { code } = read;
  const none = { ofFile: [], ofConfig: [], files };
  const { sha256 } = settings;
  // What nobody has looked at is not even evaluated.
  if (sha256 !== undefined && sha256 !== code.sha256) {
    const message = `The files of "${settings.use}" have another hash: ${code.sha256}`;
    const suggestion = "look at what has changed, and write that hash here";
    return { ...none, ofConfig: [{ level: "error", path: ["sha256"], message, suggestion }] };
  }
  const refused = refuse?.(code);
  if (refused !== undefined) {
    return { ...none, ofConfig: [{ level: "error", path: ["use"], ...refused }] };
  }
  const traits = await inspect(code, settings.limits);
  if ("fault" in traits) {
    return { ...none, ofFile: [{ fault: traits.fault, ...placeOf(traits, code, folder) }] };
  }
  const file = resolvePath(folder, settings.use);
  const { ofFile, ofConfig } = checkPlugin(traits, settings);
  return {
    ready: toReady(traits, settings, code),
    ofFile: ofFile.map((fault) => ({ ...fault, file, line: lineOfExport(code.modules) })),
    ofConfig,
    files,
  };
}

function toReady(traits: PluginTraits, settings: PluginConfig, code: PluginCode): ReadyPlugin {
  const { version, hooks, permissions, match } = traits;
  const { mode, onError, grants } = settings;
  const wanted = permissions.fetch ?? [];
  const fetch = (grants.fetch ?? []).filter(({ origin }) => wanted.includes(origin));
  return {
    plugin: {
      name: settings.name ?? traits.name,
      version,
      file: settings.use,
      sha256: code.sha256,
      hooks: new Set(hooks),
      mode,
      onError,
      seesKeys: match.keys === true && settings.match.keys !== false,
      fits: createFits([match, settings.match]),
    },
    code,
    config: JSON.stringify(settings.config ?? {}),
    limits: settings.limits,
    grants: { kv: permissions.kv, fetch: fetch.length === 0 ? undefined : fetch },
  };
}

/** State, records and metrics go by the name. Attack: a plugin takes another's, and reads what it keeps. */
function checkNames(names: readonly (string | undefined)[]): readonly Finding[] {
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    if (name === undefined || first === index) return [];
    const message = `"${name}" is the name of plugins[${first}] too`;
    const suggestion = 'write name: "…" with another one';
    return [{ level: "error" as const, path: ["plugins", index, "name"], message, suggestion }];
  });
}

function toFileFault({ file, line, fault, hint }: FileFault, index: number): Fault {
  return {
    level: "error",
    path: `plugins[${index}]`,
    message: fault,
    file,
    ...(line === undefined ? {} : { line }),
    ...(hint === undefined ? {} : { suggestion: hint }),
  };
}

async function toPlaced(
  findings: readonly Finding[],
  { loaded, ports }: LoadPluginsOptions,
): Promise<readonly Fault[]> {
  if (findings.length === 0) return [];
  const { file } = loaded;
  // A config that a program gave has no file.
  if (file === "") return findings.map((found) => toFault(found));
  const source = await ports.files.readText(file).catch(() => undefined);
  return placeFindings(findings, file, source ?? "");
}
