/** What waits for an operator, and what they say of it. */
import {
  type ApprovalOutcome,
  type ApprovalWord,
  type Deny,
  type Operations,
  type PendingApproval,
  deny,
} from "../core/index.ts";
import { type JsonObject, member, stringOf } from "../mcp/index.ts";
import type { AdminEndpoint, Done } from "./admin-endpoint.ts";

type Approvals = Pick<Operations, "approvals">;

/** What waits holds arguments of calls, so that to look takes the right to decide. */
export function listApprovals({ approvals }: Approvals): AdminEndpoint {
  const run = async (): Promise<Done> => ({
    status: 200,
    body: { approvals: await approvals.list() },
  });
  return { name: "approvals.list", right: "approve", plan: () => ({ run }) };
}

export function decideApproval({ approvals }: Approvals, id: string): AdminEndpoint {
  return {
    name: "approvals.decide",
    right: "approve",
    plan: ({ body, operator }) => {
      const wish = parseWish(body);
      if ("verdict" in wish) return wish;
      const { decision, why } = wish;
      const target = `${decision} ${id}`;
      return {
        target,
        run: async () =>
          toDone(
            await approvals.decide(id, { decision, by: operator.name, is: operator.is }),
            target,
            why,
          ),
      };
    },
  };
}

function toDone(outcome: ApprovalOutcome, target: string, why: string | undefined): Done | Deny {
  switch (outcome) {
    case "unknown":
      return deny("APPROVAL_UNKNOWN", "No call waits under this id; it may have expired");
    case "decided":
      return deny("APPROVAL_DECIDED", "Somebody has decided it already");
    case "own":
      return deny("RIGHT_MISSING", "Nobody approves their own call");
    default:
      return {
        status: 200,
        body: outcome,
        target: `${target}: ${describe(outcome)}`,
        ...(why === undefined ? {} : { why }),
      };
  }
}

function describe({ client, upstream, name }: PendingApproval): string {
  return `client ${JSON.stringify(client)}, target ${JSON.stringify(`${upstream}/${name}`)}`;
}

interface Wish extends Pick<ApprovalWord, "decision"> {
  readonly why: string | undefined;
}

const members: ReadonlySet<string> = new Set(["decision", "why"]);
const maxWhy = 1_000;

/** `{ decision: "approve" | "deny", why? }`; a member that is not known is refused. */
function parseWish(body: JsonObject | undefined): Wish | Deny {
  if (body === undefined) return invalid("The body is empty");
  if (body.node.members.some(({ key }) => !members.has(key))) {
    return invalid("The body has a member that is not known");
  }
  const decision = stringOf(member(body, "decision"));
  if (decision !== "approve" && decision !== "deny") {
    return invalid('"decision" must be "approve" or "deny"');
  }
  const given = member(body, "why");
  const why = stringOf(given);
  if (given !== undefined && why === undefined) return invalid('"why" must be a text');
  if (why !== undefined && why.length > maxWhy) {
    return invalid(`"why" must be at most ${maxWhy} characters`);
  }
  return { decision, why };
}

function invalid(why: string): Deny {
  return deny("BODY_INVALID", why);
}
