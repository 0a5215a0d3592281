import { expect, test } from "vitest";
import { allow, definePlugin, deny, redact } from "mcp-gw/plugin";

test("a plugin's verdicts are plain data", () => {
  expect(allow()).toEqual({ action: "allow" });
  expect(allow({ note: "seen" })).toEqual({ action: "allow", note: "seen" });
  expect(deny("no")).toEqual({ action: "deny", reason: "no" });
  expect(deny("no", "rate_limit")).toEqual({ action: "deny", reason: "no", code: "rate_limit" });
  expect(redact([[0, 4, "[key]"]])).toEqual({ action: "redact", spans: [[0, 4, "[key]"]] });
  const plugin = definePlugin({ name: "p", version: "1.0.0", onText: () => allow() });
  expect(plugin).toMatchObject({ name: "p", version: "1.0.0" });
});
