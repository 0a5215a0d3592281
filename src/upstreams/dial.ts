/** The way to one upstream, for each caller with what it may be told of that caller. */
import {
  type Cancellation,
  type Clock,
  type Failure,
  createCanceller,
  failure,
} from "../core/index.ts";
import { type InputKind, cutCapabilities } from "../mcp/index.ts";
import { createBreaker } from "./breaker.ts";
import type { Closing } from "./closing.ts";
import type { UpstreamStatus } from "./face.ts";
import { type Askable, toAskable } from "./input.ts";
import {
  type Link,
  type LinkCaller,
  type Transport,
  type UpstreamCaller,
  isFailure,
} from "./link.ts";
import { Aborted } from "./watch.ts";

/** What an upstream may ask of a client, by the client's name. */
export type Grants = (client: string) => ReadonlySet<InputKind>;

export interface Dial {
  /** The caller as this upstream may see it. */
  readonly toLinkCaller: (caller: UpstreamCaller) => LinkCaller;
  /** What the upstream may ask this caller. */
  readonly askable: (caller: UpstreamCaller) => Askable;
  readonly grants: Grants;
  readonly connect: (caller: LinkCaller, signal: Cancellation) => Promise<Link | Failure>;
  /** Remembers what an answer says of the upstream, and gives it back. */
  readonly note: <T extends object>(seen: T, signal?: Cancellation) => T;
  readonly status: () => Pick<UpstreamStatus, "state" | "why">;
}

export function createDial(
  transport: Transport,
  grants: Grants,
  clock: Clock,
  closing: Closing,
): Dial {
  let status: ReturnType<Dial["status"]> = { state: "unknown" };
  // A process that fails has a pause of its own, and starting one is no small question.
  const breaker = transport.kind === "http" ? createBreaker(clock, isBack) : undefined;
  if (breaker !== undefined) closing.onClose(breaker.close);

  async function isBack(): Promise<boolean> {
    const giveUp = createCanceller();
    const unlisten = closing.onClose(giveUp.abort);
    const era = await givenUp(transport.recheckEra(giveUp.signal));
    unlisten();
    if (typeof era !== "string") return false;
    status = { state: "up" };
    return true;
  }

  /** What a caller broke off says nothing of the upstream. */
  function note<T extends object>(seen: T, signal?: Cancellation): T {
    if (signal?.aborted || closing.isClosed()) return seen;
    if (isFailure(seen) && seen.isUnreached === true) breaker?.missed();
    else if (!isFailure(seen) && !isLink(seen)) breaker?.reached();
    if (!isFailure(seen)) status = { state: "up" };
    else if (seen.code === "UPSTREAM_UNAVAILABLE" || seen.code === "UPSTREAM_TIMEOUT") {
      status = { state: "down", why: seen.why };
    }
    return seen;
  }

  return {
    toLinkCaller: ({ client, caller }) => {
      const granted = grants(client.name);
      const capabilities = cutCapabilities(caller.capabilities, granted, caller.era);
      return { client, caller, capabilities };
    },
    askable: ({ client, caller }) => toAskable(grants(client.name), caller.capabilities),
    grants,
    connect: async (caller, signal) => {
      const refusal = breaker?.refusal();
      if (refusal !== undefined) return refusal;
      const link = await givenUp(transport.connect(caller, signal));
      return note(link, signal);
    },
    note,
    status: () => status,
  };
}

/** A wait that its caller gave up is a failure, not an exception. */
export async function givenUp<T>(promise: Promise<T>): Promise<T | Failure> {
  return promise.catch((error: unknown) => {
    if (error instanceof Aborted) return failure("UPSTREAM_UNAVAILABLE", "The wait was given up");
    throw error;
  });
}

/** A link to a modern upstream is made without a word to it. */
function isLink(seen: object): seen is Link {
  return "exchange" in seen;
}
