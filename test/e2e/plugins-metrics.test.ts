/** What a scraper reads of plugins that allow, deny, fail and are kept out, before and after a reload. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TimerClock, timerClock } from "../sessions/hand-timers.ts";
import { type Scrape, readScrape } from "../telemetry/samples.ts";
import { type PluginsRig, anyTool, openPluginsRig, startMs } from "./plugins-rig.ts";

const guard = `import { allow, deny } from "mcp-gw/plugin";
export default {
  name: "guard",
  version: "1.0.0",
  permissions: { kv: "client" },
  async onToolCall(call, ctx) {
    const { how } = call.arguments;
    if (how === "throw") throw new Error("own words");
    if (how === "count") await ctx.kv.incr("calls");
    return how === "deny" ? deny("not this") : allow();
  },
};
`;
const watcher = `import { deny } from "mcp-gw/plugin";
export default { name: "watcher", version: "1.0.0", onToolCall: () => deny("all of it") };
`;
const adminToken = "a-token-of-the-operator-who-reads-the-figures";
const plugins = [
  { use: "./watcher.js", mode: "shadow" },
  { use: "./guard.js", grants: { kv: "client" } },
];

let rig: PluginsRig;
let clock: TimerClock;
beforeAll(async () => {
  clock = timerClock();
  rig = await openPluginsRig({
    clock,
    adminToken,
    files: { "guard.js": guard, "watcher.js": watcher },
    plugins,
    tools: [anyTool("echo")],
  });
}, startMs);
afterAll(() => rig.close());

function ask(authorization?: string): Promise<Response> {
  const headers = authorization === undefined ? {} : { authorization };
  return fetch(`${rig.started.adminUrl}/metrics`, { headers });
}
async function scrape(): Promise<Scrape> {
  const response = await ask(`Bearer ${adminToken}`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return readScrape(await response.text());
}
async function calls(...hows: readonly string[]): Promise<void> {
  for (const how of hows) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await rig.call("echo", { how });
  }
}
/** By verdict, each of one plugin's `onToolCall`. */
function verdicts({ value }: Scrape, plugin: string, mode: string): Record<string, number> {
  const labels = (verdict: string) =>
    `{plugin="${plugin}",hook="onToolCall",verdict="${verdict}",mode="${mode}"}`;
  return Object.fromEntries(
    ["allow", "deny", "failed"].flatMap((verdict) => {
      const count = value(`mcp_gw_plugin_verdicts_total${labels(verdict)}`);
      return count === undefined ? [] : [[verdict, count]];
    }),
  );
}
const ofGuard = '{plugin="guard",hook="onToolCall"}';
const failures = ({ value }: Scrape, code: string) =>
  value(`mcp_gw_plugin_failures_total{plugin="guard",hook="onToolCall",code="${code}"}`);

test("nobody reads them without the operator's token", async () => {
  expect((await ask()).status).toBe(401);
  expect((await ask("Bearer wrong")).status).toBe(401);
  expect(await (await ask()).text()).not.toContain("mcp_gw_");
});

test("before the first call they name the version, the config and the plugins", async () => {
  const now = await scrape();
  const { value, series } = now;
  expect(series("mcp_gw_build_info")).toEqual([
    `mcp_gw_build_info{version="${rig.state().version}"}`,
  ]);
  expect(value(`mcp_gw_config_info{digest="${rig.state().config}"}`)).toBe(1);
  expect(value('mcp_gw_plugin_quarantined{plugin="guard"}')).toBe(0);
  expect(verdicts(now, "guard", "enforce")).toEqual({ allow: 0, deny: 0, failed: 0 });
  expect(series("mcp_gw_plugin_failures_total")).toEqual([]);
});

