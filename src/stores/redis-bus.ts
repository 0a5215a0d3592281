/** Messages between instances, over publish and subscribe of Redis. */
import type { Redis } from "ioredis";
import { type Bus, type Log, StoreLost } from "../core/index.ts";
import { assertFits, isTooLarge } from "./bounds.ts";
import type { Greeting } from "./redis-dial.ts";
import type { Link } from "./redis-link.ts";
import { createSubscriptions } from "./subscriptions.ts";

export interface RedisBus {
  /** Makes a new connection listen to all that is listened to. */
  readonly greeting: Greeting;
  /** Call it when that connection is in use: to what was added while it was greeted. */
  readonly catchUp: () => void;
  /** `commands` publishes: a connection that listens may do nothing else. */
  readonly start: (commands: Link, listening: Link) => Bus;
  readonly close: () => void;
}

/**
 * Channels know no database, so its number is in their names. Each connection also listens to a
 * channel that says nothing: whether it may listen at all shows when it is greeted.
 */
export function createRedisBus(prefix: string, database: number, log: Log): RedisBus {
  let link: Link | undefined;
  /** Channels that the newest connection was greeted with. */
  let greeted: readonly string[] = [];
  const root = toChannel(prefix, database, "");
  const subscriptions = createSubscriptions(log, (channel) => {
    // Where that fails the connection ends, and the next one does not listen to it.
    link?.run((redis) => redis.unsubscribe(root + channel)).catch(() => undefined);
  });
  const greet = async (redis: Redis): Promise<void> => {
    redis.on("message", (channel: string, text: string) => {
      if (!channel.startsWith(root)) return;
      if (isTooLarge(text))
        log.warn("The bus brought a text that is too large, and it was dropped");
      else subscriptions.deliver(channel.slice(root.length), text);
    });
    greeted = subscriptions.channels();
    await redis.subscribe(root, ...greeted.map((channel) => root + channel));
  };
  return {
    greeting: [greet],
    catchUp: () => {
      const missing = subscriptions.channels().filter((channel) => !greeted.includes(channel));
      if (missing.length === 0) return;
      const channels = missing.map((channel) => root + channel);
      link?.run((redis) => redis.subscribe(...channels)).catch(() => undefined);
    },
    start: (commands, listening) => {
      link = listening;
      return {
        publish: async (channel, text) => {
          assertFits(text);
          await commands.run((redis) => redis.publish(root + channel, text));
        },
        subscribe: async (channel, act) => {
          const end = subscriptions.add(channel, act);
          try {
            await listening.run((redis) => redis.subscribe(root + channel));
          } catch (error) {
            // A connection that is dialled from here on listens by itself.
            if (error instanceof StoreLost) return end;
            end();
            throw error;
          }
          return end;
        },
      };
    },
    close: subscriptions.clear,
  };
}

/** The empty name is the channel that says nothing. */
export function toChannel(prefix: string, database: number, name: string): string {
  return `${prefix}bus${database}:${name}`;
}
