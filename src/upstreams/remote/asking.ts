/** One call that goes on in another process, as the one that has the client sees it. */
import { type Cancellation, type Clock, type Failure, failure } from "../../core/index.ts";
import type { Address, Envelope, Kind } from "./envelope.ts";
import { createLetters } from "./letters.ts";
import { type Letter, type Publish, createReceiver, createSender } from "./line.ts";
import { openBeat, openSilence } from "./pulse.ts";

export interface AskingSettings {
  readonly clock: Clock;
  readonly publish: Publish;
  readonly call: string;
  /** This process. */
  readonly instance: string;
  /** The one that holds the call. */
  readonly holder: string;
  /** Of what has come and is not taken yet. */
  readonly maxUnits: number;
}
export interface Asking {
  readonly send: (kind: Kind, text?: string) => void;
  readonly receive: (envelope: Envelope) => void;
  /** `ready` first, then messages; or why nothing more comes. */
  readonly next: () => Promise<Letter | Failure>;
  readonly end: (why: Failure) => void;
  /** Cancels the call where the other side goes on with it. */
  readonly close: (isOver: boolean) => void;
}

/** With what comes before them, a client hears within a second that the other process is gone. */
const READY_MS = 700;
const SILENCE_MS = 800;
const BEAT_MS = 500;

const unavailable = (why: string): Failure => failure("UPSTREAM_UNAVAILABLE", why);
export const lost = unavailable("The instance that holds the call cannot be reached");
const silent = unavailable("The instance that holds the call does not answer");
export const broken = unavailable("A part of the answer was lost between two instances");
const cancelled = unavailable("The call was cancelled");
const tooLarge = failure("RESPONSE_TOO_LARGE", "The answer is larger than allowed");

export function openAsking(settings: AskingSettings, signal: Cancellation): Asking {
  const { clock, publish, call, instance, holder, maxUnits } = settings;
  let run = "";
  const toAddress = (): Address => ({ call, run, from: instance, to: holder, way: "up" });
  const sender = createSender(publish, toAddress);
  const accept = createReceiver(maxUnits);
  const letters = createLetters(maxUnits);
  const silenced = (): void => end(silent);
  const leave = (): void => end(cancelled);
  let silence = openSilence(clock, READY_MS, silenced);
  let stopBeat = (): void => undefined;
  let isEnded = false;

  function send(kind: Kind, text?: string): void {
    if (isEnded) return;
    void sender.send(kind, text).then((isSent) => {
      if (!isSent) end(lost);
    });
  }

  /** At once: whoever takes the letters may take none any more. */
  function end(why?: Failure): void {
    if (isEnded) return;
    isEnded = true;
    signal.removeEventListener("abort", leave);
    silence.close();
    stopBeat();
    if (why === undefined) return;
    letters.end(why);
    if (run !== "") void sender.send("cancel");
  }

  /** It is there: from here on each tells the other one that it still is. */
  function begin(name: string): void {
    run = name;
    silence.close();
    silence = openSilence(clock, SILENCE_MS, silenced);
    stopBeat = openBeat(clock, BEAT_MS, sender.beat);
  }

  signal.addEventListener("abort", leave, { once: true });
  if (signal.aborted) leave();
  return {
    send,
    receive: (envelope) => {
      if (isEnded || envelope.from !== holder || (run !== "" && envelope.run !== run)) return;
      const received = accept(envelope);
      if (received === "repeated") return;
      silence.heard();
      if (received === "lost") end(broken);
      else if (received === "too large") end(tooLarge);
      else if (received !== "part" && received.kind !== "alive") {
        if (received.kind === "ready" && run === "") begin(envelope.run);
        if (!letters.put(received)) end(tooLarge);
      }
    },
    next: letters.next,
    end,
    close: (isOver) => end(isOver ? undefined : cancelled),
  };
}
