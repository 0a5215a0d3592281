/** Asks the process that holds a call to go on with it. */
import { type Cancellation, failure } from "../../core/index.ts";
import { isFailure } from "../link.ts";
import { type Asking, type AskingSettings, broken, lost, openAsking } from "./asking.ts";
import type { Envelope } from "./envelope.ts";
import type { RoundMessage } from "./round.ts";
import { type Errand, toErrandText, toMessage } from "./texts.ts";

export interface Asker {
  readonly ask: (
    errand: Errand,
    holder: string,
    maxUnits: number,
    signal: Cancellation,
  ) => AsyncGenerator<RoundMessage>;
  readonly receive: (envelope: Envelope) => void;
}
export interface AskerSettings extends Pick<AskingSettings, "clock" | "publish" | "instance"> {
  readonly newId: () => string;
  /** Settles when this process hears what is sent to it; false where it never will. */
  readonly isHearing: Promise<boolean>;
}

/** Each has a client here and an open call there. */
const MAX_CALLS = 256;
/** For what stands around the messages. */
const ROOM_UNITS = 65_536;

const tooMany = failure("UPSTREAM_UNAVAILABLE", "Too many calls go on in other instances");

export function createAsker(settings: AskerSettings): Asker {
  const { newId, isHearing } = settings;
  const calls = new Map<string, Asking>();

  async function* ask(
    errand: Errand,
    holder: string,
    maxUnits: number,
    signal: Cancellation,
  ): AsyncGenerator<RoundMessage> {
    if (calls.size >= MAX_CALLS) {
      yield tooMany;
      return;
    }
    const call = newId();
    const asking = openAsking(
      { ...settings, call, holder, maxUnits: maxUnits + ROOM_UNITS },
      signal,
    );
    calls.set(call, asking);
    let isOver = false;
    try {
      isOver = yield* converse(asking, toErrandText(errand));
    } finally {
      calls.delete(call);
      asking.close(isOver);
    }
  }

  /** True where the other side came to the end of it. */
  async function* converse(asking: Asking, text: string): AsyncGenerator<RoundMessage, boolean> {
    void isHearing.then((isReady) => {
      if (isReady) asking.send("open", String(text.length));
      else asking.end(lost);
    });
    const first = await asking.next();
    if (isFailure(first) || first.kind !== "ready") {
      yield isFailure(first) ? first : first.kind === "fault" ? toMessage(first) : broken;
      return false;
    }
    asking.send("go", text);
    for (;;) {
      const letter = await asking.next();
      const message = isFailure(letter) ? letter : toMessage(letter);
      yield message;
      if (message.kind !== "notification") return !isFailure(letter);
    }
  }

  return {
    ask,
    receive: (envelope) => calls.get(envelope.call)?.receive(envelope),
  };
}
