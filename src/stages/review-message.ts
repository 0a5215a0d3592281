/** Which plugins are asked about one message of an answer, and what they see of it. */
import { type AnswerMessage, type Answered, type OneTarget, failure } from "../core/index.ts";
import {
  type JsonObject,
  contentTypes,
  isObject,
  member,
  reread,
  setMembers,
  spliced,
  stringOf,
  textOf,
} from "../mcp/index.ts";
import type { LoadedPlugin } from "../sandbox/index.ts";
import { type Place, errorPlace, paramsPlace, resultPlace } from "../sanitize/index.ts";
import { toInputRequests } from "./ask.ts";
import { hasExactNumbers } from "./exact-numbers.ts";
import { type Link, type Look, type Scene, inexact } from "./plugin-chain.ts";
import { closeCtx, methodOf, openCtx } from "./plugin-ctx.ts";
import { type TextSource, createTextScene } from "./plugin-text.ts";
import { createResultCheck, redactedFault } from "./review-result.ts";

export interface MessageQuestion {
  readonly links: readonly Link[];
  readonly scene: Scene<JsonObject>;
  readonly state: JsonObject;
  /** The message with what became of its part that was asked about. */
  readonly toMessage: (state: JsonObject) => AnswerMessage;
}
export interface MessageReview {
  /** Undefined where no plugin has anything to say of the message. */
  readonly toQuestion: (message: AnswerMessage) => MessageQuestion | undefined;
}

/** More than anybody is asked at once. */
const maxRequests = 64;

export function createMessageReview(
  exchange: Answered,
  target: OneTarget,
  plugins: readonly LoadedPlugin[],
): MessageReview {
  const { input, shaped, call } = exchange;
  const method = methodOf(input);
  const tool = target.what === "tool" ? { name: target.name, facts: shaped.tool } : undefined;
  const open = openCtx(exchange, { upstream: target.upstream, tool });
  const source = sourceOf(target);
  const texts = plugins.filter(({ hooks }) => hooks.has("onText"));
  const checkResult = createResultCheck(shaped.tool);

  return {
    toQuestion: (message) => {
      switch (message.kind) {
        case "notification": {
          const { params } = message;
          if (params === undefined) return undefined;
          const place = paramsPlace(message.method);
          return question(texts.map(toText), textScene(place, source), params, (state) => ({
            ...message,
            params: state,
          }));
        }
        case "error":
          return question(
            texts.map(toText),
            textScene(errorPlace, source),
            toErrorJson(message),
            (state) => ({
              kind: "error",
              code: message.code,
              message: stringOf(member(state, "message")) ?? "",
              data: member(state, "data"),
            }),
          );
        case "result":
          return isObject(member(message.result, "inputRequests"))
            ? askAboutRequests(message.result)
            : askAboutResult(message.result);
        default:
          return undefined;
      }
    },
  };

  function askAboutRequests(result: JsonObject): MessageQuestion | undefined {
    const requests = toInputRequests(result);
    const isTooMany = requests.length > maxRequests;
    const indexes = isTooMany ? [0] : requests.map((_, index) => index);
    // Attack: a task that asks for something beside its result, which then looks like no result.
    const at = method === "tasks/get" ? whereCallResult(method, result) : undefined;
    const links = plugins.flatMap((plugin): Link[] => [
      ...(plugin.hooks.has("onInputRequest") ? indexes : []).map((index): Link => ({
        plugin,
        hook: "onInputRequest",
        index,
      })),
      ...toResultLinks(plugin, at),
    ]);
    const text = textScene(resultPlace(method), at === undefined ? "input_request" : source);
    const look = (link: Link, state: JsonObject): Look | undefined => {
      if (link.hook === "onText") return text.look(link, state);
      if (link.hook === "onToolResult") return lookAtResult(at, state);
      if (isTooMany) {
        return {
          code: "input_too_large",
          why: `It is asked for ${requests.length} things at once`,
        };
      }
      const request = toInputRequests(state)[link.index ?? 0];
      if (request === undefined) return undefined;
      if (request.params !== undefined && !hasExactNumbers(request.params)) return inexact;
      const params = request.params === undefined ? "" : `,"params":${textOf(request.params)}`;
      return { payload: `{"method":${JSON.stringify(request.method)}${params}}` };
    };
    return question(links, { ...toResultScene(text, at), look }, result, toResult);
  }

  function askAboutResult(result: JsonObject): MessageQuestion | undefined {
    const at = whereCallResult(method, result);
    const links = plugins.flatMap((plugin) => toResultLinks(plugin, at));
    const text = textScene(resultPlace(method), source);
    const seesKeys = links.some(({ hook, plugin }) => hook === "onText" && plugin.seesKeys);
    const toMessage = (state: JsonObject): AnswerMessage => {
      const [after, before] = [at?.get(state), at?.get(result)];
      const fault = after && before && redactedFault(shaped.tool, after, before);
      return fault === undefined ? toResult(state) : failure("RESPONSE_WITHHELD", fault);
    };
    return question(links, toResultScene(text, at), result, seesKeys ? toMessage : toResult);
  }

  function toResultScene(text: Scene<JsonObject>, at: Part | undefined): Scene<JsonObject> {
    return {
      stage: text.stage,
      look: (link, state) =>
        link.hook === "onText" ? text.look(link, state) : lookAtResult(at, state),
      ctx: (hook) => {
        if (hook === "onText") return text.ctx(hook);
        if (hook !== "onToolResult") return closeCtx(open);
        return closeCtx(open, { call: call === undefined ? "{}" : textOf(call) });
      },
      change: (link, state, change) => {
        if (link.hook === "onText") return text.change(link, state, change);
        const own = at?.get(state);
        if (change.action !== "modify" || at === undefined || own === undefined) {
          return { fault: `${link.hook} may not ${change.action}` };
        }
        const checked = checkResult(change.json, own, contentTypes(own));
        return "fault" in checked ? checked : at.set(state, checked);
      },
    };
  }

  function lookAtResult(at: Part | undefined, state: JsonObject): Look | undefined {
    const own = at?.get(state);
    if (own === undefined) return undefined;
    const isExact = (call === undefined || hasExactNumbers(call)) && hasExactNumbers(own);
    return isExact ? { payload: textOf(own) } : inexact;
  }

  function textScene(place: Place, of: TextSource): Scene<JsonObject> {
    return createTextScene(open, of, (state) => [[state, place]]);
  }
}

