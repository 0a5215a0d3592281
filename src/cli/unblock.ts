/** `mcp-gw unblock`: takes blocks back, by their id or by the words that set them. */
import { defineCommand } from "citty";
import { toLineText } from "../audit/index.ts";
import { openRuntime } from "../runtime/index.ts";
import { listBlocks } from "./admin-blocks.ts";
import {
  type AdminFault,
  type AdminRuntime,
  type AdminWhere,
  type SendAdmin,
  adminArgs,
  withAdmin,
} from "./admin-way.ts";
import {
  type BlockWords,
  type Blocked,
  blockArgs,
  isSame,
  toBlocked,
  toBlockedText,
} from "./admin-words.ts";
import { type Output, consoleOutput } from "./output.ts";
import { toSafeLine } from "./safe-text.ts";

export const unblockCommand = defineCommand({
  meta: {
    name: "unblock",
    description:
      'Takes blocks back: the one of this ID, or those that were set by exactly these words. Example: mcp-gw unblock "payments/*" --client web-app',
  },
  args: {
    what: {
      type: "positional",
      description: "An id, or a pattern upstream/name",
      required: false,
    },
    ...blockArgs,
    all: { ...blockArgs.all, description: "The blocks of everything for everybody" },
    ...adminArgs,
    json: { type: "boolean", description: "Print { removed } with the ids", default: false },
  },
  run: async ({ args }) => unblock(args, await openRuntime(), consoleOutput),
});

export interface UnblockOptions extends Omit<BlockWords, "target">, AdminWhere {
  /** A target has a slash or a star, an id has neither. */
  readonly what?: string | undefined;
  readonly json: boolean;
}

/** The exit code: 0 good, 1 nothing to take back, 2 wrong usage. */
export async function unblock(
  options: UnblockOptions,
  runtime: AdminRuntime,
  output: Output,
): Promise<number> {
  const { what, json } = options;
  const isId = what !== undefined && /^[A-Za-z0-9_-]{1,64}$/.test(what);
  const wanted = toBlocked(
    { ...options, target: what },
    "ID, TARGET, --client NAME, --subject SUBJECT, or --all",
  );
  if ("fault" in wanted) return wrong(output, wanted.fault);
  const { target: _, ...others } = wanted;
  if (isId && Object.keys(others).length > 0) {
    return wrong(output, "An id stands alone, and a target has a slash: upstream/name");
  }
  return withAdmin(options, runtime, output, async (send) => {
    const ids = isId ? [what] : await idsOf(wanted, send);
    if ("fault" in ids) return ids;
    for (const id of ids) {
      const path = `/blocks/${encodeURIComponent(id)}`;
      const reply = await send({ method: "DELETE", path });
      if ("fault" in reply) return reply;
      if (!json) output.out(`Took back ${toSafeLine(id, 80)}`);
    }
    if (json) output.out(toLineText(JSON.stringify({ removed: ids })));
    return 0;
  });
}

async function idsOf(wanted: Blocked, send: SendAdmin): Promise<readonly string[] | AdminFault> {
  const listed = await listBlocks(send);
  if ("fault" in listed) return listed;
  const found = listed.filter((each) => isSame(each, wanted));
  if (found.length > 0) return found.map(({ id }) => id);
  if (listed.length === 0) return { fault: "Nothing is blocked", code: 1 };
  const count = listed.length === 1 ? "the one there is" : `all ${listed.length}`;
  const what = toSafeLine(toBlockedText(wanted), 400);
  return { fault: `There is no block of ${what} alone (mcp-gw blocks shows ${count})`, code: 1 };
}

function wrong({ err }: Output, text: string): 2 {
  err(text);
  return 2;
}
