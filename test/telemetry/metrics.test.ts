/** What is counted of plugins, and the text that tells of it. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type MeteredEnd,
  type Metrics,
  type MetricsNow,
  createMetrics,
} from "../../src/telemetry/index.ts";
import { type Scrape, readScrape } from "./samples.ts";

const enforced = { name: "fs-guard", mode: "enforce", hooks: ["onToolCall"] } as const;
const nobody: MetricsNow = { digest: "d1", plugins: [] };
const open = (): Metrics => createMetrics({ version: "1.2.3" });
const scrape = async (metrics: Metrics, now: MetricsNow = nobody): Promise<Scrape> =>
  readScrape((await metrics.read(now)).text);

function end(action: string, changes: Partial<MeteredEnd> = {}): MeteredEnd {
  const cost = { ms: 0.02, wallMs: 0.03, fuel: 100, memory: 300_000, hostCalls: 0 };
  return { outcome: { action }, ...cost, ...changes };
}
function failed(code: string, changes: Partial<MeteredEnd> = {}): MeteredEnd {
  return end("failed", { ...changes, outcome: { action: "failed", code } });
}
/** As the pool ends what no guest was entered for. */
const keptOut = { ms: 0, wallMs: 0, fuel: 0, memory: 0 } as const;

test("the text says which version and which config it is of, in the format that a scraper asks for", async () => {
  const { contentType, text } = await open().read(nobody);
  expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
  const { value, types } = readScrape(text);
  expect(value('mcp_gw_build_info{version="1.2.3"}')).toBe(1);
  expect(value('mcp_gw_config_info{digest="d1"}')).toBe(1);
  expect(Object.fromEntries(types)).toEqual({
    mcp_gw_build_info: "gauge",
    mcp_gw_config_info: "gauge",
    mcp_gw_plugin_verdicts_total: "counter",
    mcp_gw_plugin_failures_total: "counter",
    mcp_gw_plugin_duration_seconds: "histogram",
    mcp_gw_plugin_wall_seconds: "histogram",
    mcp_gw_plugin_fuel_total: "counter",
    mcp_gw_plugin_host_calls_total: "counter",
    mcp_gw_plugin_quarantined: "gauge",
    mcp_gw_plugin_memory_bytes: "gauge",
  });
});

describe("calls of a plugin", () => {
  test("are counted by hook, verdict and mode, and failures by code", async () => {
    const metrics = open();
    const meter = metrics.meterPlugin(enforced);
    const shadow = metrics.meterPlugin({ ...enforced, name: "geo", mode: "shadow" });
    meter("onToolCall", end("allow"));
    meter("onToolCall", end("allow"));
    meter("onToolCall", end("deny", { outcome: { action: "deny", code: "policy" } }));
    meter("onToolCall", failed("threw"));
    meter("onText", end("redact"));
    shadow("onToolCall", end("deny"));
    const { value, series } = await scrape(metrics);
    const verdicts = (plugin: string, verdict: string, mode: string, hook = "onToolCall") =>
      value(
        `mcp_gw_plugin_verdicts_total{plugin="${plugin}",hook="${hook}",verdict="${verdict}",mode="${mode}"}`,
      );
    expect(verdicts("fs-guard", "allow", "enforce")).toBe(2);
    expect(verdicts("fs-guard", "deny", "enforce")).toBe(1);
    expect(verdicts("fs-guard", "failed", "enforce")).toBe(1);
    expect(verdicts("fs-guard", "redact", "enforce", "onText")).toBe(1);
    expect(verdicts("geo", "deny", "shadow")).toBe(1);
    expect(series("mcp_gw_plugin_failures_total")).toEqual([
      'mcp_gw_plugin_failures_total{plugin="fs-guard",hook="onToolCall",code="threw"}',
    ]);
  });

  test("add up their fuel and their calls of the host", async () => {
    const metrics = open();
    const meter = metrics.meterPlugin(enforced);
    meter("onToolCall", end("allow", { fuel: 40, hostCalls: 2 }));
    meter("onToolCall", end("deny", { fuel: 2, hostCalls: 1 }));
    const { value } = await scrape(metrics);
    const labels = '{plugin="fs-guard",hook="onToolCall"}';
    expect(value(`mcp_gw_plugin_fuel_total${labels}`)).toBe(42);
    expect(value(`mcp_gw_plugin_host_calls_total${labels}`)).toBe(3);
  });

  test("stand in the buckets of their own time and of all of it, in seconds", async () => {
    const metrics = open();
    const meter = metrics.meterPlugin(enforced);
    meter("onToolCall", end("allow", { ms: 0.02, wallMs: 300 }));
    meter("onToolCall", end("allow", { ms: 2000, wallMs: 2000 }));
    const { value } = await scrape(metrics);
    const at = (metric: string, suffix: string, le?: string) =>
      value(
        `mcp_gw_plugin_${metric}_seconds_${suffix}{${le === undefined ? "" : `le="${le}",`}plugin="fs-guard",hook="onToolCall"}`,
      );
    expect(at("duration", "bucket", "0.00001")).toBe(0);
    expect(at("duration", "bucket", "0.000025")).toBe(1);
    expect(at("duration", "bucket", "1")).toBe(1);
    expect(at("duration", "bucket", "+Inf")).toBe(2);
    expect(at("duration", "count")).toBe(2);
    expect(at("duration", "sum")).toBeCloseTo(2.000_02, 9);
    expect(at("wall", "bucket", "0.25")).toBe(0);
    expect(at("wall", "bucket", "1")).toBe(1);
    expect(at("wall", "sum")).toBeCloseTo(2.3, 9);
  });

  test("that the plugin was kept out of are counted, and make the others look no faster", async () => {
    const metrics = open();
    const meter = metrics.meterPlugin(enforced);
    meter("onToolCall", failed("quarantined", keptOut));
    meter("onToolCall", failed("wall_timeout", { ...keptOut, wallMs: 1000 }));
    const { value } = await scrape(metrics);
    const labels = '{plugin="fs-guard",hook="onToolCall"}';
    expect(
      value(
        'mcp_gw_plugin_verdicts_total{plugin="fs-guard",hook="onToolCall",verdict="failed",mode="enforce"}',
      ),
    ).toBe(2);
    expect(value(`mcp_gw_plugin_duration_seconds_count${labels}`) ?? 0).toBe(0);
    expect(value(`mcp_gw_plugin_wall_seconds_count${labels}`)).toBe(1);
    expect(value(`mcp_gw_plugin_wall_seconds_sum${labels}`)).toBe(1);
  });

  test("are counted once, however often and whenever somebody looks", async () => {
    const action = fc.constantFrom("allow", "deny", "modify", "redact", "failed", "look");
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
        const metrics = open();
        const meter = metrics.meterPlugin(enforced);
        for (const each of actions) {
          if (each === "look") void metrics.read(nobody);
          else meter("onToolCall", each === "failed" ? failed("threw") : end(each));
        }
        const { value, series } = await scrape(metrics);
        const sum = series("mcp_gw_plugin_verdicts_total").reduce(
          (all, one) => all + (value(one) ?? 0),
          0,
        );
        const calls = actions.filter((each) => each !== "look").length;
        const count = value(
          'mcp_gw_plugin_wall_seconds_count{plugin="fs-guard",hook="onToolCall"}',
        );
        expect([sum, count ?? 0]).toEqual([calls, calls]);
      }),
      { numRuns: 50 },
    );
  });
});

