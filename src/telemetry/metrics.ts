/** The numbers of one process, as Prometheus reads them; they outlive a reload. */
import { Gauge, Registry } from "prom-client";
import type { MetricsText } from "../core/index.ts";
import { type MeterCall, type MeteredPlugin, createPluginMetrics } from "./plugin-metrics.ts";

/** A plugin that runs now; those that left are not told of any more. */
export interface RunningPlugin {
  readonly name: string;
  /** For how many clients it is not entered. */
  readonly quarantinedFor: number;
  readonly hooks: readonly { readonly hook: string; readonly maxMemory: number }[];
}
/** What is looked at only when somebody asks. */
export interface MetricsNow {
  /** Of the config. */
  readonly digest: string;
  readonly plugins: readonly RunningPlugin[];
}

export interface Metrics {
  /** Counts go on from where they were for a plugin that comes again under its name. */
  readonly meterPlugin: (plugin: MeteredPlugin) => MeterCall;
  /** Prometheus' text format 0.0.4. */
  readonly read: (now: MetricsNow) => Promise<MetricsText>;
}

/** A registry of its own: several gateways may stand in one process. */
export function createMetrics({ version }: { readonly version: string }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const build = new Gauge({
    name: "mcp_gw_build_info",
    help: "The gateway's version; always 1",
    labelNames: ["version"],
    registers,
  });
  build.labels(version).set(1);
  const config = new Gauge({
    name: "mcp_gw_config_info",
    help: "The digest of the config that runs; always 1",
    labelNames: ["digest"],
    registers,
  });
  const plugins = createPluginMetrics(registry);
  const quarantined = new Gauge({
    name: "mcp_gw_plugin_quarantined",
    help: "Clients whose calls do not enter the plugin now, since it failed too often",
    labelNames: ["plugin"],
    registers,
  });
  const memory = new Gauge({
    name: "mcp_gw_plugin_memory_bytes",
    help: "The most memory that one call of the hook had since the plugin was loaded",
    labelNames: ["plugin", "hook"],
    registers,
  });

  return {
    meterPlugin: plugins.meter,
    read: async (now) => {
      for (const gauge of [config, quarantined, memory]) gauge.reset();
      config.labels(now.digest).set(1);
      for (const { name, quarantinedFor, hooks } of now.plugins) {
        quarantined.labels(name).set(quarantinedFor);
        for (const { hook, maxMemory } of hooks) memory.labels(name, hook).set(maxMemory);
      }
      plugins.flush();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
