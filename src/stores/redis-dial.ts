/** One connection to Redis, without any second attempt: the link above it decides when to try again. */
import { Redis } from "ioredis";
import { type Clock, StoreLost } from "../core/index.ts";
import type { RedisTarget } from "./redis-url.ts";
import { toLoss } from "./redis-words.ts";

/** What a new connection has to do, one after the other. */
export type Greeting = readonly ((redis: Redis) => Promise<unknown>)[];

/**
 * Connects, proves who we are, and greets, each step within `deadlineMs`: a store may take as long to
 * be reached as it may take for a call. Rejects with a `StoreLost`. The library queues nothing, resends nothing and dials nothing again. It is not told the password and
 * the database: with a wrong database it would go on in the first one.
 */
export async function dialRedis(
  target: RedisTarget,
  clock: Clock,
  deadlineMs: number,
  greeting: Greeting,
): Promise<Redis> {
  const { host, port, ca, shown } = target;
  const isAddress = host.includes(":") || /^[\d.]+$/.test(host);
  const redis = new Redis({
    host,
    port,
    ...(target.tls && {
      tls: { ...(isAddress ? {} : { servername: host }), ...(ca === undefined ? {} : { ca }) },
    }),
    protocol: 2,
    lazyConnect: true,
    retryStrategy: null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: null,
    disableClientInfo: true,
    connectTimeout: deadlineMs,
  });
  let broken: unknown;
  // Without a listener the library prints; what matters comes as the end of the connection.
  redis.on("error", (error) => (broken ??= error));
  try {
    for (const step of [...introduction(target), ...greeting]) {
      await within(clock, deadlineMs, shown, step(redis));
    }
    return redis;
  } catch (error) {
    await hangUp(redis, clock);
    const isReply = error instanceof StoreLost || (error as Error).name === "ReplyError";
    const loss = toLoss(isReply ? error : (broken ?? error), shown);
    // What no row knows, said while greeting, is not usable either.
    throw (
      loss ?? new StoreLost("refused", `Cannot use the store at "${shown}": it refuses a command`)
    );
  }
}

function introduction({ username, password, database }: RedisTarget): Greeting {
  const user = username === undefined ? [] : [username];
  return [
    (redis) => redis.connect(),
    ...(password === undefined ? [] : [(redis: Redis) => redis.call("AUTH", ...user, password)]),
    // Also where it is the first one: it is what a server that wants a password refuses.
    (redis) => redis.select(database),
  ];
}

/** Settles when nothing is left of it. */
export async function hangUp(redis: Redis, clock: Clock): Promise<void> {
  if (redis.status === "end") return;
  await new Promise<void>((resolve) => {
    const late = clock.after(1000, resolve);
    redis.once("end", () => {
      late.cancel();
      resolve();
    });
    redis.disconnect();
    // A server that has stopped never closes its side.
    const { stream } = redis as { stream?: Redis["stream"] };
    stream?.destroy();
  });
}

/** Rejects with a `StoreLost` where `work` takes longer; what it does then is no longer heard. */
export async function within<T>(
  clock: Clock,
  deadlineMs: number,
  shown: string,
  work: Promise<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const late = clock.after(deadlineMs, () => {
      const why = `it did not answer within ${deadlineMs} ms`;
      reject(new StoreLost("timeout", `Cannot use the store at "${shown}": ${why}`));
    });
    work.then(resolve, reject).finally(late.cancel);
  });
}
