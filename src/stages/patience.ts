/** Waits for an upstream no longer than others can be made to wait for it (law 7). */
import { type Clock, type Failure, failure } from "../core/index.ts";

/** After this an upstream is left out of what several are asked for. */
export const patienceMs = 6_000;

/** The promise's value, or a failure when it takes too long; what it does goes on. */
export async function patiently<T>(
  clock: Clock,
  what: string,
  promise: Promise<T>,
): Promise<T | Failure> {
  let give: (late: Failure) => void = () => undefined;
  const late = new Promise<Failure>((resolve) => {
    give = resolve;
  });
  const timer = clock.after(patienceMs, () =>
    give(failure("UPSTREAM_TIMEOUT", `${what} took more than ${patienceMs} ms`)),
  );
  const caught = promise.catch((error: unknown) =>
    failure("UPSTREAM_UNAVAILABLE", `${what} failed: ${String(error)}`),
  );
  try {
    return await Promise.race([caught, late]);
  } finally {
    timer.cancel();
  }
}
