/** HTTP to upstreams on Deno: its own `fetch`. */
import { EgressError, createGatherer } from "../core/index.ts";
import type { Clock, Egress, EgressRequest, EgressResponse } from "../core/index.ts";
import { deadlineFor, maxResponseHeaderBytes, toEgressError } from "./egress-deadline.ts";

export function createDenoEgress(clock: Clock): Egress {
  const closing = new AbortController();
  return {
    request: async (request) => {
      const deadline = deadlineFor(request, clock);
      try {
        const response = await fetch(request.url, {
          method: request.method,
          // An explicit encoding also keeps `fetch` from unpacking what comes packed all the same.
          headers: { ...request.headers, "accept-encoding": "identity" },
          body: request.body ?? null,
          redirect: "manual",
          signal: AbortSignal.any([deadline.signal, closing.signal]),
        });
        if (headerBytes(response.headers) > maxResponseHeaderBytes) {
          deadline.abort();
          throw new Error("The response headers are too large");
        }
        return toResponse(response, request, deadline.abort);
      } catch (cause) {
        throw toEgressError(cause, request, deadline.expired());
      } finally {
        deadline.met();
      }
    },
    close: () => {
      closing.abort();
      return Promise.resolve();
    },
  };
}

function headerBytes(headers: Headers): number {
  let sum = 0;
  for (const [name, value] of headers) sum += name.length + value.length;
  return sum;
}

function toResponse(response: Response, request: EgressRequest, abort: () => void): EgressResponse {
  let cancelled = false;
  const cancel = () => {
    cancelled = true;
    abort();
  };
  const body = {
    async *[Symbol.asyncIterator]() {
      if (response.body === null) return;
      try {
        yield* response.body as AsyncIterable<Uint8Array>;
      } catch (cause) {
        if (cancelled) throw new EgressError("aborted", "The answer was cancelled", { cause });
        throw toEgressError(cause, request, false);
      }
    },
  };
  return {
    status: response.status,
    headers: response.headers,
    body,
    read: async (maxBytes) => {
      const gathered = createGatherer(maxBytes);
      let fits = true;
      for await (const chunk of body) {
        fits = gathered.add(chunk);
        if (!fits) break;
      }
      if (fits) return gathered.bytes();
      // Not before the iteration is left: leaving a body that is aborted already rejects.
      cancel();
      return undefined;
    },
    cancel,
  };
}
