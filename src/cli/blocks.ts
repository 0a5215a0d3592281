/** `mcp-gw blocks`: what is taken away now. */
import { defineCommand } from "citty";
import { toLineText } from "../audit/index.ts";
import { openRuntime } from "../runtime/index.ts";
import { listBlocks } from "./admin-blocks.ts";
import { type AdminRuntime, type AdminWhere, adminArgs, withAdmin } from "./admin-way.ts";
import { toBlockedText } from "./admin-words.ts";
import { type Output, consoleOutput } from "./output.ts";
import { toSafeLine } from "./safe-text.ts";
import { toTable } from "./table.ts";

const maxText = 80;

export const blocksCommand = defineCommand({
  meta: {
    name: "blocks",
    description: "What is blocked, since when, until when, and why. Example: mcp-gw blocks --json",
  },
  args: {
    ...adminArgs,
    json: { type: "boolean", description: "Print the blocks as a list", default: false },
  },
  run: async ({ args }) => blocks(args, await openRuntime(), consoleOutput),
});

export interface BlocksOptions extends AdminWhere {
  readonly json: boolean;
}

/** The exit code: 0 good, 1 no answer, 2 wrong usage. */
export async function blocks(
  options: BlocksOptions,
  runtime: AdminRuntime,
  output: Output,
): Promise<number> {
  return withAdmin(options, runtime, output, async (send) => {
    const listed = await listBlocks(send);
    if ("fault" in listed) return listed;
    const rows = listed.map((block) => [
      toSafeLine(block.id, maxText),
      toSafeLine(toBlockedText(block), maxText),
      new Date(block.at).toISOString(),
      block.until === undefined ? "-" : new Date(block.until).toISOString(),
      toSafeLine(block.why, maxText),
      toSafeLine(block.by, maxText),
    ]);
    if (options.json) output.out(toLineText(JSON.stringify(listed)));
    else if (rows.length === 0) output.out("Nothing is blocked");
    else output.out(toTable(["id", "what", "since", "until", "why", "by"], rows));
    return 0;
  });
}
