export { type PluginComplaints, checkPlugin } from "./check-plugin.ts";
export { createFits } from "./fits.ts";
export { type LoadedFile, type PluginPlace, loadPluginFile } from "./load-file.ts";
export {
  type LoadPluginsOptions,
  type LoadedPlugins,
  type ReadyPlugin,
  loadPlugins,
} from "./load-plugins.ts";
export {
  type OpenPluginsOptions,
  type OpenedPlugins,
  PluginsError,
  openPlugins,
} from "./open-plugins.ts";
export type { FileFault, LoadPorts } from "./ports.ts";
