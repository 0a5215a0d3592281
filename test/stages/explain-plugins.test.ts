import { expect, test } from "vitest";
import { deny } from "../../src/plugin.ts";
import { openPluginsRig } from "./plugins-rig.ts";

test("explain names the plugins that a call would be put to, and asks none", async () => {
  const denies = () => deny("no");
  const rig = await openPluginsRig([
    { name: "guard", hooks: { onToolCall: denies } },
    { name: "answers", hooks: { onToolResult: denies } },
    { name: "elsewhere", hooks: { onToolCall: denies }, fits: () => false },
  ]);
  const wish = { client: "a", kind: "tool", upstream: "x", name: "echo", args: undefined } as const;
  const told = rig.explain({ subject: undefined, address: undefined, ...wish });
  expect(told.verdict).toBe("allowed");
  expect(told.notes).toContain(
    'The call would be put to plugins first, which are not asked here: "guard"',
  );
  expect(rig.plugins.chains).toEqual([]);
  await rig.close();
});
