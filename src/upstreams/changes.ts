/** What an upstream says has changed, as the rest of the house is told. */
import type { Cancellation, Clock } from "../core/index.ts";
import { type NotificationMessage, member, reread, stringOf } from "../mcp/index.ts";
import type { JsonObject } from "../mcp/index.ts";
import type { Closing } from "./closing.ts";
import type { UpstreamChange } from "./face.ts";
import type { ListenWish } from "./link.ts";
import { changedList } from "./wire.ts";

/** Undefined for what nobody wished for: a server may say more than it was asked. */
export function toChange(
  event: NotificationMessage,
  wish: ListenWish,
): Exclude<UpstreamChange, { readonly kind: "way" }> | undefined {
  const list = changedList(event);
  if (list !== undefined) return wish.lists.has(list) ? { kind: "list", list } : undefined;
  const { method, params } = event;
  if (method !== "notifications/resources/updated" || params === undefined) return undefined;
  const uri = stringOf(member(params, "uri"));
  // A server may tell of a part of what is followed (2025-11-25, resources, subscriptions).
  return uri !== undefined && wish.uris.some((each) => isPartOf(uri, each))
    ? { kind: "resource", uri, params }
    : undefined;
}

/** A path below is a part. */
export function isPartOf(uri: string, whole: string): boolean {
  return uri === whole || uri.startsWith(whole.endsWith("/") ? whole : `${whole}/`);
}

/** Nobody knows what was missed. */
export function everything(wish: ListenWish): readonly UpstreamChange[] {
  return [
    ...[...wish.lists].map((list) => ({ kind: "list", list }) as const),
    ...wish.uris.map((uri) => {
      const params = reread(JSON.stringify({ uri })) as JsonObject;
      return { kind: "resource", uri, params } as const;
    }),
  ];
}

/** Waits so long, or until nobody listens any more. */
export async function pause(
  clock: Clock,
  ms: number,
  signal: Cancellation,
  closing: Closing,
): Promise<void> {
  if (signal.aborted) return;
  let unlisten = (): void => undefined;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.after(ms, end);
    signal.addEventListener("abort", end, { once: true });
    unlisten = closing.onClose(end);
  });
  unlisten();
}
