/** `mcp-gw reload`: the gateway that runs takes up its config anew, or says why it does not. */
import { defineCommand } from "citty";
import { toLineText } from "../audit/index.ts";
import { items, member, stringOf, textOf } from "../mcp/index.ts";
import { openRuntime } from "../runtime/index.ts";
import { type AdminRuntime, type AdminWhere, adminArgs, withAdmin } from "./admin-way.ts";
import { type Output, consoleOutput } from "./output.ts";
import { toSafeLine } from "./safe-text.ts";

/** A secret may come from a command, a config from a slow disk. */
const reloadMs = 60_000;

export const reloadCommand = defineCommand({
  meta: {
    name: "reload",
    description:
      "Has the gateway that runs take up its config anew. Example: mcp-gw reload --config prod.config.ts",
  },
  args: {
    ...adminArgs,
    json: { type: "boolean", description: "Print { result, digest, faults }", default: false },
  },
  run: async ({ args }) => reload(args, await openRuntime(), consoleOutput),
});

export interface ReloadOptions extends AdminWhere {
  readonly json: boolean;
}

/** The exit code: 0 the config that is there runs, 1 it does not, 2 wrong usage. */
export async function reload(
  options: ReloadOptions,
  runtime: AdminRuntime,
  output: Output,
): Promise<number> {
  return withAdmin(options, runtime, output, async (send) => {
    const command = { method: "POST", path: "/reload", deadlineMs: reloadMs } as const;
    const reply = await send(command);
    if ("fault" in reply) return reply;
    const { body } = reply;
    const result = stringOf(member(body, "result"));
    if (body === undefined || result === undefined) {
      return { fault: "The gateway's answer is no outcome of a reload", code: 1 };
    }
    const isRefused = result !== "reloaded" && result !== "unchanged";
    if (options.json) output.out(toLineText(textOf(body)));
    else {
      const print = isRefused ? output.err : output.out;
      for (const fault of items(member(body, "faults"))) {
        print(toSafeLine(stringOf(fault) ?? "", 2_000));
      }
      const digest = toSafeLine((stringOf(member(body, "digest")) ?? "").slice(0, 12), 80);
      print(`${sentences.get(result) ?? sentences.get("refused")} (${digest})`);
    }
    return isRefused ? 1 : 0;
  });
}

const sentences = new Map([
  ["reloaded", "The new config runs"],
  ["unchanged", "The config is the one that runs already"],
  ["refused", "The new config is refused, the old one runs on"],
]);
