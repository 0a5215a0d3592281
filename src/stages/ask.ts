/** Questions to clients in the middle of a call, and their answers. */
import {
  type Metered,
  type Question,
  type Verdict,
  answer,
  createCanceller,
  deny,
  isLast,
  streamOf,
} from "../core/index.ts";
import {
  type ErrorMessage,
  type IdText,
  type JsonObject,
  type ResultMessage,
  inputKindOf,
  isObject,
  member,
  setMembers,
  spliced,
  stringOf,
  textOf,
} from "../mcp/index.ts";
import type { Sessions } from "../sessions/index.ts";
import type { Upstream, UpstreamRequest } from "../upstreams/index.ts";

export function asksForInput(result: JsonObject): boolean {
  return stringOf(member(result, "resultType")) === "input_required";
}

/** Hands a legacy client's response to the call that waits for it. */
export async function answerQuestion(
  { input }: Metered,
  sessions: Sessions,
): Promise<Verdict<never>> {
  const { session } = input.caller;
  const isAsked =
    input.kind === "response" &&
    session !== undefined &&
    (await sessions.questions.settle(session, input.id, input.answer));
  return isAsked
    ? answer(streamOf())
    : deny("MESSAGE_MALFORMED", "The message answers nothing that was asked");
}

/** One thing that a result of the modern shape asks for. */
export interface InputRequest {
  readonly key: string;
  readonly method: string;
  readonly params: JsonObject | undefined;
}

export function toInputRequests(result: JsonObject): readonly InputRequest[] {
  const requests = member(result, "inputRequests");
  if (!isObject(requests)) return [];
  return requests.node.members.flatMap(({ key, value }): InputRequest[] => {
    const request = { source: requests.source, node: value };
    const method = stringOf(member(request, "method"));
    const params = member(request, "params");
    if (method === undefined) return [];
    return [{ key, method, params: isObject(params) ? params : undefined }];
  });
}

/** As a legacy client of this revision knows it: forms had no `mode` before 2025-11-25. */
export function toQuestion(request: InputRequest, id: IdText, revision: string): Question {
  const { method, params } = request;
  const isOld = revision < "2025-11-25" && inputKindOf(method, params) === "elicitation:form";
  const known =
    isOld && params
      ? (spliced(params, setMembers(params, { mode: undefined })) as JsonObject)
      : params;
  return { kind: "request", id, method, params: known };
}

/** What a client answered to what it was asked, by the key of the question. */
export type InputAnswers = ReadonlyMap<string, ResultMessage | ErrorMessage>;

/** The parameters of the next round. */
export function toNextParams(
  params: JsonObject | undefined,
  asked: JsonObject,
  answers: InputAnswers,
): JsonObject | undefined {
  if (params === undefined) return undefined;
  const texts = [...answers].flatMap(([key, each]) =>
    each.kind === "result" ? [`${JSON.stringify(key)}:${textOf(each.result)}`] : [],
  );
  const state = member(asked, "requestState");
  const changes = {
    inputResponses: texts.length === 0 ? undefined : `{${texts.join(",")}}`,
    requestState: state && textOf(state),
  };
  return spliced(params, setMembers(params, changes)) as JsonObject;
}

const unanswered: ErrorMessage = {
  kind: "error",
  code: -32603,
  message: "No answer came",
  data: undefined,
};

/**
 * A legacy server's call waits for its answers, and for as long as people may take: it is told that
 * none comes, and cancelled. A modern server keeps nothing open, and hears nothing: whoever sends a
 * round has gone before it begins.
 */
export async function leaveUnanswered(
  { send }: Pick<Upstream, "send">,
  request: UpstreamRequest,
  asked: JsonObject,
): Promise<void> {
  const { signal, abort } = createCanceller();
  abort();
  const refused = new Map(toInputRequests(asked).map(({ key }) => [key, unanswered] as const));
  const params = toNextParams(request.params, asked, refused);
  for await (const message of send({ ...request, params, refused }, signal)) {
    if (isLast(message)) return;
  }
}
