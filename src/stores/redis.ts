/** A store and a bus on one Redis: a connection for commands, one that listens. */
import type { Redis } from "ioredis";
import type { Log } from "../core/index.ts";
import { createFallback } from "./fallback.ts";
import { createRedisBus, toChannel } from "./redis-bus.ts";
import { type StoreClock, createStoreClock } from "./redis-clock.ts";
import { type Greeting, dialRedis } from "./redis-dial.ts";
import { openLink } from "./redis-link.ts";
import { type Scripts, createScripts, takeScript } from "./redis-scripts.ts";
import { createRedisStore, toBucketKey } from "./redis-store.ts";
import { parseRedisUrl } from "./redis-url.ts";
import type { OpenStore, RedisSettings, StateChanged, StorePorts } from "./settings.ts";
import { createStateWatch } from "./state-watch.ts";

export async function openRedis(
  settings: RedisSettings,
  ports: StorePorts,
  changed: StateChanged,
): Promise<OpenStore> {
  const { clock, log } = ports;
  const { prefix, onLost, localShare, redis, ca, deadlineMs = 1000 } = settings;
  const target = parseRedisUrl(typeof redis === "string" ? redis : redis.reveal(), ca);
  const { shown, database } = target;
  const scripts = createScripts();
  const listener = createRedisBus(prefix, database, log);
  let forget = (): void => undefined;
  const storeClock = createStoreClock(ports);
  const watch = createStateWatch(ports, shown, changed);
  const open = (name: string, greeting: Greeting, returned: () => void) =>
    openLink(
      {
        dial: () => dialRedis(target, clock, deadlineMs, greeting),
        shown,
        deadlineMs,
        changed: (loss) => {
          if (loss === undefined) returned();
          watch.set(name, loss);
        },
      },
      ports,
    );
  const commands = await open(
    "commands",
    greetingOf(scripts, storeClock, prefix, database, log),
    () => forget(),
  );
  const listening = await open("bus", listener.greeting, listener.catchUp).catch(
    async (error: unknown) => {
      await commands.close();
      throw error;
    },
  );
  const shared = {
    store: createRedisStore(commands, scripts, prefix),
    bus: listener.start(commands, listening),
    isUp: commands.isUp,
  };
  const fallback = onLost === "local" ? createFallback(shared, localShare, ports) : undefined;
  forget = fallback?.returned ?? forget;
  const { store, bus } = fallback ?? shared;
  return {
    store,
    bus,
    state: watch.state,
    now: storeClock.now,
    close: async () => {
      listener.close();
      await Promise.all([commands.close(), listening.close()]);
    },
  };
}

/**
 * Proves that it can be written to, with two keys at once and on the bus: a replica, a full memory, a
 * cluster and a missing permission answer a ping as if all were well.
 */
function greetingOf(
  scripts: Scripts,
  storeClock: StoreClock,
  prefix: string,
  database: number,
  log: Log,
): Greeting {
  const keys = ["probe:1", "probe:2"].map((key) => toBucketKey(prefix, key));
  return [
    scripts.load,
    (redis) => scripts.run(redis, takeScript, keys, ["1", "1000", "1", "1000"]),
    (redis) => redis.publish(toChannel(prefix, database, ""), ""),
    (redis) => warnOfEviction(redis, log),
    storeClock.greet,
  ];
}

/** All keys of ours have an end, so that the volatile policies drop them as well. */
async function warnOfEviction(redis: Redis, log: Log): Promise<void> {
  // Who may not ask does not know; that is no reason to do without the store.
  const info = await redis.info("memory").catch(() => "");
  const policy = /^maxmemory_policy:([\w-]+)/m.exec(info)?.[1];
  if (policy === undefined || policy === "noeviction") return;
  log.warn(
    "The store drops keys when its memory is full: sessions would end, used marks be forgotten and " +
      'buckets be full again. Set its "maxmemory-policy" to "noeviction"',
    { policy },
  );
}
