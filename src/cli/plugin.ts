/** `mcp-gw plugin new|check|run|test`: for whoever writes plugins, without a gateway. */
import { defineCommand } from "citty";
import { pluginCheckCommand } from "./plugin-check.ts";
import { pluginNewCommand } from "./plugin-new.ts";
import { pluginRunCommand } from "./plugin-run.ts";
import { pluginTestCommand } from "./plugin-test.ts";

export const pluginCommand = defineCommand({
  meta: { name: "plugin", description: "Begin, check, run and test plugins" },
  subCommands: {
    new: pluginNewCommand,
    check: pluginCheckCommand,
    run: pluginRunCommand,
    test: pluginTestCommand,
  },
});
