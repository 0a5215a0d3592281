/** Requests to the clients of sessions that wait for their answers. */
import { type Crypto, toHex } from "../core/index.ts";
import type { ErrorMessage, IdText, ResultMessage } from "../mcp/index.ts";

export type QuestionAnswer = ResultMessage | ErrorMessage;

/** What the clients of sessions are asked on the streams of their own calls, and where their answers go. */
export interface Questions {
  /**
   * Undefined where the session has 64 open already, or has ended. The id is a JSON string text
   * such as `"mcp-gw-…"`, and no other question of the process has it.
   */
  readonly open: (session: string) => OpenQuestion | undefined;
  /**
   * Whether this session was asked that, by whichever instance, and has not answered yet; the first
   * answer wins.
   */
  readonly settle: (session: string, id: IdText, answer: QuestionAnswer) => Promise<boolean>;
}
export interface OpenQuestion {
  readonly id: IdText;
  /** Settles when an answer finds its way from any instance: the client is asked then. */
  readonly ready: Promise<void>;
  /** Undefined when closed, or when the session ended. */
  readonly answer: Promise<QuestionAnswer | undefined>;
  readonly close: () => void;
}
/** The questions of this process. */
export interface QuestionBook {
  readonly open: (session: string) => Omit<OpenQuestion, "ready"> | undefined;
  readonly settle: (session: string, id: IdText, answer: QuestionAnswer) => boolean;
  readonly end: (session: string) => void;
  /** Entries in memory. */
  readonly entries: () => number;
}

type Settle = (answer: QuestionAnswer | undefined) => void;

/** Far more than anybody can answer at a time. */
const maxOpen = 64;
const idBytes = 16;

/**
 * An id is random, so that an answer to it can come only from whoever was asked; it is looked up
 * among the questions of the answering session alone (GHSA-w2fm-25vw-vh7f, ids that collide).
 */
export function createQuestions(
  crypto: Crypto,
  isOpen: (session: string) => boolean,
): QuestionBook {
  const bySession = new Map<string, Map<IdText, Settle>>();

  const take = (session: string, id: IdText): Settle | undefined => {
    const open = bySession.get(session);
    const settle = open?.get(id);
    if (open?.delete(id) === true && open.size === 0) bySession.delete(session);
    return settle;
  };

  return {
    open: (session) => {
      const open = bySession.get(session) ?? new Map<IdText, Settle>();
      if (open.size >= maxOpen || !isOpen(session)) return undefined;
      bySession.set(session, open);
      const id = `"mcp-gw-${toHex(crypto.randomBytes(idBytes))}"`;
      const answer = new Promise<QuestionAnswer | undefined>((resolve) => open.set(id, resolve));
      return { id, answer, close: () => take(session, id)?.(undefined) };
    },
    settle: (session, id, answer) => {
      const settle = take(session, id);
      settle?.(answer);
      return settle !== undefined;
    },
    end: (session) => {
      const open = bySession.get(session);
      bySession.delete(session);
      for (const settle of open?.values() ?? []) settle(undefined);
    },
    entries: () => bySession.size,
  };
}
