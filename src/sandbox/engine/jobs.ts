/** Lets a guest's promises go on. */
import type { Guest } from "./guest.ts";

/**
 * Runs what waits, up to `most` steps. Gives how many it ran, what one of them threw past every
 * promise, or `flood` where there are more.
 */
export function runJobs(
  guest: Guest,
  most: number,
): number | { readonly thrown: string } | "flood" {
  const { core, places } = guest;
  const { ffi } = core;
  if (ffi.QTS_IsJobPending(places.runtime) === 0) return 0;
  if (most <= 0) return "flood";
  const contextOut = ffi.malloc(4);
  const said = ffi.QTS_ExecutePendingJob(places.runtime, most, contextOut);
  const thrown = guest.check(said);
  if (thrown !== undefined) return thrown;
  const count = ffi.QTS_GetFloat64(places.context, said);
  return count >= most && ffi.QTS_IsJobPending(places.runtime) !== 0 ? "flood" : count;
}
