/** The next round of a call: its state is opened, and the upstream's own put in its place. */
import {
  type ClientIdentity,
  type Deny,
  type McpRequest,
  type OneTarget,
  deny,
} from "../core/index.ts";
import { type JsonObject, member, setMembers, spliced, stringOf } from "../mcp/index.ts";
import type { Approvals } from "../approvals/index.ts";
import type { Policy } from "../policy/index.ts";
import { toResumed } from "./approval-question.ts";
import type { States } from "./state.ts";

const foreignState = deny(
  "STATE_INVALID",
  "The requestState was not given for this request, or is too old",
);

export interface RoundPorts {
  readonly policy: Pick<Policy, "grants">;
  readonly states: States;
  /** The gateway's own questions. */
  readonly tickets: Pick<Approvals["tickets"], "open">;
}

type ToRound = (
  client: ClientIdentity,
  request: McpRequest,
  target: OneTarget,
) => Promise<OneTarget | Deny>;

export function createRounds({ policy, states, tickets }: RoundPorts): ToRound {
  return async (client, { method, params }, target) => {
    const state = stringOf(member(params, "requestState"));
    if (state === undefined)
      return refuseUnasked(policy, client, target.upstream, params) ?? target;
    const round = { client, method, target };
    const ticket = await tickets.open(state);
    if (ticket !== undefined && params !== undefined) {
      return ticket.binding === states.bindingOf(round)
        ? toResumed(target, ticket, params)
        : foreignState;
    }
    const opened = await states.open(round, state);
    if (opened === undefined) return foreignState;
    const requestState = opened.own === undefined ? undefined : JSON.stringify(opened.own);
    const own = spliced(target.params, setMembers(target.params, { requestState }));
    const { word } = opened;
    return { ...target, params: own as JsonObject, ...(word && { word }) };
  };
}

/** A server may read answers that it needs no state for; one that may not ask gets none. */
export function refuseUnasked(
  policy: Pick<Policy, "grants">,
  { name }: ClientIdentity,
  upstream: string,
  params: JsonObject | undefined,
): Deny | undefined {
  return policy.grants(name, upstream).size === 0 && member(params, "inputResponses") !== undefined
    ? deny("PARAMS_INVALID", "The request answers input that nobody asked for")
    : undefined;
}
