/** Goes on with the stream of a legacy call whose connection ended first (2025-11-25, SEP-1699). */
import type { Cancellation, EgressResponse } from "../../core/index.ts";
import { pause } from "../changes.ts";
import { type Trail, toPauseMs } from "./events.ts";
import type { HttpContext } from "./exchange.ts";
import { get, isStream } from "./post.ts";
import { isAboutUs } from "./refusal.ts";
import { isFailure } from "../link.ts";

/** Connections in a row that bring no message. */
const MAX_BARREN = 10;

/** Undefined where the stream has no name, or cannot be had again. */
export async function resume(
  { endpoint, clock, closing, timeoutMs }: HttpContext,
  headers: Readonly<Record<string, string>>,
  trail: Trail,
  signal: Cancellation,
): Promise<EgressResponse | undefined> {
  while (trail.lastId !== undefined && trail.barren < MAX_BARREN) {
    await pause(clock, toPauseMs(trail), signal, closing);
    if (signal.aborted || closing.isClosed()) return undefined;
    trail.barren++;
    const response = await get(endpoint, headers, trail.lastId, signal, timeoutMs);
    if (isFailure(response)) continue;
    if (response.status === 200 && isStream(response)) return response;
    response.cancel();
    if (response.status < 400 || isAboutUs(response.status)) return undefined;
  }
  return undefined;
}
