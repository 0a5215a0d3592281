/** `mcp-gw approvals`: the calls that wait for an operator, and the word on them. */
import { defineCommand } from "citty";
import { toLineText } from "../audit/index.ts";
import { items, member, stringOf, textOf } from "../mcp/index.ts";
import { openRuntime } from "../runtime/index.ts";
import { notAnApproval, parseApproval, toTarget } from "./admin-approvals.ts";
import { type AdminRuntime, type AdminWhere, adminArgs, withAdmin } from "./admin-way.ts";
import { type Output, consoleOutput } from "./output.ts";
import { toSafeLine } from "./safe-text.ts";
import { toTable } from "./table.ts";

const maxText = 80;
/** More than the gateway gives of a name and arguments together, so that nothing more is cut. */
const maxSent = 6_000;
const ids = /^[A-Za-z0-9_-]{1,64}$/;
const json = { type: "boolean", description: "Print the data", default: false } as const;
const id = { type: "positional", description: "As approvals ls shows it", required: true } as const;
const why = { type: "string", description: "For the record", valueHint: "TEXT" } as const;

const lsCommand = defineCommand({
  meta: {
    name: "ls",
    description:
      "What waits, for whom, and what it would send. Example: mcp-gw approvals ls --json",
  },
  args: { ...adminArgs, json },
  run: async ({ args }) => listApprovals(args, await openRuntime(), consoleOutput),
});
const approveCommand = defineCommand({
  meta: {
    name: "approve",
    description:
      "Lets the call pass once, exactly as it was shown. Example: mcp-gw approvals approve 4f1c0a9be2d37785",
  },
  args: { id, why, ...adminArgs, json },
  run: async ({ args }) =>
    decide({ ...args, decision: "approve" }, await openRuntime(), consoleOutput),
});
const denyCommand = defineCommand({
  meta: {
    name: "deny",
    description:
      'Refuses the call. Example: mcp-gw approvals deny 4f1c0a9be2d37785 --why "Not this account"',
  },
  args: { id, why, ...adminArgs, json },
  run: async ({ args }) =>
    decide({ ...args, decision: "deny" }, await openRuntime(), consoleOutput),
});
export const approvalsCommand = defineCommand({
  meta: {
    name: "approvals",
    description: "Calls that wait for an operator. Example: mcp-gw approvals ls",
  },
  subCommands: { ls: lsCommand, approve: approveCommand, deny: denyCommand },
});

export interface ListOptions extends AdminWhere {
  readonly json: boolean;
}
export interface DecideOptions extends ListOptions {
  readonly decision: "approve" | "deny";
  readonly id: string;
  readonly why?: string | undefined;
}

/** The exit code: 0 good, 1 no answer, 2 wrong usage. */
export async function listApprovals(
  options: ListOptions,
  runtime: AdminRuntime,
  output: Output,
): Promise<number> {
  return withAdmin(options, runtime, output, async (send) => {
    const reply = await send({ method: "GET", path: "/approvals" });
    if ("fault" in reply) return reply;
    const listed = member(reply.body, "approvals");
    const parsed = items(listed).map(parseApproval);
    const known = parsed.filter((each) => each !== undefined);
    if (listed === undefined || known.length < parsed.length) return notAnApproval;
    if (options.json) output.out(toLineText(textOf(listed)));
    else if (known.length === 0) output.out("Nothing waits for an operator");
    else {
      const rows = known.map((each) => [
        toSafeLine(each.id, maxText),
        toSafeLine(each.state, maxText),
        toSafeLine(each.who, maxText),
        toSafeLine(toTarget(each), maxText),
        new Date(each.until).toISOString(),
      ]);
      output.out(toTable(["id", "state", "who", "what", "until"], rows));
      // Whoever decides has to see what would be sent.
      for (const each of known.filter(({ state }) => state === "waiting")) {
        const more = each.more === undefined ? "" : `, and with them ${each.more}`;
        const what = `${toTarget(each)} ${each.args}${more}`;
        output.out(`${toSafeLine(each.id, maxText)} sends ${toSafeLine(what, maxSent)}`);
      }
    }
    return 0;
  });
}

/** The exit code: 0 good, 1 not done, 2 wrong usage. */
export async function decide(
  options: DecideOptions,
  runtime: AdminRuntime,
  output: Output,
): Promise<number> {
  const { decision, id: named } = options;
  if (!ids.test(named)) {
    output.err("ID must be as `mcp-gw approvals ls` shows it");
    return 2;
  }
  return withAdmin(options, runtime, output, async (send) => {
    const body = { decision, ...(options.why === undefined ? {} : { why: options.why }) };
    const reply = await send({ method: "POST", path: `/approvals/${named}`, body });
    if ("fault" in reply) return reply;
    const decided = parseApproval(reply.body);
    if (decided === undefined || reply.body === undefined) return notAnApproval;
    if (options.json) output.out(toLineText(textOf(reply.body)));
    else {
      const done = decision === "approve" ? "Approved" : "Denied";
      const what = toSafeLine(`${toTarget(decided)} for ${decided.who}`, 400);
      const end = new Date(decided.until).toISOString();
      output.out(`${done} ${what}, until ${end}`);
    }
    return stringOf(member(reply.body, "state")) === undefined ? 1 : 0;
  });
}
