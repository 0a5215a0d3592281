/** What calls of plugins came to and cost. */
import { Counter, Histogram, type Registry } from "prom-client";

export interface MeteredPlugin {
  /** Its name in the config, which is what bounds the label. */
  readonly name: string;
  readonly mode: "enforce" | "shadow";
  readonly hooks: Iterable<string>;
}
/** One hook's end. */
export interface MeteredEnd {
  readonly outcome: { readonly action: string; readonly code?: string };
  /** The guest's own time. */
  readonly ms: number;
  readonly wallMs: number;
  /** Loop turns. */
  readonly fuel: number;
  /** Bytes; 0 where no guest ran to an end. */
  readonly memory: number;
  readonly hostCalls: number;
}
/** Called for each one, so that it costs about a microsecond. */
export type MeterCall = (hook: string, end: MeteredEnd) => void;

export interface PluginMetrics {
  readonly meter: (plugin: MeteredPlugin) => MeterCall;
  /** Tells the registry what was counted since. */
  readonly flush: () => void;
}

/** Seconds: a guest takes some 20 µs for a small call, and is given 50 ms unless the config says more. */
const guestBuckets = [
  0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
  0.05, 0.1, 0.25, 1,
];
/** Seconds: with what it waits for, at most 30 s. */
const wallBuckets = [
  0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
  0.25, 1, 5, 30,
];

/** Told as 0 before the first, since no growth is seen in a series that begins with 1. */
const expected = ["allow", "deny", "failed"] as const;

/** One plugin's hook: children of the histograms, and plain sums, since a counter's `inc` takes 0.3 µs. */
interface Row {
  readonly observeGuest: (seconds: number) => void;
  readonly observeWall: (seconds: number) => void;
  readonly verdicts: Map<string, number>;
  readonly failures: Map<string, number>;
  fuel: number;
  hostCalls: number;
}

export function createPluginMetrics(registry: Registry): PluginMetrics {
  const instruments = createInstruments(registry);
  const rows = new Map<
    string,
    { readonly plugin: MeteredPlugin; readonly hook: string; row: Row }
  >();

  const rowOf = (plugin: MeteredPlugin, hook: string): Row => {
    const key = `${plugin.name} ${plugin.mode} ${hook}`;
    const known = rows.get(key)?.row;
    if (known !== undefined) return known;
    const row: Row = {
      observeGuest: instruments.guest.labels(plugin.name, hook).observe,
      observeWall: instruments.wall.labels(plugin.name, hook).observe,
      verdicts: new Map(expected.map((verdict) => [verdict, 0])),
      failures: new Map(),
      fuel: 0,
      hostCalls: 0,
    };
    rows.set(key, { plugin, hook, row });
    return row;
  };

  return {
    meter: (plugin) => {
      const own = new Map([...plugin.hooks].map((hook) => [hook, rowOf(plugin, hook)]));
      return (hook, end) => {
        let row = own.get(hook);
        if (row === undefined) own.set(hook, (row = rowOf(plugin, hook)));
        add(row, end);
      };
    },
    flush: () => {
      for (const { plugin, hook, row } of rows.values()) {
        const { name, mode } = plugin;
        const { verdicts, failures, fuel, hostCalls } = instruments;
        fuel.labels(name, hook).inc(row.fuel);
        hostCalls.labels(name, hook).inc(row.hostCalls);
        for (const [verdict, count] of row.verdicts)
          verdicts.labels(name, hook, verdict, mode).inc(count);
        for (const [code, count] of row.failures) failures.labels(name, hook, code).inc(count);
        row.fuel = 0;
        row.hostCalls = 0;
        row.verdicts.clear();
        row.failures.clear();
      }
    },
  };
}

function createInstruments(registry: Registry) {
  const labelNames = ["plugin", "hook"] as const;
  const registers = [registry];
  return {
    verdicts: new Counter({
      name: "mcp_gw_plugin_verdicts_total",
      help: "Calls of plugins by what they came to, also those that no plugin was entered for",
      labelNames: [...labelNames, "verdict", "mode"],
      registers,
    }),
    failures: new Counter({
      name: "mcp_gw_plugin_failures_total",
      help: "Calls of plugins that failed, by why",
      labelNames: [...labelNames, "code"],
      registers,
    }),
    guest: new Histogram({
      name: "mcp_gw_plugin_duration_seconds",
      help: "The plugin's own time in a call, of those that it was entered for",
      labelNames,
      buckets: guestBuckets,
      registers,
    }),
    wall: new Histogram({
      name: "mcp_gw_plugin_wall_seconds",
      help: "The time of a call in the plugins' thread, waiting included",
      labelNames,
      buckets: wallBuckets,
      registers,
    }),
    fuel: new Counter({
      name: "mcp_gw_plugin_fuel_total",
      help: "Turns of loops that plugins made",
      labelNames,
      registers,
    }),
    hostCalls: new Counter({
      name: "mcp_gw_plugin_host_calls_total",
      help: "Calls of kv and fetch that plugins made",
      labelNames,
      registers,
    }),
  };
}

function add(row: Row, { outcome, ms, wallMs, fuel, memory, hostCalls }: MeteredEnd): void {
  count(row.verdicts, outcome.action);
  if (outcome.action === "failed") count(row.failures, outcome.code ?? "unknown");
  // One that was kept out took no time, and would make the others look fast.
  if (memory > 0) row.observeGuest(ms / 1000);
  if (memory > 0 || wallMs > 0) row.observeWall(wallMs / 1000);
  row.fuel += fuel;
  row.hostCalls += hostCalls;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
