/** Sessions of legacy clients: a sealed id that the client carries, and what belongs to it. */
import {
  type ClientIdentity,
  type Log,
  type Ports,
  type Seals,
  StoreLost,
  createTurns,
  toHex,
} from "../core/index.ts";
import type { IdText } from "../mcp/index.ts";
import { type HeldSession, createHeld } from "./held.ts";
import { type Questions, createQuestions } from "./questions.ts";
import { type SharedEvent, openSharing } from "./sharing.ts";
import {
  type SessionFacts,
  type SessionRecord,
  type SessionState,
  changeRecord,
  createRecord,
} from "./record.ts";
import { createRecords } from "./records.ts";
import { type Streams, createStreams } from "./streams.ts";
import { createTokens } from "./tokens.ts";
import { createWatchers } from "./watchers.ts";

export interface Session extends SessionFacts {
  readonly id: string;
  readonly state: SessionState;
}
export interface Sessions {
  /** The session id to give to the client: visible ASCII, at most 1 KiB. */
  readonly open: (client: ClientIdentity, facts: SessionFacts) => Promise<string>;
  /** Undefined for a forged, foreign, ended or expired one alike. */
  readonly find: (token: string, client: ClientIdentity) => Promise<Session | undefined>;
  /**
   * Whether there was such a session of this client. Its streams and questions end, and neither
   * another instance nor a request under way can revive it.
   */
  readonly end: (token: string, client: ClientIdentity) => Promise<boolean>;
  /**
   * One change after the other, in this process; undefined where the session is gone. Rejects with
   * a RangeError over 1,000 followed resources, or 512 Ki characters of all that is kept.
   */
  readonly change: (
    client: ClientIdentity,
    id: string,
    change: (state: SessionState) => SessionState,
  ) => Promise<SessionState | undefined>;
  /**
   * As it is behind the changes that are under way; where the store is lost, as this process knew it
   * last. Undefined where the session is gone.
   */
  readonly state: (client: ClientIdentity, id: string) => Promise<SessionState | undefined>;
  /**
   * Runs `act` after each change of this session's state in this process, and when it has ended
   * (then with undefined); gives back how to stop.
   */
  readonly watch: (id: string, act: (state: SessionState | undefined) => void) => () => void;
  /** Tells the other instances that its client gave up a request of this session. */
  readonly cancel: (id: string, request: IdText) => Promise<void>;
  /**
   * Hears what must not go on in this process: one request of a session that another instance was
   * told to cancel, or all of a session that has ended, here or elsewhere.
   */
  readonly onGivenUp: (act: (id: string, request: IdText | undefined) => void) => () => void;
  /** The keys are others now: what was opened with those of before counts no more. */
  readonly rekeyed: () => void;
  readonly questions: Questions;
  readonly streams: Streams;
  /** How many sessions this process holds. */
  readonly count: () => number;
}
/** With what a leak would show in. */
export interface SessionRoom {
  readonly sessions: Sessions;
  /** Entries in memory, of all maps together. */
  readonly entries: () => number;
  /** Settles when this instance hears the others; absent where it is alone. */
  readonly heard: Promise<unknown> | undefined;
}
interface SessionPorts extends Pick<Ports, "store" | "crypto" | "clock" | "bus"> {
  readonly seals: Seals;
  readonly log?: Log;
  /** While the store is lost, with what this process knows of its sessions. */
  readonly goesOn?: boolean;
}

const ttlMs = 24 * 60 * 60 * 1000;
const refreshAfterMs = 60_000;
/** Of one client, whatever its subjects: more than anybody has open, and a few MiB at worst. */
const maxPerClient = 1000;
const maxUnitsPerClient = 8 * 1024 * 1024;
const idBytes = 16;

/**
 * The id inside is 128 random bits; the seal binds it to the client and subject that opened the
 * session, so that whoever else presents it is told what any stranger is told (session hijacking,
 * MCP security best practices). The sessions of a client that are counted are those of this
 * process: the one over its cap ends the one it used least recently, never another's.
 */
export async function createSessions(ports: SessionPorts): Promise<Sessions> {
  const { sessions, heard } = openSessionRoom(ports);
  await heard;
  return sessions;
}