test("a plugin that was never called stands at 0, so that its first failure is seen as growth", async () => {
  const metrics = open();
  metrics.meterPlugin(enforced);
  const { value, series } = await scrape(metrics);
  expect(series("mcp_gw_plugin_verdicts_total").map((one) => value(one))).toEqual([0, 0, 0]);
  expect(series("mcp_gw_plugin_verdicts_total").join("\n")).toContain('verdict="failed"');
});

describe("a reload", () => {
  const running = (digest: string, ...names: readonly string[]): MetricsNow => ({
    digest,
    plugins: names.map((name) => ({
      name,
      quarantinedFor: 2,
      hooks: [{ hook: "onToolCall", maxMemory: 300_000 }],
    })),
  });

  test("lets counts of a plugin go on under its name, also in another mode", async () => {
    const metrics = open();
    metrics.meterPlugin(enforced)("onToolCall", end("allow"));
    await metrics.read(nobody);
    metrics.meterPlugin({ ...enforced })("onToolCall", end("allow"));
    metrics.meterPlugin({ ...enforced, mode: "shadow" })("onToolCall", end("allow"));
    const { value } = await scrape(metrics);
    const labels = '{plugin="fs-guard",hook="onToolCall"}';
    expect(value(`mcp_gw_plugin_duration_seconds_count${labels}`)).toBe(3);
    expect(value(`mcp_gw_plugin_fuel_total${labels}`)).toBe(300);
    expect(
      value(
        'mcp_gw_plugin_verdicts_total{plugin="fs-guard",hook="onToolCall",verdict="allow",mode="enforce"}',
      ),
    ).toBe(2);
  });

  test("ends the gauges of plugins that left, and names the new config alone", async () => {
    const metrics = open();
    const before = await scrape(metrics, running("d1", "a", "b"));
    expect(before.value('mcp_gw_plugin_quarantined{plugin="a"}')).toBe(2);
    expect(before.value('mcp_gw_plugin_memory_bytes{plugin="a",hook="onToolCall"}')).toBe(300_000);
    const after = await scrape(metrics, running("d2", "b"));
    expect(after.series("mcp_gw_plugin_quarantined")).toEqual([
      'mcp_gw_plugin_quarantined{plugin="b"}',
    ]);
    expect(after.series("mcp_gw_plugin_memory_bytes")).toHaveLength(1);
    expect(after.series("mcp_gw_config_info")).toEqual(['mcp_gw_config_info{digest="d2"}']);
    expect(after.series("mcp_gw_build_info")).toHaveLength(1);
  });
});

test("two gateways in one process count each for itself", async () => {
  const [one, other] = [open(), open()];
  one.meterPlugin(enforced)("onToolCall", end("allow"));
  expect((await scrape(other)).series("mcp_gw_plugin_verdicts_total")).toEqual([]);
  expect((await scrape(one)).series("mcp_gw_plugin_verdicts_total")).not.toEqual([]);
});
