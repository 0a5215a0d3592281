/** The arithmetic of token buckets, in whole millionths of a token so that rounding never adds one. */
import type { Bucket, Taken } from "../core/index.ts";

/** What is kept of a bucket; one that is not kept is full. */
export interface BucketState {
  /** Millionths of a token that were there at `at`. */
  readonly micros: number;
  /** Milliseconds of a clock that only grows. */
  readonly at: number;
}
export interface Take {
  readonly taken: Taken;
  /** What changes, by key; empty where the take was refused. */
  readonly changes: ReadonlyMap<string, BucketState>;
}

const token = 1_000_000;
/** In millionths of a token; a thousand million takes could add up to one token. */
const roundingError = 0.001;

/**
 * Takes one token from every bucket, or none from any. A refusal changes nothing: were it to move
 * `at`, a caller who asks all the time would round every small refill down to nothing. Time that
 * runs backwards refills nothing, and is not paid out a second time when it comes back.
 */
export function takeTokens(
  read: (key: string) => BucketState | undefined,
  buckets: readonly Bucket[],
  now: number,
): Take {
  const changes = new Map<string, BucketState>();
  let emptiest: Taken | undefined;
  let refused: Taken | undefined;
  for (const bucket of buckets) {
    const state = refill(changes.get(bucket.key) ?? read(bucket.key), bucket, now);
    const ok = state.micros >= token;
    const left = ok ? { ...state, micros: state.micros - token } : state;
    changes.set(bucket.key, left);
    const taken = toTaken(ok, left, bucket);
    if (!ok && taken.retryAfterMs >= (refused?.retryAfterMs ?? 0)) refused = taken;
    if (taken.remaining < (emptiest?.remaining ?? Infinity)) emptiest = taken;
  }
  if (refused) return { taken: refused, changes: new Map() };
  const untouched: Taken = { ok: true, remaining: Infinity, retryAfterMs: 0, key: "" };
  return { taken: emptiest ?? untouched, changes };
}

function refill(state: BucketState | undefined, bucket: Bucket, now: number): BucketState {
  const full = bucket.capacity * token;
  if (state === undefined) return { micros: full, at: now };
  const elapsedMs = Math.max(0, now - state.at);
  // perSecond is millionths of a token per microsecond, and a thousand of those make a millisecond.
  const refilled = state.micros + elapsedMs * bucket.perSecond * 1000;
  // The difference of two clock readings may be rounded down: who waited as told must find a token.
  const micros = Math.floor(refilled + roundingError);
  return { micros: Math.min(full, micros), at: Math.max(now, state.at) };
}

function toTaken(ok: boolean, left: BucketState, bucket: Bucket): Taken {
  const remaining = Math.floor(left.micros / token);
  const missing = Math.max(0, token - left.micros);
  const retryAfterMs = Math.ceil(missing / (bucket.perSecond * 1000));
  return { ok, remaining, retryAfterMs, key: bucket.key };
}
