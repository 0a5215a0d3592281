/** What an upstream asks of the client in the middle of a call, let through only where it is granted. */
import { type Failure, failure } from "../core/index.ts";
import {
  type ErrorMessage,
  type InputKind,
  type Json,
  type JsonObject,
  type ResultMessage,
  at,
  declaresExtension,
  declaresInput,
  foldCase,
  inputKindOf,
  inputKinds,
  isObject,
  items,
  member,
  stringOf,
  tasksExtension,
  textOf,
} from "../mcp/index.ts";
import type { UpstreamRequest } from "./face.ts";
import { quote } from "./foreign.ts";
import type { LinkQuestion } from "./link.ts";
import { asObject } from "./wire.ts";

/** What the policy grants and the client declares. */
export type Askable = ReadonlySet<InputKind>;

/** More in one round is no dialogue. */
const MAX_REQUESTS = 16;
const MAX_STATE_LENGTH = 65_536;
/** What decides whether, and for what, a client is asked. */
const decisive: ReadonlySet<string> = new Set([
  "resultType",
  "inputRequests",
  "requestState",
  "method",
  "params",
  "mode",
  "url",
]);
const folded: ReadonlySet<string> = new Set([...decisive].map(foldCase));

export function toAskable(
  granted: ReadonlySet<InputKind>,
  capabilities: JsonObject | undefined,
): Askable {
  if (granted.size === 0) return granted;
  return new Set(inputKinds.filter((k) => granted.has(k) && declaresInput(capabilities, k)));
}

/** Why the client must not be asked that; undefined where it may be. */
export function askFault(method: string, params: Json | undefined, askable: Askable) {
  const kind = inputKindOf(method, params);
  if (isDisguised(params)) return "The question is put in the wrong case";
  if (kind === undefined) return `"${quote(method, 80)}" is nothing a client can be asked`;
  if (!askable.has(kind)) return `The client is not to be asked for ${kind}`;
  // A page that the client opens for its user: nothing but https says whose page it is.
  const isPage = kind === "elicitation:url";
  if (isPage && !isHttps(stringOf(member(params, "url")))) return "The page to open is not https";
  return undefined;
}

/** The questions of a legacy server as the result that a modern one would have given. */
export function toInputRequired(
  questions: ReadonlyMap<string, LinkQuestion>,
  state: string,
): ResultMessage {
  const texts = [...questions].map(
    ([
      key,
      {
        request: { method, params },
      },
    ]) => {
      const given = params ? `,"params":${textOf(params)}` : "";
      return `"${key}":{"method":${JSON.stringify(method)}${given}}`;
    },
  );
  const requests = `{${texts.join(",")}}`;
  return inputRequired(`"inputRequests":${requests},"requestState":${JSON.stringify(state)}`);
}

/** What the client answered to the question of this key; undefined where it did not answer it. */
export function toAnswer(
  { params, refused }: Pick<UpstreamRequest, "params" | "refused">,
  key: string,
): ResultMessage | ErrorMessage | undefined {
  const error = refused?.get(key);
  if (error !== undefined) return error;
  const result = at(params, "inputResponses", key);
  return isObject(result) ? { kind: "result", result } : undefined;
}

