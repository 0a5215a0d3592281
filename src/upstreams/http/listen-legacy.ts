/** Listening to a legacy upstream: its session's own stream, and the resources it is told to watch. */
import { type Cancellation, type Failure, failure } from "../../core/index.ts";
import type { NotificationMessage } from "../../mcp/index.ts";
import type { Closing } from "../closing.ts";
import type { HttpSession } from "./session.ts";
import type { ListenWish } from "../link.ts";
import { orAborted } from "../watch.ts";

/** The changes end with `signal`, the session or the gateway. Rejects with `Aborted`. */
export async function listenLegacy(
  closing: Closing,
  session: HttpSession,
  wish: ListenWish,
  signal: Cancellation,
): Promise<AsyncIterable<NotificationMessage> | Failure> {
  const release = session.hold();
  const following = session.follows.follow(wish.uris);
  let unlisten = (): void => undefined;
  const listener = session.listeners.add(wish, () => {
    signal.removeEventListener("abort", listener.end);
    unlisten();
    following.leave();
    release();
  });
  signal.addEventListener("abort", listener.end, { once: true });
  unlisten = closing.onClose(listener.end);
  try {
    const ready = Promise.all([following.reached, session.prepare(undefined)]);
    const [reached] = await orAborted(ready, signal);
    if (session.isEnded() || closing.isClosed()) {
      listener.end();
      return failure("UPSTREAM_UNAVAILABLE", "The session was lost");
    }
    if (reached > 0 || wish.lists.size > 0) return listener.changes;
    listener.end();
    return failure("UPSTREAM_INVALID", "The upstream lets nobody follow these resources");
  } catch (error) {
    listener.end();
    throw error;
  }
}
