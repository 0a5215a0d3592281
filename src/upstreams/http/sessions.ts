/** The sessions with one legacy upstream: opened when needed, renewed when lost, ended when idle. */
import { type Failure, failure } from "../../core/index.ts";
import { latestLegacy } from "../../mcp/index.ts";
import { readInitialized } from "../facts.ts";
import { createAside } from "./aside.ts";
import { type HttpContext, type Posted, askOnce } from "./exchange.ts";
import { type HttpSession, type Opened, openSession } from "./session.ts";
import { type LinkCaller, isFailure, toCallerKey, toPrincipal } from "../link.ts";
import type { Refusal } from "./sse-stream.ts";
import { toInitializeText, toNotificationText } from "../wire.ts";

const MAX_SESSIONS = 256;
/** Of one client and subject, who has a session for each thing it says of itself. */
const MAX_OWN_SESSIONS = 16;
const HANDSHAKE_BYTES = 1_048_576;

export interface HttpSessions {
  /** The caller's, opened where there is none. */
  readonly find: (caller: LinkCaller) => Promise<HttpSession | Failure>;
  /** The upstream does not know it any more. */
  readonly lose: (session: HttpSession) => void;
  /** Tells the upstream that every session has ended. */
  readonly close: () => Promise<void>;
}

interface Place {
  readonly owner: string;
  readonly opened: Promise<HttpSession | Failure>;
  /** Once it is open. */
  session: HttpSession | undefined;
}

export function openHttpSessions(context: HttpContext): HttpSessions {
  const places = new Map<string, Place>();
  const aside = createAside(context);

  async function open(key: string, capabilities: string): Promise<HttpSession | Failure> {
    const opened = await initialize(context, key, capabilities);
    if (isFailure(opened)) return opened;
    const onOver = (session: HttpSession, why: "idle" | "lost"): void => drop(session, why);
    const session = openSession(context, { ...opened, key, capabilities, aside, onOver });
    await session.send(toNotificationText("notifications/initialized"));
    return session;
  }

  function drop(session: HttpSession, why: "idle" | "lost"): void {
    if (places.get(session.key)?.session === session) places.delete(session.key);
    session.end(why === "idle");
  }

  function start(key: string, owner: string, capabilities: string): Place {
    const opened = open(key, capabilities).then((session) => {
      const isHere = places.get(key) === place;
      if (isFailure(session)) {
        if (isHere) places.delete(key);
      } else if (isHere) {
        place.session = session;
      } else {
        session.end(true);
      }
      return session;
    });
    const place: Place = { owner, opened, session: undefined };
    return place;
  }

  /** Whoever says many things of itself ends sessions of its own, and nobody else's. */
  function makeRoom(owner: string): boolean {
    const own = [...places.values()].filter((place) => place.owner === owner);
    if (own.length >= MAX_OWN_SESSIONS) return endIdle(own);
    return places.size < MAX_SESSIONS || endIdle(places.values());
  }

  /** Ends the session that was not used for longest; false where all are in use. */
  function endIdle(among: Iterable<Place>): boolean {
    for (const { session } of among) {
      if (session === undefined || session.isBusy()) continue;
      drop(session, "idle");
      return true;
    }
    return false;
  }

  return {
    find: async (caller) => {
      const key = toCallerKey(caller);
      const owner = toPrincipal(caller);
      const known = places.get(key);
      if (known === undefined && !makeRoom(owner)) {
        return failure("UPSTREAM_UNAVAILABLE", "All sessions with the upstream are busy");
      }
      const place = known ?? start(key, owner, caller.capabilities);
      // Moved to the end: the first one is the one not used for longest.
      places.delete(key);
      places.set(key, place);
      return place.opened;
    },
    lose: (session) => drop(session, "lost"),
    close: async () => {
      const open = [...places.values()];
      places.clear();
      const ended = open.map(async ({ opened }) => {
        const session = await opened;
        if (!isFailure(session)) session.end(true);
      });
      await Promise.all(ended);
      await aside.idle();
    },
  };
}

async function initialize(
  context: HttpContext,
  scope: string,
  capabilities: string,
): Promise<Opened | Failure> {
  const id = context.nextId();
  let sessionId: string | null = null;
  const posted: Posted = {
    id,
    text: toInitializeText(id, latestLegacy, capabilities, context.clientInfo),
    headers: {},
    maxBytes: HANDSHAKE_BYTES,
    scope,
    onRequest: () => failure("UPSTREAM_INVALID", 'A request came before the end of "initialize"'),
    onHeaders: (headers) => {
      sessionId = headers.get("mcp-session-id");
    },
  };
  const answer = await askOnce(context, posted);
  if (isFailure(answer)) return answer;
  if (answer.kind === "refused" && answer.error === undefined) {
    const { status } = answer;
    const why = `"initialize" was refused with status ${status}`;
    const refusal: Refusal = { ...failure("UPSTREAM_UNAVAILABLE", why), status };
    return refusal;
  }
  const initialized = readInitialized(answer.kind === "refused" ? answer.error! : answer);
  if (isFailure(initialized)) return initialized;
  if (sessionId !== null && !/^[\x21-\x7e]{1,1024}$/.test(sessionId)) {
    return failure("UPSTREAM_INVALID", "The session id is not visible ASCII of at most 1024 bytes");
  }
  return { id: sessionId ?? undefined, ...initialized };
}
