/** A plugin file that changes while the gateway runs. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LoopbackServer, openServer } from "../sandbox/host/server.ts";
import { type PluginsRig, openPluginsRig, startMs } from "./plugins-rig.ts";

/** Refuses what its part says, after a look at a server where it is told to. */
const guard = (version: string, origin: string): string =>
  `import { allow, definePlugin, deny } from "mcp-gw/plugin";
import { word } from "./word.ts";

export default definePlugin({
  name: "guard",
  version: "${version}",
  permissions: { kv: "shared", fetch: ["${origin}"] },
  async onToolCall(call, { fetch, kv }) {
    if (call.arguments?.wait) await fetch("${origin}");
    const count = await kv.incr("calls");
    return call.arguments?.say === word ? deny(word + " by ${version}") : allow({ note: "${version} " + count });
  },
});
`;
const part = (word: string): string => `export const word: string = "${word}";\n`;

let rig: PluginsRig;
let judge: LoopbackServer;
/** Answers what waits at the judge. */
let release = (): void => undefined;
let waits: Promise<void>;
const expectWait = (): void => {
  waits = new Promise((resolve) => {
    arrived = resolve;
  });
};
let arrived = (): void => undefined;
beforeAll(async () => {
  judge = await openServer((response) => {
    release = () => response.end("{}");
    arrived();
  });
  const grants = { kv: "shared", fetch: [{ origin: judge.origin }] };
  rig = await openPluginsRig({
    files: { "guard.ts": guard("1.0.0", judge.origin), "word.ts": part("one") },
    plugins: [{ use: "./guard.ts", grants, limits: { wallMs: 20_000 } }],
  });
}, startMs);
afterAll(async () => {
  await rig.close();
  judge.close();
});

const put = (name: string, text: string): Promise<void> => writeFile(join(rig.folder, name), text);
const said = async (say: string): Promise<string | undefined> =>
  (await rig.call("echo", { say })).code;
const note = async (): Promise<string> => {
  await rig.call("echo", { say: "good" });
  const [hit] = (await rig.last()).plugins ?? [];
  return String(hit?.["why"]);
};
const records = async () => (await rig.records()).filter(({ kind }) => kind === "config");

describe("a reload", () => {
  test("takes up what has changed in a part of the plugin alone", async () => {
    expect([await said("one"), await said("two")]).toEqual(["PLUGIN_DENIED", undefined]);
    const { sha256 } = rig.state().plugins[0] ?? {};
    await put("word.ts", part("two"));
    expect([await said("one"), await said("two")]).toEqual(["PLUGIN_DENIED", undefined]);
    expect(await rig.reload()).toMatchObject({ result: "reloaded" });
    expect([await said("one"), await said("two")]).toEqual([undefined, "PLUGIN_DENIED"]);
    const [now] = rig.state().plugins;
    expect(now).toMatchObject({ name: "guard", version: "1.0.0", mode: "enforce" });
    expect(now?.sha256).not.toBe(sha256);
    expect((await rig.last()).plugins?.[0]).toMatchObject({
      sha256: now?.sha256.slice(0, 16),
    });
  });

  test("leaves everything where nothing has changed", async () => {
    expect(await rig.reload()).toMatchObject({ result: "unchanged" });
    expect(await said("two")).toBe("PLUGIN_DENIED");
  });

  test("keeps what the plugin of before kept", async () => {
    const before = Number((await note()).split(" ")[1]);
    await put("guard.ts", guard("1.1.0", judge.origin));
    expect(await rig.reload()).toMatchObject({ result: "reloaded" });
    expect(await note()).toBe(`1.1.0 ${before + 1}`);
  });

  test("lets a call end on the plugin that it began with", async () => {
    expectWait();
    const old = rig.call("echo", { say: "two", wait: true });
    await waits;
    await put("guard.ts", guard("2.0.0", judge.origin));
    await put("word.ts", part("three"));
    expect(await rig.reload()).toMatchObject({ result: "reloaded" });
    expect(await note()).toMatch(/^2\.0\.0 /);
    expect([await said("two"), await said("three")]).toEqual([undefined, "PLUGIN_DENIED"]);
    release();
    const { code, text } = await old;
    expect([code, text.includes("two by 1.1.0")]).toEqual(["PLUGIN_DENIED", true]);
  });

  test.each([
    ["a syntax error", "guard.ts", "export default {{ ;\n", /guard\.ts|plugins\[0\]/],
    ["no default export", "guard.ts", "export const a = 1;\n", /no default export/],
    [
      "a part that throws",
      "word.ts",
      `${part("three")}throw new Error("broken part");\n`,
      /broken part/,
    ],
    [
      "a wish for more",
      "guard.ts",
      guard("3.0.0", "https://more.example"),
      /more\.example.*which is not granted/,
    ],
  ])("refuses %s, and the plugin of before goes on", async (_, file, text, says) => {
    const { plugins, config } = rig.state();
    const known = await records();
    await put(file, text);
    const outcome = await rig.reload();
    await put("guard.ts", guard("2.0.0", judge.origin));
    await put("word.ts", part("three"));
    expect(outcome).toMatchObject({ result: "refused", digest: config });
    expect(outcome.faults.join("\n")).toMatch(says);
    expect(rig.logged.filter((line) => line.includes("is refused")).at(-1)).toMatch(says);
    expect(rig.state().plugins).toEqual(plugins);
    expect(rig.state().reload).toMatchObject(outcome);
    const told = (await records()).slice(known.length);
    expect(told).toMatchObject([{ kind: "config", decision: "denied" }]);
    expect(told[0]?.["why"]).toMatch(says);
    expect(await note()).toMatch(/^2\.0\.0 /);
    expect(await said("three")).toBe("PLUGIN_DENIED");
    expect(await rig.reload()).toMatchObject({ result: "unchanged" });
  });

  test("takes a plugin away, and brings it back", async () => {
    await rig.change({ ...rig.config, plugins: [] });
    expect(rig.state().plugins).toEqual([]);
    expect(await said("three")).toBeUndefined();
    await rig.change(rig.config);
    expect(await said("three")).toBe("PLUGIN_DENIED");
  });

  test("ends a quarantine", async () => {
    await put(
      "guard.ts",
      guard("4.0.0", judge.origin).replace("const count", "throw 1; const count"),
    );
    await rig.reload();
    for (let time = 0; time < 6; time++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await said("good")).toBe("PLUGIN_FAILED");
    }
    expect((await rig.last()).plugins).toMatchObject([{ verdict: "quarantined" }]);
    await put("guard.ts", guard("4.0.1", judge.origin));
    expect(await rig.reload()).toMatchObject({ result: "reloaded" });
    expect([await said("good"), await said("three")]).toEqual([undefined, "PLUGIN_DENIED"]);
  });
});
