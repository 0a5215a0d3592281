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
  const detail = code === undefined ? "" : `: ${code}`;
  return isUnconnected(code, cause)
    ? new EgressError("unreachable", `Cannot reach "${origin}"${detail}`, { cause })
    : new EgressError("broken", `The connection to "${origin}" broke${detail}`, { cause });
}

/** Codes of Node and OpenSSL for a connection that was never made. */
const unconnected =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOST|ENET|ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/** Deno's fetch has no codes; its words name the step that failed. */
function isUnconnected(code: string | undefined, cause: unknown): boolean {
  if (code !== undefined) return unconnected.test(code);
  if (!(cause instanceof Error)) return false;
  const isNamed = /\(connect\)|connect error|dns error/i.test(cause.message);
  return isNamed || isUnconnected(code, cause.cause);
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return codeOf(error.cause);
}
