/** What a subscription says: `subscriptions/listen` of the modern era. */
import type { AnswerMessage, SubscriptionTarget } from "../core/index.ts";
import {
  type JsonObject,
  type NotificationMessage,
  isObject,
  member,
  metaKeys,
  reread,
  setMembers,
  splice,
  spliced,
} from "../mcp/index.ts";

export const empty = reread("{}") as JsonObject;

/** The first word of a subscription: what of it is agreed to. */
export function toAcknowledgement(target: SubscriptionTarget, id: string): NotificationMessage {
  const lists = [...target.lists].map((list) => `"${list}ListChanged":true`);
  const shown = target.resources.map((each) => each.shown);
  const resources = shown.length === 0 ? [] : [`"resourceSubscriptions":${JSON.stringify(shown)}`];
  const params = reread(`{"notifications":{${[...lists, ...resources].join(",")}}}`) as JsonObject;
  const method = "notifications/subscriptions/acknowledged";
  return { kind: "notification", method, params: withId(params, id) };
}

export function toEnd(id: string): AnswerMessage {
  const result = reread('{"resultType":"complete"}') as JsonObject;
  return { kind: "result", result: withId(result, id) };
}

/** The id of the request that opened the stream stands in everything that comes on it. */
export function withId(json: JsonObject, id: string): JsonObject {
  const meta = member(json, "_meta");
  const text = isObject(meta)
    ? splice(meta, setMembers(meta, { [metaKeys.subscriptionId]: id }))
    : `{"${metaKeys.subscriptionId}":${id}}`;
  return spliced(json, setMembers(json, { _meta: text })) as JsonObject;
}
