/** Every method this house knows: who may send it, in which era, and what it is about. */
import type { Era } from "./era.ts";

export type TargetKind = "tool" | "resource" | "prompt";
export type ListKind = "tools" | "resources" | "resourceTemplates" | "prompts";

export interface MethodRow {
  readonly eras: readonly Era[];
  readonly kind: "request" | "notification";
  /**
   * What the request does: lists, acts on one target of an upstream, completes, follows one
   * resource in its session, listens to changes, sees to a task that a call became, or asks the
   * gateway itself.
   */
  readonly does:
    | { readonly what: "list"; readonly list: ListKind }
    | { readonly what: "act"; readonly target: TargetKind; readonly named: "name" | "uri" }
    | { readonly what: "complete" }
    | { readonly what: "follow"; readonly starts: boolean }
    | { readonly what: "task" }
    | { readonly what: "listen" }
    | { readonly what: "gateway" };
  /** Whether the server may ask the client for input before it answers (2026-07-28, multi round-trip requests). */
  readonly asks?: true;
}

const both: readonly Era[] = ["modern", "legacy"];
const legacy: readonly Era[] = ["legacy"];
const modern: readonly Era[] = ["modern"];
const request = "request";
const gateway = { what: "gateway" } as const;
const task = { what: "task" } as const;

/** Closed: a method that has no row is `METHOD_UNKNOWN`. */
export const methods: ReadonlyMap<string, MethodRow> = new Map<string, MethodRow>([
  ["server/discover", { eras: modern, kind: request, does: gateway }],
  ["initialize", { eras: legacy, kind: request, does: gateway }],
  ["ping", { eras: legacy, kind: request, does: gateway }],
  ["tools/list", { eras: both, kind: request, does: { what: "list", list: "tools" } }],
  ["resources/list", { eras: both, kind: request, does: { what: "list", list: "resources" } }],
  [
    "resources/templates/list",
    { eras: both, kind: request, does: { what: "list", list: "resourceTemplates" } },
  ],
  ["prompts/list", { eras: both, kind: request, does: { what: "list", list: "prompts" } }],
  [
    "tools/call",
    { eras: both, kind: request, does: { what: "act", target: "tool", named: "name" }, asks: true },
  ],
  [
    "resources/read",
    {
      eras: both,
      kind: request,
      does: { what: "act", target: "resource", named: "uri" },
      asks: true,
    },
  ],
  [
    "prompts/get",
    {
      eras: both,
      kind: request,
      does: { what: "act", target: "prompt", named: "name" },
      asks: true,
    },
  ],
  ["completion/complete", { eras: both, kind: request, does: { what: "complete" } }],
  ["tasks/get", { eras: modern, kind: request, does: task }],
  ["tasks/update", { eras: modern, kind: request, does: task }],
  ["tasks/cancel", { eras: modern, kind: request, does: task }],
  ["subscriptions/listen", { eras: modern, kind: request, does: { what: "listen" } }],
  ["resources/subscribe", { eras: legacy, kind: request, does: { what: "follow", starts: true } }],
  [
    "resources/unsubscribe",
    { eras: legacy, kind: request, does: { what: "follow", starts: false } },
  ],
  ["logging/setLevel", { eras: legacy, kind: request, does: gateway }],
  ["notifications/initialized", { eras: legacy, kind: "notification", does: gateway }],
  ["notifications/cancelled", { eras: legacy, kind: "notification", does: gateway }],
  ["notifications/progress", { eras: legacy, kind: "notification", does: gateway }],
  ["notifications/roots/list_changed", { eras: legacy, kind: "notification", does: gateway }],
]);

/** Members of `params` that a method is decided on; a key that folds to one of them is a fault. */
export const decisiveParams: ReadonlySet<string> = new Set([
  "name",
  "uri",
  "type",
  "value",
  "arguments",
  "ref",
  "argument",
  "cursor",
  "_meta",
  "inputResponses",
  "requestState",
  "taskId",
  "notifications",
]);
