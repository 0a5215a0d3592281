/** HTTP to upstreams on Node: one bounded undici pool per origin. */
import { Pool } from "undici";
import type { Dispatcher } from "undici";
import { EgressError } from "../core/index.ts";
import type { Egress, EgressRequest, EgressResponse } from "../core/index.ts";
import { maxResponseHeaderBytes, toEgressError } from "./egress-deadline.ts";
import { toBody } from "./node-body.ts";

/** Origins come from the config; the bound is for what a later credential flow may add. */
const maxPools = 256;
/** An open event stream holds a connection for as long as it lives. */
const maxConnections = 256;

interface Place {
  readonly pool: Pool;
  readonly path: string;
}

export function createNodeEgress(): Egress {
  const pools = new Map<string, Pool>();
  /** By whole URL: to take it apart again for each call would cost more than the look-up. */
  const places = new Map<string, Place>();

  const poolFor = (origin: string): Pool => {
    const known = pools.get(origin);
    if (known !== undefined) return known;
    const [oldest] = pools;
    if (oldest !== undefined && pools.size >= maxPools) {
      pools.delete(oldest[0]);
      places.clear();
      void oldest[1].close();
    }
    const pool = new Pool(origin, {
      connections: maxConnections,
      pipelining: 1,
      // A quiet event stream is healthy: whoever reads it knows how long it may be silent.
      bodyTimeout: 0,
      maxHeaderSize: maxResponseHeaderBytes,
    });
    pools.set(origin, pool);
    return pool;
  };

  const placeFor = (url: string): Place => {
    const known = places.get(url);
    if (known !== undefined) return known;
    const { origin, pathname, search } = new URL(url);
    if (places.size >= maxPools) places.clear();
    const place = { pool: poolFor(origin), path: pathname + search };
    places.set(url, place);
    return place;
  };

  return {
    request: async (request) => {
      const { pool, path } = placeFor(request.url);
      try {
        const response = await pool.request({
          path,
          method: request.method,
          headers: { ...request.headers, "accept-encoding": "identity" },
          body: request.body ?? null,
          signal: request.signal,
          headersTimeout: request.headersTimeoutMs,
        });
        return toResponse(response, request);
      } catch (cause) {
        throw toEgressError(cause, request, false);
      }
    },
    close: async () => {
      const open = [...pools.values()];
      pools.clear();
      places.clear();
      await Promise.all(open.map((pool) => pool.destroy()));
    },
  };
}

function toResponse(response: Dispatcher.ResponseData, request: EgressRequest): EgressResponse {
  const { body, headers, statusCode } = response;
  // A body that is cancelled before anybody reads it has nobody else to tell.
  body.on("error", () => undefined);
  let isCancelled = false;
  const whole = toBody(body, () => {
    isCancelled = true;
    body.destroy();
  });
  const toError = (cause: unknown): EgressError =>
    isCancelled
      ? new EgressError("aborted", "The answer was cancelled", { cause })
      : toEgressError(cause, request, false);
  return {
    status: statusCode,
    headers: {
      get: (name) => {
        const value = headers[name.toLowerCase()];
        return value === undefined ? null : Array.isArray(value) ? value.join(", ") : value;
      },
    },
    read: (maxBytes) =>
      whole.read(maxBytes).catch((cause: unknown) => {
        throw toError(cause);
      }),
    cancel: whole.cancel,
    body: {
      async *[Symbol.asyncIterator]() {
        try {
          for await (const chunk of body) yield chunk as Uint8Array;
        } catch (cause) {
          throw toError(cause);
        }
      },
    },
  };
}
