/** The calls of one session that wait for their answer, and what comes for them beside their stream. */
import {
  type NotificationMessage,
  type RequestMessage,
  member,
  methods,
  textOf,
} from "../../mcp/index.ts";
import { type LinkCall, type LinkQuestion, isFailure } from "../link.ts";
import { type Questions, createQuestions } from "./questions.ts";

/** Messages beside a call's stream that nobody has fetched. */
const MAX_WAITING = 64;

export type BesideMessage = NotificationMessage | LinkQuestion;

/** What came for one call, in order. */
export interface Tray {
  /** False where too much waits already. */
  readonly put: (message: BesideMessage) => boolean;
  readonly take: () => BesideMessage | undefined;
  /** Runs `act` once for whatever comes next, or at `ring`. */
  readonly onNext: (act: () => void) => void;
  readonly ring: () => void;
}

export interface Flight {
  readonly questions: Questions;
  readonly leave: () => void;
}

export interface Flights {
  /** Without a tray nobody looks beside the call's own stream. */
  readonly enter: (call: LinkCall, tray?: Tray) => Flight;
  readonly size: () => number;
  /** For the newest call that input can be asked for; refused where there is none. */
  readonly putRequest: (request: RequestMessage) => void;
  /** Progress for the call it names; a log message for a call that has no other beside it. */
  readonly putNotification: (message: NotificationMessage) => void;
}

interface Place {
  readonly token: string | undefined;
  readonly asks: boolean;
  readonly questions: Questions;
  readonly put: ((message: BesideMessage) => boolean) | undefined;
}

/** `send` posts a message in the session; `onFull` hears of what is dropped. */
export function createFlights(send: (text: string) => Promise<void>, onFull: () => void): Flights {
  const places = new Set<Place>();
  const nobodys = createQuestions(send);

  function placeOf({ method, params }: NotificationMessage): Place | undefined {
    if (method === "notifications/message") {
      return places.size === 1 ? [...places][0] : undefined;
    }
    const token = method === "notifications/progress" && member(params, "progressToken");
    if (!token) return undefined;
    const text = textOf(token);
    return [...places].find((place) => place.token === text);
  }

  return {
    enter: (call, tray) => {
      const questions = createQuestions(send);
      const asks = methods.get(call.method)?.asks === true;
      const place = { token: call.progressToken, asks, questions, put: tray?.put };
      places.add(place);
      return { questions, leave: () => places.delete(place) };
    },
    size: () => places.size,
    putRequest: (request) => {
      const place = [...places].findLast(({ asks, put }) => asks && put);
      const met = place?.questions.meet(request);
      if (met === undefined) {
        if (place === undefined) nobodys.refuse(request);
      } else if (isFailure(met)) {
        nobodys.refuse(request);
      } else if (!place!.put!(met)) {
        onFull();
        void met.reply(tooMany);
      }
    },
    putNotification: (message) => {
      const put = placeOf(message)?.put;
      if (put !== undefined && !put(message)) onFull();
    },
  };
}

const tooMany = {
  kind: "error",
  code: -32603,
  message: "Too many messages wait",
  data: undefined,
} as const;

/** `maxLength` in all, whatever has been fetched meanwhile. */
export function createTray(maxLength: number): Tray {
  const waiting: BesideMessage[] = [];
  let length = 0;
  let next: (() => void) | undefined;
  const ring = (): void => {
    const act = next;
    next = undefined;
    act?.();
  };
  return {
    put: (message) => {
      const { params } = message.kind === "question" ? message.request : message;
      length += params === undefined ? 0 : textOf(params).length;
      if (waiting.length >= MAX_WAITING || length > maxLength) return false;
      waiting.push(message);
      ring();
      return true;
    },
    take: () => waiting.shift(),
    onNext: (act) => {
      next = act;
    },
    ring,
  };
}
