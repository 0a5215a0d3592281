/** HTTP to upstreams on Deno: its own `fetch`. */
import { EgressError, createGatherer } from "../core/index.ts";
import type { Clock, Egress, EgressRequest, EgressResponse } from "../core/index.ts";
import { deadlineFor, maxResponseHeaderBytes, toEgressError } from "./egress-deadline.ts";
import type { Resolve } from "./public-address.ts";

/**
 * Deno's `fetch` asks for a name's addresses by itself and shows them to nobody, so requests to public
 * addresses alone go the way of Node; who makes none does not pay for it.
 */
export function createDenoEgress(clock: Clock, resolve?: Resolve): Egress {
  const closing = new AbortController();
  let publicEgress: Promise<Egress> | undefined;
  const openPublic = async (): Promise<Egress> =>
    (await import("./egress-node.ts")).createNodeEgress(resolve);
  return {
    request: async (request) => {
      if (request.publicOnly === true)
        return (await (publicEgress ??= openPublic())).request(request);
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
    close: async () => {
      closing.abort();
      await (await publicEgress)?.close();
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
