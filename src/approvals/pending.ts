/** Calls that wait for the word of an operator, on whichever instance they came in. */
import {
  type Approval,
  type ApprovalOutcome,
  type ApprovalWord,
  type PendingApproval,
  toHex,
  utf8Length,
} from "../core/index.ts";
import { isOwnCall } from "./own-call.ts";
import type { PendingKeep } from "./pending-keep.ts";
import { type PendingEntry, toPendingText, toPublic } from "./pending-text.ts";

/** A call as it would wait. */
export type PendingWish = Pick<
  PendingEntry,
  "args" | "call" | "client" | "expiresMs" | "kind" | "name" | "rules" | "upstream"
> & {
  readonly subject: string | undefined;
  readonly why: string | undefined;
  readonly more: string | undefined;
};

export type PendingAnswer =
  | {
      readonly is: "approved";
      readonly approval: Approval;
      /** What was used up, to be given back. */
      readonly taken: PendingEntry;
    }
  | {
      readonly is: "denied" | "waiting";
      readonly approval: Approval;
      /** What waits only since this was asked. */
      readonly begun?: PendingApproval;
    }
  /** As many wait as may. */
  | { readonly is: "crowded" }
  /** Nobody could read it. */
  | { readonly is: "long" };

export interface Pending {
  /** What an operator has said of this call; a yes is used up. Where nobody has, it waits from now on. */
  readonly settle: (wish: PendingWish) => Promise<PendingAnswer>;
  /** Makes a yes good again whose call was not sent, for what is left of its time. */
  readonly giveBack: (taken: PendingEntry) => Promise<void>;
  readonly list: (clients: readonly string[]) => Promise<readonly PendingApproval[]>;
  readonly decide: (
    clients: readonly string[],
    id: string,
    word: ApprovalWord,
  ) => Promise<ApprovalOutcome>;
}
export interface PendingPorts {
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

/** Of one subject of a client, so that none crowds out another; what is decided counts until it is used or over. */
const maxOfSubject = 32;
/** Of one client. */
const maxWaiting = 128;
/** Nobody reads a longer one before they say yes. */
const maxName = 2_000;
/** In UTF-8, with room for the words on them: a longer list could be sealed, and never opened again. */
const maxListBytes = 300_000;
const idBytes = 8;

export function createPending(keep: PendingKeep, { now, randomBytes }: PendingPorts): Pending {
  return {
    settle: ({ subject, why, more, ...wish }) =>
      keep.change<PendingAnswer>(wish.client, (entries) => {
        const found = entries.find(({ call }) => call === wish.call);
        if (found !== undefined) {
          const { id, state, by } = found;
          const approval = { id, via: "operator" as const, by };
          if (state !== "approved") return { result: { is: state, approval } };
          const next = entries.filter((each) => each !== found);
          return { next, result: { is: state, approval, taken: found } };
        }
        const id = toHex(randomBytes(idBytes));
        const at = now();
        const entry: PendingEntry = {
          ...wish,
          ...(subject !== undefined && { subject }),
          ...(why !== undefined && { why }),
          ...(more !== undefined && { more }),
          id,
          at,
          until: at + wish.expiresMs,
          state: "waiting",
        };
        const next = [...entries, entry];
        const fault = whyNot(next, entry);
        if (fault !== undefined) return { result: { is: fault } };
        return {
          next,
          result: {
            is: "waiting",
            approval: { id, via: "operator" },
            begun: toPublic(entry),
          },
        };
      }),
    giveBack: (taken) =>
      keep.change(taken.client, (entries) => {
        const isSame = ({ call }: PendingEntry): boolean => call === taken.call;
        // A no that was said meanwhile holds.
        if (entries.some((each) => isSame(each) && each.state === "denied")) {
          return { result: undefined };
        }
        return { next: [...entries.filter((each) => !isSame(each)), taken], result: undefined };
      }),
    list: async (clients) => {
      const lists = await Promise.all(clients.map((client) => keep.read(client)));
      return lists
        .flat()
        .toSorted((a, b) => a.at - b.at)
        .map(toPublic);
    },
    decide: async (clients, id, word) => {
      for (const client of clients) {
        const entries = await keep.read(client);
        if (!entries.some((entry) => entry.id === id)) continue;
        return keep.change(client, (current) => decideOne(current, id, word, now()));
      }
      return "unknown";
    },
  };
}

/** Why it cannot wait. */
function whyNot(
  entries: readonly PendingEntry[],
  added: PendingEntry,
): "crowded" | "long" | undefined {
  const own = entries.filter(({ subject }) => subject === added.subject);
  if (added.name.length > maxName) return "long";
  if (entries.length > maxWaiting || own.length > maxOfSubject) return "crowded";
  return utf8Length(toPendingText(entries)) > maxListBytes ? "crowded" : undefined;
}

/** A no may be said by anybody, a yes not by the one who calls. */
function decideOne(
  entries: readonly PendingEntry[],
  id: string,
  word: ApprovalWord,
  now: number,
): { readonly next?: readonly PendingEntry[]; readonly result: ApprovalOutcome } {
  const found = entries.find((entry) => entry.id === id);
  if (found === undefined) return { result: "unknown" };
  if (found.state !== "waiting") return { result: "decided" };
  const { decision, by } = word;
  if (decision === "approve" && isOwnCall(word, found)) return { result: "own" };
  const state = decision === "approve" ? "approved" : "denied";
  const decided: PendingEntry = { ...found, state, by, until: now + found.expiresMs };
  return {
    next: entries.map((each) => (each === found ? decided : each)),
    result: toPublic(decided),
  };
}
