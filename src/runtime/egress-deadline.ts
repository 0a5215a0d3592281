/** What both ways of dialling share: the deadline of the headers, and what a failure is called. */
import { EgressError } from "../core/index.ts";
import type { Clock, EgressRequest } from "../core/index.ts";

export const maxResponseHeaderBytes = 65_536;

export interface Deadline {
  /** Fires with the caller's signal, at the deadline, and on `abort`. */
  readonly signal: AbortSignal;
  readonly abort: () => void;
  /** The headers are here: only the caller can end the request now. */
  readonly met: () => void;
  readonly expired: () => boolean;
}

export function deadlineFor(request: EgressRequest, clock: Clock): Deadline {
  const controller = new AbortController();
  let expired = false;
  const abort = (): void => controller.abort();
  if (request.signal.aborted) abort();
  else request.signal.addEventListener("abort", abort, { once: true });
  const timer = clock.after(request.headersTimeoutMs, () => {
    expired = true;
    controller.abort();
  });
  return {
    signal: controller.signal,
    abort,
    met: () => timer.cancel(),
    expired: () => expired,
  };
}

const timeouts = new Set<string | undefined>([
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
]);

/** Names the origin alone: a path or a query may hold a secret. */
export function toEgressError(
  cause: unknown,
  request: EgressRequest,
  expired: boolean,
): EgressError {
  if (cause instanceof EgressError) return cause;
  const { origin } = new URL(request.url);
  if (request.signal.aborted) {
    return new EgressError("aborted", `The request to "${origin}" was cancelled`, { cause });
  }
  const code = codeOf(cause);
  if (expired || timeouts.has(code)) {
    return new EgressError("timeout", `"${origin}" did not answer in time`, { cause });
  }
  const reason = code === undefined ? "" : `: ${code}`;
  return new EgressError("unreachable", `Cannot reach "${origin}"${reason}`, { cause });
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return codeOf(error.cause);
}