test("they say what calls came to and cost, also of a plugin in shadow", async () => {
  await calls("allow", "count", "deny");
  const now = await scrape();
  const { value } = now;
  expect(verdicts(now, "guard", "enforce")).toEqual({ allow: 2, deny: 1, failed: 0 });
  expect(verdicts(now, "watcher", "shadow")).toEqual({ allow: 0, deny: 3, failed: 0 });
  expect(value(`mcp_gw_plugin_host_calls_total${ofGuard}`)).toBe(1);
  expect(value(`mcp_gw_plugin_duration_seconds_count${ofGuard}`)).toBe(3);
  expect(value(`mcp_gw_plugin_wall_seconds_count${ofGuard}`)).toBe(3);
  const spent = value(`mcp_gw_plugin_duration_seconds_sum${ofGuard}`) ?? 0;
  expect(spent).toBeGreaterThan(0);
  expect(spent).toBeLessThan(1);
  expect(value(`mcp_gw_plugin_memory_bytes${ofGuard}`)).toBeGreaterThan(100_000);
  expect(value('mcp_gw_plugin_quarantined{plugin="guard"}')).toBe(0);
});

test("they say why calls failed, and for how many clients the plugin is shut", async () => {
  await calls("throw", "throw", "throw", "throw", "throw", "allow", "allow");
  const now = await scrape();
  expect(failures(now, "threw")).toBe(5);
  expect(failures(now, "quarantined")).toBe(2);
  expect(verdicts(now, "guard", "enforce")).toEqual({ allow: 2, deny: 1, failed: 7 });
  expect(now.value(`mcp_gw_plugin_duration_seconds_count${ofGuard}`)).toBe(8);
  expect(now.value('mcp_gw_plugin_quarantined{plugin="guard"}')).toBe(1);
  expect(now.value('mcp_gw_plugin_quarantined{plugin="watcher"}')).toBe(0);
  await rig.call("echo", { how: "throw" }, { as: "b" });
  expect((await scrape()).value('mcp_gw_plugin_quarantined{plugin="guard"}')).toBe(1);
  clock.advance(31_000);
  await calls("allow");
  expect((await scrape()).value('mcp_gw_plugin_quarantined{plugin="guard"}')).toBe(0);
});

test("after a reload counts go on, and what left is no longer told of as it was", async () => {
  const before = await scrape();
  await rig.change({ ...rig.config, plugins: [{ ...plugins[1], mode: "shadow" }] });
  await calls("deny");
  const after = await scrape();
  expect(verdicts(after, "guard", "enforce")).toEqual(verdicts(before, "guard", "enforce"));
  expect(verdicts(after, "guard", "shadow")).toEqual({ allow: 0, deny: 1, failed: 0 });
  const count = `mcp_gw_plugin_duration_seconds_count${ofGuard}`;
  expect(after.value(count)).toBe((before.value(count) ?? 0) + 1);
  expect(verdicts(after, "watcher", "shadow")).toEqual(verdicts(before, "watcher", "shadow"));
  expect(after.series("mcp_gw_plugin_quarantined")).toEqual([
    'mcp_gw_plugin_quarantined{plugin="guard"}',
  ]);
  expect(after.series("mcp_gw_plugin_memory_bytes")).toEqual([
    `mcp_gw_plugin_memory_bytes${ofGuard}`,
  ]);
  expect(after.series("mcp_gw_config_info")).toEqual([
    `mcp_gw_config_info{digest="${rig.state().config}"}`,
  ]);
  expect(rig.state().config).not.toBe(before.series("mcp_gw_config_info")[0]?.split('"')[1]);
});

test("no label carries what a client or a server chose", async () => {
  const known = new Set(["guard", "watcher", "onToolCall", "enforce", "shadow", "allow", "deny"]);
  for (const each of ["failed", "threw", "quarantined", rig.state().version, rig.state().config]) {
    known.add(each);
  }
  const { series } = await scrape();
  const values = series().flatMap((one) =>
    [...one.matchAll(/([a-z]+)="([^"]*)"/g)].flatMap(([, label, value = ""]) =>
      label === "le" ? [] : [value],
    ),
  );
  expect([...new Set(values)].filter((value) => !known.has(value))).toEqual([]);
});
