/** `subscriptions/listen` (2026-07-28, subscriptions) as it goes up, and what comes back under its id. */
import {
  type JsonObject,
  type NotificationMessage,
  at,
  isObject,
  items,
  member,
  metaKeys,
  setMembers,
  spliced,
  textOf,
} from "../../mcp/index.ts";
import type { ListChange, ListenWish } from "../link.ts";
import { asObject } from "../wire.ts";

const filters: readonly (readonly [ListChange, string])[] = [
  ["tools", "toolsListChanged"],
  ["prompts", "promptsListChanged"],
  ["resources", "resourcesListChanged"],
];

export function toListenParams({ lists, uris }: ListenWish): JsonObject {
  const wanted = filters.filter(([list]) => lists.has(list)).map(([, name]) => `"${name}":true`);
  if (uris.length > 0) wanted.push(`"resourceSubscriptions":${JSON.stringify(uris)}`);
  return asObject(`{"notifications":{${wanted.join(",")}}}`);
}

/** Whether a message belongs to the subscription that was opened under this id. */
export function isOfSubscription({ params }: NotificationMessage, id: number): boolean {
  const subscription = at(params, "_meta", metaKeys.subscriptionId);
  return subscription !== undefined && textOf(subscription) === String(id);
}

/** Whether the upstream promises any of what was wished for; undefined where this is no promise. */
export function readAcknowledged({ method, params }: NotificationMessage): boolean | undefined {
  if (method !== "notifications/subscriptions/acknowledged") return undefined;
  const granted = member(params, "notifications");
  if (!isObject(granted)) return true;
  const hasList = filters.some(([, name]) => member(granted, name)?.node.type === "true");
  return hasList || items(member(granted, "resourceSubscriptions")).length > 0;
}

/** The message as if it came on a way of its own; a `_meta` that we emptied goes. */
export function withoutSubscriptionId(message: NotificationMessage): NotificationMessage {
  const { params } = message;
  const meta = member(params, "_meta");
  if (params === undefined || !isObject(meta)) return message;
  const key = metaKeys.subscriptionId;
  const isAlone = meta.node.members.every((each) => each.key === key);
  const edits = isAlone
    ? setMembers(params, { _meta: undefined })
    : setMembers(meta, { [key]: undefined });
  return { ...message, params: spliced(params, edits) as JsonObject };
}
