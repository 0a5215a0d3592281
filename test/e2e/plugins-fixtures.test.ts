/** A plugin file that changes while the gateway runs, with fixtures beside it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PluginsRig, openPluginsRig, startMs } from "./plugins-rig.ts";

const guard = (version: string, word: string): string =>
  `import { allow, definePlugin, deny } from "mcp-gw/plugin";

export default definePlugin({
  name: "guard",
  version: "${version}",
  onToolCall: (call) => (call.arguments?.say === "${word}" ? deny("no") : allow()),
});
`;
const fixtures = (word: string): string =>
  JSON.stringify([
    {
      name: "refuses its word",
      hook: "onToolCall",
      input: { name: "echo", arguments: { say: word } },
      expect: { action: "deny", reason: "no" },
    },
  ]);

let rig: PluginsRig;
beforeAll(async () => {
  rig = await openPluginsRig({
    files: { "guard.ts": guard("1.0.0", "one"), "guard.test.json": fixtures("one") },
    plugins: [{ use: "./guard.ts" }],
  });
}, startMs);
afterAll(() => rig.close());

const put = (name: string, text: string): Promise<void> => writeFile(join(rig.folder, name), text);
const said = async (say: string): Promise<string | undefined> =>
  (await rig.call("echo", { say })).code;

test("a changed plugin whose fixtures fail does not take the place of the one that runs", async () => {
  await put("guard.ts", guard("2.0.0", "two"));
  const outcome = await rig.reload();
  expect(outcome).toMatchObject({ result: "refused" });
  expect(outcome.faults.join()).toMatch(/The fixture "refuses its word" fails/);
  expect([await said("one"), await said("two")]).toEqual(["PLUGIN_DENIED", undefined]);
});

test("it does once they pass", async () => {
  await put("guard.test.json", fixtures("two"));
  expect(await rig.reload()).toMatchObject({ result: "reloaded" });
  expect([await said("one"), await said("two")]).toEqual([undefined, "PLUGIN_DENIED"]);
});

test("fixtures that cannot be read refuse it too", async () => {
  await put("guard.ts", guard("3.0.0", "three"));
  await put("guard.test.json", "[{]");
  expect(await rig.reload()).toMatchObject({ result: "refused" });
  expect(await said("two")).toBe("PLUGIN_DENIED");
});
