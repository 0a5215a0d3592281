/** The deadlines of one exchange: since the last message, and in total. */
import {
  type Cancellation,
  createCanceller,
  type Clock,
  type Failure,
  failure,
} from "../core/index.ts";
import type { Closing } from "./closing.ts";

export interface WatchSettings {
  /** Since the last message. */
  readonly timeoutMs: number;
  /** In total. */
  readonly deadlineMs: number;
}

export interface Watch {
  /** Fires when a deadline has passed or the caller has gone. */
  readonly signal: Cancellation;
  /** A message came: the wait begins anew. */
  readonly touch: () => void;
  /** Time that the caller takes is not the upstream's, until the next `touch`. */
  readonly rest: () => void;
  /** The call goes on for another caller, or for nobody until one comes back for it. */
  readonly passTo: (caller: Cancellation | undefined) => void;
  /** Why `signal` fired. */
  readonly fault: () => Failure | undefined;
  readonly close: () => void;
  /** Gives the call up, for this reason where there is one to tell. */
  readonly end: (reason?: Failure) => void;
}

export function openWatch(
  clock: Clock,
  settings: WatchSettings,
  closing?: Closing,
  caller?: Cancellation,
): Watch {
  const own = createCanceller();
  const began = clock.elapsed();
  let last = began;
  let resting = false;
  let fault: Failure | undefined;

  const end = (reason: Failure) => {
    if (fault !== undefined) return;
    fault = reason;
    timer.cancel();
    own.abort();
  };
  const leave = () => end(failure("UPSTREAM_UNAVAILABLE", "The call was cancelled"));
  const shut = () => end(failure("UPSTREAM_UNAVAILABLE", "The gateway is closing"));
  const nextMs = () => {
    const total = began + settings.deadlineMs - clock.elapsed();
    return resting ? total : Math.min(total, last + settings.timeoutMs - clock.elapsed());
  };
  const check = () => {
    if (clock.elapsed() - began >= settings.deadlineMs) {
      end(failure("UPSTREAM_TIMEOUT", `The call did not end within ${settings.deadlineMs} ms`));
    } else if (!resting && clock.elapsed() - last >= settings.timeoutMs) {
      end(failure("UPSTREAM_TIMEOUT", `No message came within ${settings.timeoutMs} ms`));
    } else {
      timer = clock.after(Math.max(1, nextMs()), check);
    }
  };
  let timer = clock.after(Math.max(1, nextMs()), check);
  const rearm = () => {
    timer.cancel();
    if (fault === undefined) timer = clock.after(Math.max(1, nextMs()), check);
  };

  let current: Cancellation | undefined;
  const passTo = (next: Cancellation | undefined) => {
    current?.removeEventListener("abort", leave);
    current = next;
    if (next?.aborted) leave();
    else next?.addEventListener("abort", leave, { once: true });
  };
  passTo(caller);
  const unlisten = closing?.onClose(shut);
  const close = () => {
    timer.cancel();
    current?.removeEventListener("abort", leave);
    unlisten?.();
  };
  return {
    signal: own.signal,
    touch: () => {
      last = clock.elapsed();
      if (resting) {
        resting = false;
        rearm();
      }
    },
    rest: () => {
      resting = true;
    },
    passTo,
    fault: () => fault,
    close,
    end: (reason) => {
      if (reason === undefined) leave();
      else end(reason);
      close();
    },
  };
}

/** The promise's value, or a rejection as soon as `signal` fires; the promise itself goes on. */
export function orAborted<T>(promise: Promise<T>, signal: Cancellation): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(new Aborted());
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}

/** The promise's value, or undefined after `ms`; the promise itself goes on. */
export async function within<T>(
  promise: Promise<T>,
  ms: number,
  clock: Clock,
): Promise<T | undefined> {
  let cancel = () => {};
  const late = new Promise<undefined>((resolve) => {
    const timer = clock.after(ms, () => resolve(undefined));
    cancel = timer.cancel;
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}

/** A wait was given up because its signal fired. */
export class Aborted extends Error {}
