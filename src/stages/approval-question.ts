/** The gateway's own question to the person before a client, and what they answered. */
import {
  type AnswerMessage,
  type CarriedWord,
  type Judged,
  type OneTarget,
} from "../core/index.ts";
import { type Ticket, toWording } from "../approvals/index.ts";
import {
  type JsonObject,
  at,
  declaresInput,
  member,
  reread,
  setMembers,
  spliced,
  stringOf,
  textOf,
} from "../mcp/index.ts";
import { takesStream } from "./accept.ts";
import type { ShownCall } from "./approval-shown.ts";

/** The key of the question among all that one result asks. */
const approvalKey = "mcp-gw-approval";
/** The first revision that knows elicitation. */
const firstToElicit = "2025-06-18";

/** Whether the caller can put a question to a person: in the next round, or on the call's stream. */
export function canBeAsked({ input, headers }: Pick<Judged, "headers" | "input">): boolean {
  if (input.kind !== "request" || !input.asks) return false;
  const { era, revision, capabilities, session } = input.caller;
  if (!declaresInput(capabilities, "elicitation:form")) return false;
  if (era === "modern") return true;
  return session !== undefined && revision >= firstToElicit && takesStream(headers);
}

export interface QuestionWords {
  readonly target: OneTarget;
  readonly shown: ShownCall;
  readonly why: string | undefined;
  /** The sealed ticket. */
  readonly state: string;
}

/** A form without a field (2026-07-28, elicitation): its buttons say all there is to say. */
export function toQuestionResult({ target, shown, why, state }: QuestionWords): AnswerMessage {
  const { what: kind, upstream } = target;
  const params = {
    mode: "form",
    message: toWording({ kind, upstream, ...shown, why }),
    requestedSchema: { type: "object", properties: {} },
  };
  const result = {
    resultType: "input_required",
    inputRequests: { [approvalKey]: { method: "elicitation/create", params } },
    requestState: state,
  };
  return { kind: "result", result: reread(JSON.stringify(result)) as JsonObject };
}

/** The call as it was when it was asked about, with the round that the question came into. */
export function toResumed(target: OneTarget, ticket: Ticket, given: JsonObject): OneTarget {
  const { own, responses, id, call, config, until } = ticket;
  const params = spliced(
    target.params,
    setMembers(target.params, {
      requestState: own === undefined ? undefined : JSON.stringify(own),
      inputResponses: responses,
    }),
  ) as JsonObject;
  const action = toAction(given);
  return { ...target, params, word: { kind: "answer", id, call, config, until, action } };
}

/** The round that a question comes into, to be taken up behind it. */
export function toRest(params: JsonObject | undefined): Pick<Ticket, "own" | "responses"> {
  const responses = member(params, "inputResponses");
  return {
    own: stringOf(member(params, "requestState")),
    responses: responses && textOf(responses),
  };
}

function toAction(params: JsonObject): (CarriedWord & { kind: "answer" })["action"] {
  const action = stringOf(at(params, "inputResponses", approvalKey, "action"));
  return (["accept", "decline", "cancel"] as const).find((each) => each === action);
}
