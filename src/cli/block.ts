/** `mcp-gw block`: takes something away at once, on every instance. */
import { defineCommand } from "citty";
import { toLineText } from "../audit/index.ts";
import { items, member, stringOf, textOf } from "../mcp/index.ts";
import { openRuntime } from "../runtime/index.ts";
import { notABlock, parseBlock } from "./admin-blocks.ts";
import { type AdminRuntime, type AdminWhere, adminArgs, withAdmin } from "./admin-way.ts";
import { type BlockWords, blockArgs, toBlocked, toBlockedText } from "./admin-words.ts";
import { parseDuration } from "./duration.ts";
import { type Output, consoleOutput } from "./output.ts";
import { toSafeLine } from "./safe-text.ts";

export const blockCommand = defineCommand({
  meta: {
    name: "block",
    description:
      'Takes something away at once; all that is named must fit. Example: mcp-gw block "payments/*" --client web-app --for 2h --why "Odd refunds"',
  },
  args: {
    target: {
      type: "positional",
      description: "A pattern upstream/name, as in the config",
      required: false,
    },
    ...blockArgs,
    for: {
      type: "string",
      description: "How long: 30s, 15m, 2h, 7d (default: until it is taken back)",
      valueHint: "SPAN",
    },
    why: {
      type: "string",
      description: "For the record and for other operators",
      valueHint: "TEXT",
    },
    ...adminArgs,
    json: { type: "boolean", description: "Print the block", default: false },
  },
  run: async ({ args }) => block(args, await openRuntime(), consoleOutput),
});

export interface BlockOptions extends BlockWords, AdminWhere {
  readonly for?: string | undefined;
  readonly why?: string | undefined;
  readonly json: boolean;
}

/** The exit code: 0 good, 1 not done, 2 wrong usage. */
export async function block(
  options: BlockOptions,
  runtime: AdminRuntime,
  output: Output,
): Promise<number> {
  const { out, err } = output;
  const what = toBlocked(options, "TARGET, --client NAME, --subject SUBJECT, or --all");
  if ("fault" in what) return wrong(err, what.fault);
  const { why = "" } = options;
  if (why.trim() === "") return wrong(err, "--why TEXT must say why: it is for whoever finds it");
  const forMs = options.for === undefined ? undefined : parseDuration(options.for);
  if (options.for !== undefined && forMs === undefined) {
    return wrong(err, `Cannot read --for "${options.for}": it must be a span such as 2h`);
  }
  const body = { ...what, ...(options.all ? { all: true } : {}), forMs, why };
  return withAdmin(options, runtime, output, async (send) => {
    const reply = await send({ method: "POST", path: "/blocks", body });
    if ("fault" in reply) return reply;
    const set = parseBlock(reply.body);
    if (set === undefined || reply.body === undefined) return notABlock;
    if (options.json) out(toLineText(textOf(reply.body)));
    else {
      const end = set.until === undefined ? "" : ` until ${new Date(set.until).toISOString()}`;
      const id = toSafeLine(set.id, 80);
      out(`Blocked ${toSafeLine(toBlockedText(set), 400)}${end} (${id})`);
      out(`To take it back: mcp-gw unblock ${id}`);
      for (const warning of items(member(reply.body, "warnings"))) {
        err(`Warning: ${toSafeLine(stringOf(warning) ?? "", 400)}`);
      }
    }
    return 0;
  });
}

function wrong(err: Output["err"], text: string): 2 {
  err(toSafeLine(text, 400));
  return 2;
}
