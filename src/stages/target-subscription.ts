/** What a modern client wants to hear of (2026-07-28, subscriptions). */
import {
  type Deny,
  type FollowedResource,
  type McpRequest,
  type SubscriptionTarget,
  type Understood,
  deny,
} from "../core/index.ts";
import { isObject, items, member, stringOf } from "../mcp/index.ts";
import type { Naming } from "./target-named.ts";
import { refuseTasks } from "./target-task.ts";

export const allLists = new Set(["tools", "prompts", "resources"] as const);
const maxFollowed = 1_000;

type ToSubscription = (
  exchange: Understood,
  request: McpRequest,
  reachable: readonly string[],
) => Promise<SubscriptionTarget | Deny>;

export function createSubscriptionTargets({ settle }: Pick<Naming, "settle">): ToSubscription {
  return async (exchange, { params, caller }, reachable) => {
    const wanted = member(params, "notifications");
    if (!isObject(wanted)) return deny("PARAMS_INVALID", "params.notifications must be an object");
    const refused = member(wanted, "taskIds") === undefined ? undefined : refuseTasks(caller);
    if (refused !== undefined) return refused;
    const lists = [...allLists].filter(
      (list) => member(wanted, `${list}ListChanged`)?.node.type === "true",
    );
    const uris = items(member(wanted, "resourceSubscriptions"));
    if (uris.length > maxFollowed) {
      return deny(
        "PARAMS_INVALID",
        `At most ${maxFollowed} resources can be subscribed to at once`,
      );
    }
    const resources: FollowedResource[] = [];
    for (const uri of uris) {
      const shown = stringOf(uri);
      if (shown === undefined) {
        return deny("PARAMS_INVALID", "params.notifications.resourceSubscriptions must be strings");
      }
      const found = await settle(exchange, caller, "resource", shown, reachable);
      if (found !== undefined) resources.push({ upstream: found.upstream, uri: found.name, shown });
    }
    return { kind: "subscription", upstreams: reachable, lists: new Set(lists), resources };
  };
}