export function openSessionRoom(ports: SessionPorts): SessionRoom {
  const { crypto, clock } = ports;
  const letGo = (session: HeldSession): void => {
    tokens.forget(session.digest);
    questions.end(session.id);
    streams.end(session.id);
    watchers.end(session.id);
  };
  const tokens = createTokens(crypto, ports.seals);
  const records = createRecords(ports, ttlMs);
  const held = createHeld(clock, { maxPerClient, maxUnitsPerClient, ttlMs }, letGo);
  const ears = new Set<(id: string, request: IdText | undefined) => void>();
  const giveUp = (id: string, request: IdText | undefined): void => {
    for (const act of ears) act(id, request);
  };
  /** Rejects with a `StoreLost`, but for what this process may go on with. */
  const look = async (
    client: ClientIdentity,
    id: string,
    goesOn = ports.goesOn === true,
  ): Promise<SessionRecord | undefined> => {
    const known = held.get(id)?.record;
    try {
      return await records.get(client, id, known);
    } catch (error) {
      if (!(error instanceof StoreLost) || !goesOn || known === undefined) throw error;
      return known;
    }
  };
  const isHeld = (id: string): boolean => held.get(id) !== undefined;
  const questions = createQuestions(crypto, isHeld);
  const streams = createStreams(ports, (id) => held.get(id)?.client.name);
  const watchers = createWatchers(isHeld);
  const turns = createTurns();

  /** What another instance knows of a session that this one has. */
  const hear = (id: string, event: SharedEvent): void => {
    if (event.kind === "answered") questions.settle(id, event.id, event.answer);
    else if (event.kind === "cancelled") giveUp(id, event.id);
    else if (event.kind === "ended") {
      drop(id);
      giveUp(id, undefined);
    } else void reread(id);
  };
  const reread = async (id: string): Promise<void> => {
    const session = held.get(id);
    if (session === undefined) return;
    const record = await records.get(session.client, id, undefined).catch(() => undefined);
    if (record !== undefined && isHeld(id)) watchers.tell(id, record.state);
  };
  const instance = toHex(crypto.randomBytes(idBytes));
  const { bus, store, log, seals } = ports;
  const sealer = seals("session-events");
  const shared = bus && openSharing({ bus, store, crypto, log, sealer }, instance, hear);
  /** A bus that is lost loses what is told on it; what has to last stands in the store. */
  const tell = async (id: string, event: SharedEvent): Promise<void> => {
    await (await shared)?.tell(id, event).catch(() => undefined);
  };

  const drop = (id: string): void => {
    const session = held.drop(id);
    if (session !== undefined) letGo(session);
  };
  const use = async (session: HeldSession): Promise<void> => {
    const displaced = held.use(session);
    for (const each of displaced) letGo(each);
    await Promise.all(displaced.map(({ client, id }) => records.end(client, id)));
  };
  /** One after the other, so that none is lost and the watchers hear of them in their order. */
  const rewrite = (
    client: ClientIdentity,
    id: string,
    change: (record: SessionRecord) => SessionRecord,
  ): Promise<SessionRecord | undefined> =>
    turns.take(id, async () => {
      const before = await look(client, id);
      const record = before && change(before);
      if (record === undefined || !(await records.set(client, id, record))) {
        drop(id);
        return undefined;
      }
      const session = held.get(id);
      if (session !== undefined) await use({ ...session, record, refreshedAt: clock.elapsed() });
      if (record !== before) {
        watchers.tell(id, record.state);
        await tell(id, { kind: "changed" });
      }
      return record;
    });

  const sessions: Sessions = {
    open: async (client, facts) => {
      const id = toHex(crypto.randomBytes(idBytes));
      const record = createRecord(facts);
      await records.set(client, id, record);
      const { token, digest } = await tokens.seal(client, id);
      await use({ client, id, digest, record, refreshedAt: clock.elapsed() });
      return token;
    },
    find: async (token, client) => {
      const opened = await tokens.open(client, token);
      if (opened === undefined) return undefined;
      const { id, digest } = opened;
      const record = await look(client, id);
      if (record === undefined || records.hasEnded(client, id)) {
        tokens.forget(digest);
        drop(id);
        return undefined;
      }
      const now = clock.elapsed();
      const refreshedAt = held.get(id)?.refreshedAt ?? -Infinity;
      const isDue = now - refreshedAt >= refreshAfterMs;
      await use({ client, id, digest, record, refreshedAt: isDue ? now : refreshedAt });
      if (isDue && (await rewrite(client, id, (same) => same)) === undefined) return undefined;
      return { id, ...record.facts, state: record.state };
    },
    end: async (token, client) => {
      const opened = await tokens.open(client, token);
      if (opened === undefined) return false;
      const { id, digest } = opened;
      const record = await look(client, id);
      const isOpen = record !== undefined && !records.hasEnded(client, id);
      const isWritten = isOpen ? records.end(client, id) : undefined;
      tokens.forget(digest);
      drop(id);
      giveUp(id, undefined);
      await isWritten;
      if (isOpen) await tell(id, { kind: "ended" });
      return isOpen;
    },
    change: async (client, id, change) => {
      const record = await rewrite(client, id, (before) => {
        const state = change(before.state);
        return state === before.state ? before : changeRecord(before, state);
      });
      return record?.state;
    },
    state: (client, id) => turns.take(id, async () => (await look(client, id, true))?.state),
    watch: watchers.watch,
    cancel: (id, request) => tell(id, { kind: "cancelled", id: request }),
    onGivenUp: (act) => {
      ears.add(act);
      return () => ears.delete(act);
    },
    questions: {
      open: (id) => {
        const question = questions.open(id);
        if (question === undefined) return undefined;
        const ask = async (): Promise<void> => {
          await (await shared)?.ask(id, question.id).catch(() => undefined);
        };
        const close = (): void => {
          question.close();
          void shared?.then((sharing) => sharing.forget(id, question.id));
        };
        return { ...question, ready: ask(), close };
      },
      settle: async (id, asked, given) =>
        questions.settle(id, asked, given) ||
        ((await (await shared)?.answer(id, asked, given)) ?? false),
    },
    rekeyed: tokens.forgetAll,
    streams,
    count: held.count,
  };
  const entries = (): number =>
    [tokens, records, held, questions, streams, watchers, turns].reduce(
      (total, part) => total + part.entries(),
      0,
    );
  return { sessions, entries, heard: shared };
}