function question(
  links: readonly Link[],
  scene: Scene<JsonObject>,
  state: JsonObject,
  toMessage: (state: JsonObject) => AnswerMessage,
): MessageQuestion | undefined {
  return links.length === 0 ? undefined : { links, scene, state, toMessage };
}

function toResultLinks(plugin: LoadedPlugin, at: Part | undefined): Link[] {
  return [
    ...(at !== undefined && plugin.hooks.has("onToolResult")
      ? [{ plugin, hook: "onToolResult" } as const]
      : []),
    ...(plugin.hooks.has("onText") ? [toText(plugin)] : []),
  ];
}

function toText(plugin: LoadedPlugin): Link {
  return { plugin, hook: "onText" };
}

function toResult(result: JsonObject): AnswerMessage {
  return { kind: "result", result };
}

function toErrorJson(message: AnswerMessage & { readonly kind: "error" }): JsonObject {
  const data = message.data === undefined ? "" : `,"data":${textOf(message.data)}`;
  return reread(`{"message":${JSON.stringify(message.message)}${data}}`) as JsonObject;
}

function sourceOf({ what }: OneTarget): TextSource {
  switch (what) {
    case "tool":
      return "tool_result";
    case "resource":
      return "resource";
    case "prompt":
      return "prompt";
  }
}

interface Part {
  readonly get: (state: JsonObject) => JsonObject | undefined;
  readonly set: (state: JsonObject, part: JsonObject) => JsonObject;
}

const whole: Part = { get: (state) => state, set: (_, part) => part };
/** What came of a call that became a task stands inside of the task. */
const inTask: Part = {
  get: (state) => {
    const result = member(state, "result");
    return isObject(result) ? result : undefined;
  },
  set: (state, part) => spliced(state, setMembers(state, { result: textOf(part) })) as JsonObject,
};

/** Undefined where the result is none of a tool: a task that the call became has none yet. */
function whereCallResult(method: string, result: JsonObject): Part | undefined {
  if (method === "tasks/get") return isObject(member(result, "result")) ? inTask : undefined;
  if (method !== "tools/call") return undefined;
  // Attack: a result that says that it is a task, which a client reads as a result all the same.
  const isTask = stringOf(member(result, "resultType")) === "task";
  return isTask && !contentKeys.some((key) => member(result, key)) ? undefined : whole;
}

const contentKeys = ["content", "structuredContent"];