/** The end of a modern upstream's answer, with what it asks; a failure where it may not. */
export function screenResult(
  last: ResultMessage,
  askable: Askable,
  { method, asks, caller }: Pick<UpstreamRequest, "method" | "asks" | "caller">,
): ResultMessage | Failure {
  const type = member(last.result, "resultType");
  const name = stringOf(type);
  const requests = member(last.result, "inputRequests");
  if (isDisguised(last.result)) return failure("INPUT_DENIED", "A result asks in the wrong case");
  if (name !== "input_required" && requests !== undefined) {
    // A task says what it waits for whenever it is asked how it is.
    const fault =
      method === "tasks/get"
        ? requestsFault(requests, askable)
        : "A complete result asks for input";
    return fault === undefined ? last : failure("INPUT_DENIED", fault);
  }
  if (type === undefined || name === "complete") return last;
  if (name === "task" && method === "tools/call") {
    return declaresExtension(caller.capabilities, tasksExtension) && caller.era === "modern"
      ? last
      : failure("UPSTREAM_INVALID", "The call became a task, which the client does not know");
  }
  if (name !== "input_required") {
    const shown = quote(name ?? textOf(type), 80);
    return failure("UPSTREAM_INVALID", `The result is of the unknown type "${shown}"`);
  }
  const fault = asks ? requestsFault(requests, askable) : "This method cannot ask for input";
  if (fault !== undefined) return failure("INPUT_DENIED", fault);
  const state = member(last.result, "requestState");
  if (state !== undefined && stringOf(state) === undefined) {
    return failure("UPSTREAM_INVALID", "The requestState is no string");
  }
  if (state !== undefined && textOf(state).length > MAX_STATE_LENGTH) {
    return failure("UPSTREAM_INVALID", `The requestState exceeds ${MAX_STATE_LENGTH} characters`);
  }
  if (state === undefined && requests === undefined) {
    return failure(
      "UPSTREAM_INVALID",
      "Input is required, and neither asked for nor to be retried",
    );
  }
  return last;
}

function requestsFault(requests: Json | undefined, askable: Askable): string | undefined {
  if (requests === undefined) return undefined;
  if (!isObject(requests)) return "The inputRequests are no object";
  const { members } = requests.node;
  if (members.length === 0 || members.length > MAX_REQUESTS) {
    return `Between one and ${MAX_REQUESTS} things can be asked for at once`;
  }
  for (const { value } of members) {
    const request = { source: requests.source, node: value };
    const method = stringOf(member(request, "method"));
    if (method === undefined) return "An input request has no method";
    if (isDisguised(request)) return "An input request is put in the wrong case";
    const fault = askFault(method, member(request, "params"), askable);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/**
 * A legacy server's error that pages have to be visited first (-32042; 2025-11-25, elicitation), as
 * the question that a modern one would have asked. The call is tried again behind it.
 */
export function toPagesRequired(error: ErrorMessage, askable: Askable): ResultMessage | Failure {
  const pages = items(member(error.data, "elicitations"));
  const requests = pages.slice(0, MAX_REQUESTS).filter(isObject);
  const fault =
    requests.length === 0
      ? "The upstream names no page to visit"
      : requests
          .map((page) => askFault("elicitation/create", page, askable))
          .find((each) => each !== undefined);
  if (fault !== undefined) return failure("INPUT_DENIED", fault);
  const texts = requests.map(
    (page, index) => `"page-${index + 1}":{"method":"elicitation/create","params":${textOf(page)}}`,
  );
  return inputRequired(`"inputRequests":{${texts.join(",")}}`);
}

/** Whether all that a modern upstream says it needs (-32021) could be granted, were it declared. */
export function couldDeclare(error: ErrorMessage, granted: ReadonlySet<InputKind>): boolean {
  const required = member(error.data, "requiredCapabilities");
  if (!isObject(required) || required.node.members.length === 0) return false;
  return required.node.members.every(({ key }) =>
    inputKinds.some((kind) => granted.has(kind) && kind.split(":")[0] === key),
  );
}

/** A client that folds case (CVE-2026-27896) would be asked by a key that nobody here has looked at. */
function isDisguised(json: Json | undefined): boolean {
  if (!isObject(json)) return false;
  return json.node.members.some(({ key }) => !decisive.has(key) && folded.has(foldCase(key)));
}

function inputRequired(members: string): ResultMessage {
  return { kind: "result", result: asObject(`{"resultType":"input_required",${members}}`) };
}

function isHttps(url: string | undefined): boolean {
  return url !== undefined && URL.canParse(url) && new URL(url).protocol === "https:";
}
