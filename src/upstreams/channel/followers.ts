/** Those who listen to what a server says of itself on a channel. */
import type { Cancellation } from "../../core/index.ts";
import type { NotificationMessage } from "../../mcp/index.ts";
import { createInbox } from "./inbox.ts";

/** Characters of changes that may wait for one listener. */
export const MAX_CHANGES = 1_048_576;

export interface Follower {
  /** Undefined where the channel is over, `signal` has fired, or too much waited. */
  readonly take: (signal: Cancellation) => Promise<NotificationMessage | undefined>;
  readonly close: () => void;
}

export interface Followers {
  readonly follow: (wants: (message: NotificationMessage) => boolean) => Follower;
  readonly tell: (message: NotificationMessage) => void;
  /** Nothing more will be told. */
  readonly end: () => void;
}

export function createFollowers(): Followers {
  const followers = new Set<(message: NotificationMessage | undefined) => void>();
  let isOver = false;
  return {
    follow: (wants) => {
      const inbox = createInbox<NotificationMessage | undefined>();
      const tell = (message: NotificationMessage | undefined): void => {
        if (message !== undefined && !wants(message)) return;
        const text = message?.params?.source ?? "";
        if (message === undefined || inbox.size() + text.length > MAX_CHANGES) {
          followers.delete(tell);
          inbox.put(undefined);
        } else {
          inbox.put(message, text.length, `${message.method} ${text}`);
        }
      };
      if (isOver) tell(undefined);
      else followers.add(tell);
      return { take: inbox.take, close: () => followers.delete(tell) };
    },
    tell: (message) => {
      for (const tell of followers) tell(message);
    },
    end: () => {
      isOver = true;
      for (const tell of followers) tell(undefined);
    },
  };
}
