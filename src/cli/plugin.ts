/** `mcp-gw plugin new|check|run|test`: for whoever writes plugins, without a gateway. */
import { defineCommand } from "citty";

export const pluginCommand = defineCommand({
  meta: { name: "plugin", description: "Begin, check, run and test plugins" },
  subCommands: {
    new: async () => (await import("./plugin-new.ts")).pluginNewCommand,
    check: async () => (await import("./plugin-check.ts")).pluginCheckCommand,
    run: async () => (await import("./plugin-run.ts")).pluginRunCommand,
    test: async () => (await import("./plugin-test.ts")).pluginTestCommand,
  },
});
