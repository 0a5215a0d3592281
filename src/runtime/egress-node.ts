/** HTTP to upstreams on Node: one bounded undici pool per origin. */
import { Pool } from "undici";
import type { Dispatcher } from "undici";
import { EgressError } from "../core/index.ts";
import type { Egress, EgressRequest, EgressResponse } from "../core/index.ts";
import { maxResponseHeaderBytes, toEgressError } from "./egress-deadline.ts";
import { type Resolve, createPublicLookup } from "./public-address.ts";
import { type Source, createSource } from "./undici-body.ts";

/** Origins come from the config; the bound is for what a later credential flow may add. */
const maxPools = 256;
/** An open event stream holds a connection for as long as it lives. */
const maxConnections = 1_024;

interface Place {
  readonly pool: Pool;
  readonly path: string;
}

export function createNodeEgress(resolve?: Resolve): Egress {
  const lookup = createPublicLookup(resolve);
  const pools = new Map<string, Pool>();
  /** By whole URL: to take it apart again for each call would cost more than the look-up. */
  const places = new Map<string, Place>();

  /** Connections to any address of an origin and those to public ones are never each other's. */
  const poolFor = (origin: string, isPublicOnly: boolean): Pool => {
    const key = isPublicOnly ? `public ${origin}` : origin;
    const known = pools.get(key);
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
      ...(isPublicOnly && { connect: { lookup } }),
    });
    pools.set(key, pool);
    return pool;
  };

  const placeFor = (url: string): Place => {
    const known = places.get(url);
    if (known !== undefined) return known;
    if (places.size >= maxPools) places.clear();
    const place = toPlace(url, false);
    places.set(url, place);
    return place;
  };
  const toPlace = (url: string, isPublicOnly: boolean): Place => {
    const { origin, pathname, search } = new URL(url);
    return { pool: poolFor(origin, isPublicOnly), path: pathname + search };
  };

  return {
    request: (request) => {
      // A plugin's URLs are many, and would push the upstreams' out.
      const { pool, path } =
        request.publicOnly === true ? toPlace(request.url, true) : placeFor(request.url);
      return dispatch(pool, path, request);
    },
    close: async () => {
      const open = [...pools.values()];
      pools.clear();
      places.clear();
      await Promise.all(open.map((pool) => pool.destroy()));
    },
  };
}

/** By undici's own events: the promised form builds a stream for each answer that nobody needs. */
function dispatch(pool: Pool, path: string, request: EgressRequest): Promise<EgressResponse> {
  return new Promise((resolve, reject) => {
    const { signal } = request;
    let control: Dispatcher.DispatchController | undefined;
    let source: Source | undefined;
    const toError = (cause: unknown): EgressError => toEgressError(cause, request, false);
    const leave = (): void => {
      const reason = new EgressError("aborted", "The request was cancelled");
      control?.abort(reason);
      source?.fail(reason);
      reject(toError(reason));
    };
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
    const done = (): void => signal.removeEventListener("abort", leave);

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: (started) => {
        control = started;
        if (signal.aborted) started.abort(new EgressError("aborted", "The request was cancelled"));
      },
      onResponseStart: (started, status, headers) => {
        if (status < 200) return;
        source = createSource(started, toError);
        resolve(toResponse(status, headers, source));
      },
      onResponseData: (_, piece) => source?.push(piece),
      onResponseEnd: () => {
        done();
        source?.end();
      },
      onResponseError: (_, error) => {
        done();
        source?.fail(error);
        reject(toError(error));
      },
    };
    const { method, headersTimeoutMs } = request;
    pool.dispatch(
      {
        path,
        method,
        headers: { ...request.headers, "accept-encoding": "identity" },
        body: request.body ?? null,
        headersTimeout: headersTimeoutMs,
      },
      handler,
    );
  });
}

function toResponse(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  source: Source,
): EgressResponse {
  return {
    status,
    headers: {
      get: (name) => {
        const value = headers[name.toLowerCase()];
        return value === undefined ? null : Array.isArray(value) ? value.join(", ") : value;
      },
    },
    read: source.read,
    cancel: source.cancel,
    body: { [Symbol.asyncIterator]: source.pieces },
  };
}
