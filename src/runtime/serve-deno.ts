/** The listener on Deno. What its server leaves open is named in `docs/deno.md`. */
import { withBodyDeadline } from "./body-deadline.ts";
import type { DenoGlobal } from "./deno-global.ts";
import { toRefusalResponse } from "./refusal.ts";
import type { ServePorts } from "./refusal.ts";
import { isSingleton, malformed, screenMethod, screenTarget } from "./screen.ts";
import type { Finding } from "./screen.ts";
import type { Peer, Serve } from "./runtime.ts";

export function createDenoServe(deno: DenoGlobal, ports: ServePorts): Serve {
  return (options) => {
    const drain = createDrain();
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
        signal: drain.cut,
        onListen: () => undefined,
        onError: () => toRefusalResponse({ code: "INTERNAL" }, ports),
      },
      (request, { remoteAddr, completed }) => {
        drain.follow(completed);
        return answer(request, { address: remoteAddr.hostname });
      },
    );
    return Promise.resolve({
      host: options.host,
      port: server.addr.port,
      close: async (deadlineMs) => {
        await drain.end(deadlineMs);
        await server.finished;
      },
    });
  };
}

/**
 * Waits for the open requests before everything is cut. The server's own graceful shutdown cannot
 * be cut short once it has begun, so the listener stays open and refuses until then.
 */
function createDrain() {
  const cut = new AbortController();
  let open = 0;
  let draining = false;
  const settle = () => {
    open -= 1;
    if (draining && open === 0) cut.abort();
  };
  return {
    cut: cut.signal,
    draining: () => draining,
    follow: (completed: Promise<void>) => {
      open += 1;
      completed.then(settle, settle);
    },
    end: async (deadlineMs: number) => {
      draining = true;
      if (open === 0) cut.abort();
      if (cut.signal.aborted) return;
      const timer = setTimeout(() => cut.abort(), deadlineMs);
      await new Promise((resolve) => cut.signal.addEventListener("abort", resolve, { once: true }));
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
