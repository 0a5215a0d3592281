/** A connection that is always dialled again, and what is known of it meanwhile. */
import type { Redis } from "ioredis";
import { type Ports, StoreLost } from "../core/index.ts";
import { hangUp, within } from "./redis-dial.ts";
import { toFailure, toLoss } from "./redis-words.ts";

export type LinkPorts = Pick<Ports, "clock" | "crypto">;

export interface LinkSettings {
  /** Resolves to a connection that was greeted; rejects with a `StoreLost`. */
  readonly dial: () => Promise<Redis>;
  /** The URL without its password. */
  readonly shown: string;
  readonly deadlineMs: number;
  /** Hears of each loss, also of a dial that failed, and (undefined) of each return. */
  readonly changed: (loss: StoreLost | undefined) => void;
}

export interface Link {
  /**
   * Rejects with a `StoreLost` where the store is gone, does not answer within the deadline, or says
   * something that makes it useless; each of them ends the connection. Nothing waits for a new one.
   */
  readonly run: <T>(command: (redis: Redis) => Promise<T>) => Promise<T>;
  readonly isUp: () => boolean;
  readonly close: () => Promise<void>;
}

/** Of 40 instances that lost one store each is back within 2 s, and no two of them in step. */
const firstDelayMs = 50;
const lastDelayMs = 500;
/** A connection that held for so long begins anew with the first delay. */
const steadyMs = 5000;
/** Finds a connection that is dead without a word, which only who speaks would notice. */
const heartbeatMs = 1000;
/** Calls at once; more of them only wait behind one another until the deadline. */
const maxWaiting = 10_000;

/** Rejects with the first loss where waiting would not mend it; any other is tried again. */
export async function openLink(settings: LinkSettings, ports: LinkPorts): Promise<Link> {
  const { dial, shown, deadlineMs, changed } = settings;
  const { clock } = ports;
  const closed = new StoreLost("closed", `Cannot use the store at "${shown}": it was closed`);
  let redis: Redis | undefined;
  let lost: StoreLost = new StoreLost(
    "unreachable",
    `Cannot use the store at "${shown}": it was not reached yet`,
  );
  let isClosed = false;
  let failures = 0;
  let upAt = 0;
  let waiting = 0;
  let cancelTimer = (): void => undefined;
  /** What `close` waits for. */
  const ending = new Set<Promise<unknown>>();

  const finish = (work: Promise<unknown>): void => {
    ending.add(work);
    void work.finally(() => ending.delete(work));
  };
  const later = (ms: number, act: () => void): void => {
    cancelTimer = clock.after(ms, act).cancel;
  };
  const retry = (loss: StoreLost): void => {
    lost = loss;
    changed(loss);
    const ceilingMs = Math.min(lastDelayMs, firstDelayMs * 2 ** failures);
    failures = Math.min(failures + 1, 10);
    const random = (ports.crypto.randomBytes(1)[0] ?? 0) / 256;
    const again = async (): Promise<void> => {
      const next = await connect();
      if (next && !isClosed) retry(next);
    };
    later(ceilingMs * (0.5 + random / 2), () => finish(again()));
  };
  const lose = (connection: Redis, loss: StoreLost): void => {
    if (redis !== connection) return;
    redis = undefined;
    cancelTimer();
    finish(hangUp(connection, clock));
    if (isClosed) return;
    if (clock.elapsed() - upAt > steadyMs) failures = 0;
    retry(loss);
  };
  const run: Link["run"] = async (command) => {
    if (isClosed) throw closed;
    const connection = redis;
    if (connection === undefined) throw lost;
    if (waiting >= maxWaiting) {
      throw new StoreLost(
        "timeout",
        `Cannot use the store at "${shown}": ${maxWaiting} calls wait`,
      );
    }
    waiting++;
    try {
      return await within(clock, deadlineMs, shown, command(connection));
    } catch (error) {
      const loss = toLoss(error, shown);
      if (loss === undefined) throw toFailure(error);
      lose(connection, loss);
      throw isClosed ? closed : loss;
    } finally {
      waiting--;
    }
  };
  const beat = (connection: Redis): void => {
    // What it finds, `lose` has said.
    const beaten = run(() => connection.ping()).catch(() => undefined);
    void beaten.then(() => redis === connection && later(heartbeatMs, () => beat(connection)));
  };
  const connect = async (): Promise<StoreLost | undefined> => {
    try {
      const connection = await dial();
      if (isClosed) {
        await hangUp(connection, clock);
        return undefined;
      }
      redis = connection;
      upAt = clock.elapsed();
      connection.once("end", () => {
        const why = `Cannot use the store at "${shown}": the connection broke`;
        lose(connection, new StoreLost("unreachable", why));
      });
      changed(undefined);
      later(heartbeatMs, () => beat(connection));
      return undefined;
    } catch (error) {
      if (error instanceof StoreLost) return error;
      throw error;
    }
  };
  const close = async (): Promise<void> => {
    isClosed = true;
    cancelTimer();
    if (redis) lose(redis, closed);
    await Promise.all(ending);
  };
  const first = await connect();
  if (first?.reason === "setup") throw first;
  if (first) retry(first);
  return { run, isUp: () => redis !== undefined, close };
}
