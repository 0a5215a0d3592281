/** The listener on Deno. What its server leaves open is named in `docs/deno.md`. */
import { withBodyDeadline } from "./body-deadline.ts";
import type { DenoGlobal, DenoServer } from "./deno-global.ts";
import { toRefusalResponse } from "./refusal.ts";
import type { ServePorts } from "./refusal.ts";
import { isSingleton, malformed, screenMethod, screenTarget } from "./screen.ts";
import type { Finding } from "./screen.ts";
import type { Peer, Serve } from "./runtime.ts";

export function createDenoServe(deno: DenoGlobal, ports: ServePorts): Serve {
  // Deno's server throws where it cannot listen; who waits for a listener hears of it all the same.
  return async (options) => {
    const drain = createDrain();
    let isLeaving = false;
    const answer = (request: Request, peer: Peer): Response | Promise<Response> => {
      const refuse = (found: Finding): Response => {
        options.refused?.(found.code, peer);
        return toRefusalResponse(found, ports);
      };
      if (drain.draining()) return refuse({ code: "DRAINING" });
      const found = screen(request, options.maxHeaderBytes ?? 16_384);
      if (found !== undefined) return refuse(found);
      return withBodyDeadline(
        withHost(request),
        options.bodyTimeoutMs ?? 30_000,
        (timed) => options.fetch(timed, peer),
        // The gateway has the request, and records itself that its body broke off.
        () => toRefusalResponse({ code: "BODY_TIMEOUT" }, ports),
      );
    };
    const server = deno.serve(
      {
        hostname: options.host,
        port: options.port,
        ...options.tls,
        ...(options.reusePort === true ? { reusePort: true } : {}),
        signal: drain.cut,
        onListen: () => undefined,
        onError: () => toRefusalResponse({ code: "INTERNAL" }, ports),
      },
      async (request, { remoteAddr, completed }) => {
        drain.follow(completed);
        const response = await answer(request, { address: remoteAddr.hostname });
        return isLeaving ? asLast(response) : response;
      },
    );
    return {
      host: options.host,
      port: server.addr.port,
      lookAway: () => {
        isLeaving = true;
      },
      // Deno's server keeps the certificate that it began with.
      renewTls: () => false,
      close: async (deadlineMs) => {
        isLeaving = true;
        await drain.end(server, deadlineMs);
      },
    };
  };
}

/** Deno's server sends the header and leaves the closing to the client. */
function asLast({ body, status, statusText, headers }: Response): Response {
  const last = new Headers(headers);
  last.set("connection", "close");
  return new Response(body, { status, statusText, headers: last });
}

/**
 * Waits for the open requests, with the listener open, since the server's own graceful shutdown
 * cannot be cut short once it has begun. That is for the end, where only the rests of answers are
 * under way: the server calls an answer complete before its reader has taken it.
 */
function createDrain() {
  const cut = new AbortController();
  let open = 0;
  let isDraining = false;
  let isShuttingDown = false;
  let emptied: () => void = () => undefined;
  const settle = () => {
    open -= 1;
    if (open === 0) emptied();
  };
  return {
    cut: cut.signal,
    draining: () => isDraining,
    follow: (completed: Promise<void>) => {
      open += 1;
      completed.then(settle, settle);
    },
    end: async (server: DenoServer, deadlineMs: number) => {
      isDraining = true;
      let late: () => void = () => undefined;
      const deadline = new Promise<void>((resolve) => {
        late = resolve;
      });
      const timer = setTimeout(late, deadlineMs);
      const isEmpty = new Promise<void>((resolve) => {
        emptied = resolve;
      });
      if (open > 0) await Promise.race([isEmpty, deadline]);
      if (isShuttingDown) {
        await Promise.race([server.finished, deadline]);
      } else if (open === 0 && deadlineMs > 0) {
        isShuttingDown = true;
        await Promise.race([server.shutdown(), deadline]);
      } else {
        cut.abort();
        await server.finished;
      }
      clearTimeout(timer);
    },
  };
}

/**
 * Deno's parser refuses broken framing itself, and joins headers that stand twice: in these a
 * comma can only come from that, or makes them invalid anyway. A tool name may hold one, and is
 * compared with the body later.
 */
const joined = [
  "host",
  "authorization",
  "content-length",
  "transfer-encoding",
  "content-type",
  "origin",
  "mcp-session-id",
  "mcp-protocol-version",
  "mcp-method",
].filter(isSingleton);

function screen(request: Request, maxHeaderBytes: number): Finding | undefined {
  const { headers, method, url } = request;
  let bytes = url.length + method.length;
  for (const [name, value] of headers) bytes += name.length + value.length + 4;
  if (bytes > maxHeaderBytes) return { code: "HEADERS_TOO_LARGE" };
  const twice = joined.find((name) => headers.get(name)?.includes(",") === true);
  if (twice !== undefined) return malformed(`The header "${twice}" stands twice`);
  return screenMethod(method, headers.get("upgrade") ?? undefined) ?? screenUrl(url, headers);
}

/** HTTP/2 names the host beside its headers; from here on it stands where every guard looks. */
function withHost(request: Request): Request {
  if (request.headers.has("host")) return request;
  const headers = new Headers(request.headers);
  headers.set("host", new URL(request.url).host);
  return new Request(request, { headers });
}

/** Deno writes the target behind the Host it was sent for; another authority was in the target. */
function screenUrl(url: string, headers: Headers): Finding | undefined {
  if (!URL.canParse(url)) return malformed("The Host header is not valid");
  const start = url.indexOf("://") + 3;
  const slash = url.indexOf("/", start);
  const authority = url.slice(start, slash === -1 ? undefined : slash);
  const host = headers.get("host");
  if (host !== null && host.toLowerCase() !== authority.toLowerCase()) {
    return malformed("The request target must be a path");
  }
  return screenTarget(slash === -1 ? "" : url.slice(slash));
}
