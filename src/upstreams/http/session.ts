/** One session with a legacy upstream: its calls, its own stream, who listens to it, and its end. */
import type { Timer } from "../../core/index.ts";
import { type JsonRpcMessage, type NotificationMessage, at, isObject } from "../../mcp/index.ts";
import type { Aside } from "./aside.ts";
import { type HttpContext, askOnce } from "./exchange.ts";
import { type Flight, type Tray, createFlights } from "./flights.ts";
import { type Follows, createFollows } from "../follows.ts";
import { type Listeners, createListeners } from "./listeners.ts";
import { createLogLevel } from "../log-level.ts";
import { createQuestions } from "./questions.ts";
import type { Refused } from "./refusal.ts";
import { openStanding } from "./standing.ts";
import type { LinkCall, ServerFacts } from "../link.ts";
import { changedList, toRequestText } from "../wire.ts";

/** How long its own stream stays open behind the last call and listener. */
const STANDING_IDLE_MS = 60_000;
/** How long it is kept behind that. */
const SESSION_IDLE_MS = 1_740_000;
const ANSWER_BYTES = 1_048_576;

/** What `initialize` found out. */
export interface Opened {
  readonly id: string | undefined;
  readonly revision: string;
  readonly facts: ServerFacts;
}

export interface HttpSession extends Pick<Opened, "revision" | "facts"> {
  /** Whose session it is, and whose lists its server speaks of. */
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly listeners: Listeners;
  readonly follows: Follows;
  /** Posts a message that has no answer; never rejects. */
  readonly send: (text: string) => Promise<void>;
  /**
   * Readies the session for a call: what it is to log, and its own stream where something may come
   * on that. Undefined where it is ready.
   */
  readonly prepare: (logLevel: string | undefined) => Promise<unknown> | undefined;
  /** Whether something may come for a call beside its own stream. */
  readonly isStanding: () => boolean;
  readonly enter: (call: LinkCall, tray?: Tray) => Flight;
  /** As if a call were under way, until what it gives is called. */
  readonly hold: () => () => void;
  /** For what the server tells on the stream of a call. */
  readonly tell: (message: NotificationMessage) => void;
  /** Whether the upstream says that it does not know the session any more. */
  readonly isLostBy: (refused: Refused) => boolean;
  readonly isBusy: () => boolean;
  readonly isEnded: () => boolean;
  /** Ends all that is open for it; `tells` where the upstream does not know yet. */
  readonly end: (tells: boolean) => void;
}

export interface SessionSettings extends Opened {
  readonly key: string;
  /** What the server was told of the client, as JSON text. */
  readonly capabilities: string;
  readonly aside: Aside;
  /** Nobody has used it for long, or the upstream has forgotten it. */
  readonly onOver: (session: HttpSession, why: "idle" | "lost") => void;
}

export function openSession(context: HttpContext, settings: SessionSettings): HttpSession {
  const { clock, notice } = context;
  const { id, key, revision, facts, aside } = settings;
  const headers = toHeaders(settings);
  const listeners = createListeners();
  const canBeAsked = settings.capabilities !== "{}";
  const canLog = isObject(at(facts.capabilities, "logging"));
  let holders = 0;
  let idle: Timer | undefined;
  let isEnded = false;

  const send = (text: string): Promise<void> =>
    isEnded ? Promise.resolve() : aside.send(headers, text);
  const onDropped = (): void => notice("An upstream sends more than is fetched; dropped");
  const nobodys = createQuestions(send);
  const flights = createFlights(send, onDropped);
  const level = createLogLevel((wanted) => ask("logging/setLevel", `{"level":"${wanted}"}`));
  const follows = createFollows((starts, uri) => {
    const method = starts ? "resources/subscribe" : "resources/unsubscribe";
    return ask(method, `{"uri":${JSON.stringify(uri)}}`);
  });
  const standing = openStanding(context, { headers, onMessage, onLost: () => over("lost") });

  /** A request of our own; whether it had a result. */
  async function ask(method: string, params: string): Promise<boolean> {
    if (isEnded) return false;
    const asked = context.nextId();
    const answer = await askOnce(context, {
      id: asked,
      text: toRequestText(asked, method, params),
      headers,
      maxBytes: ANSWER_BYTES,
      scope: key,
      onRequest: (request) => {
        nobodys.refuse(request);
        return undefined;
      },
      onNotification: tell,
    });
    if (answer.kind === "refused" && isLostBy(answer)) over("lost");
    return answer.kind === "result";
  }

  function onMessage(message: JsonRpcMessage): void {
    if (message.kind === "request") return flights.putRequest(message);
    if (message.kind === "response") {
      return notice("An upstream answered a request that was not sent; dropped");
    }
    const list = changedList(message);
    if (list !== undefined) context.onListChange(list, key);
    tell(message);
    flights.putNotification(message);
  }

  function tell(message: NotificationMessage): void {
    listeners.tell(message);
  }

  /** 404 by the specification (2025-11-25, session management); many servers say 400 with -32000. */
  function isLostBy({ status, error }: Refused): boolean {
    if (id === undefined) return false;
    if (status === 404) return error === undefined || error.code !== -32601;
    return status === 400 && (error === undefined || error.code === -32000);
  }

  function over(why: "idle" | "lost"): void {
    if (!isEnded) settings.onOver(session, why);
  }

  function hold(): () => void {
    let isHeld = true;
    holders++;
    idle?.cancel();
    return () => {
      if (!isHeld) return;
      isHeld = false;
      holders--;
      if (holders === 0) rest();
    };
  }

  function rest(): void {
    if (isEnded) return;
    idle = clock.after(STANDING_IDLE_MS, () => {
      standing.close();
      idle = clock.after(SESSION_IDLE_MS, () => over("idle"));
    });
  }

  const session: HttpSession = {
    key,
    headers,
    revision,
    facts,
    listeners,
    follows,
    send,
    prepare: (logLevel) => {
      if (isEnded) return undefined;
      const logs = canLog ? level.want(logLevel) : undefined;
      const isWanted = canBeAsked || listeners.size() > 0 || level.isSet();
      const opening = isWanted ? standing.open() : undefined;
      return logs || opening ? Promise.all([logs, opening]) : undefined;
    },
    isStanding: standing.isOpen,
    enter: (call, tray) => {
      const release = hold();
      const flight = flights.enter(call, tray);
      return {
        ...flight,
        leave: () => {
          flight.leave();
          release();
        },
      };
    },
    hold,
    tell,
    isLostBy,
    isBusy: () => holders > 0,
    isEnded: () => isEnded,
    end: (tells) => {
      if (isEnded) return;
      isEnded = true;
      idle?.cancel();
      standing.close();
      listeners.end();
      if (tells && id !== undefined) void aside.remove(headers);
    },
  };
  rest();
  return session;
}

function toHeaders({ id, revision }: Opened): Record<string, string> {
  const headers = { "mcp-protocol-version": revision };
  return id === undefined ? headers : { ...headers, "mcp-session-id": id };
}
