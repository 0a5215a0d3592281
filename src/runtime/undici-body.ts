/** The bytes of one answer as undici hands them over, without a stream object in between. */
import type { Dispatcher } from "undici";
import { type Body, EgressError, createGatherer } from "../core/index.ts";

export interface Source extends Body {
  readonly pieces: () => AsyncGenerator<Uint8Array, void, undefined>;
  readonly push: (piece: Uint8Array) => void;
  readonly end: () => void;
  readonly fail: (error: Error) => void;
}

type Control = Pick<Dispatcher.DispatchController, "abort" | "pause" | "resume">;

/** Pieces that nobody has asked for yet; from here on the connection waits. */
const maxWaiting = 16;

/** `toError` says what a failure is called; it is asked when somebody reads. */
export function createSource(control: Control, toError: (cause: unknown) => Error): Source {
  let waiting: Uint8Array[] = [];
  let isOver = false;
  let failed: Error | undefined;
  let isPaused = false;
  /** Who waits for the next piece, the end or a failure. */
  let wake: (() => void) | undefined;

  const woken = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  const tell = (): void => {
    const waiter = wake;
    wake = undefined;
    waiter?.();
  };
  const take = (): readonly Uint8Array[] => {
    const taken = waiting;
    waiting = [];
    if (isPaused) {
      isPaused = false;
      control.resume();
    }
    return taken;
  };
  const fail = (error: Error): void => {
    if (isOver || failed !== undefined) return;
    failed = error;
    tell();
  };
  const cancel = (): void => {
    if (isOver) return;
    const reason = new EgressError("aborted", "The answer was cancelled");
    fail(reason);
    control.abort(reason);
  };

  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        yield* take();
        if (waiting.length > 0) continue;
        if (failed !== undefined) throw toError(failed);
        if (isOver) return;
        await woken();
      }
    } finally {
      cancel();
    }
  }

  async function read(maxBytes: number): Promise<Uint8Array | undefined> {
    const gathered = createGatherer(maxBytes);
    for (;;) {
      for (const piece of take()) {
        if (gathered.add(piece)) continue;
        cancel();
        return undefined;
      }
      if (failed !== undefined) throw toError(failed);
      if (isOver) return gathered.bytes();
      await woken();
    }
  }

  return {
    pieces,
    read,
    cancel,
    push: (piece) => {
      waiting.push(piece);
      if (waiting.length >= maxWaiting && !isPaused) {
        isPaused = true;
        control.pause();
      }
      tell();
    },
    end: () => {
      isOver = true;
      tell();
    },
    fail,
  };
}
