/** The listener on Node. */
import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Server as TlsServer } from "node:https";
import { Server as NetServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener, RequestError } from "@hono/node-server";
import { type Reply, createCanceller } from "../core/index.ts";
import type { HeaderView } from "../mcp/index.ts";
import {
  cutOff,
  endWith,
  hasUnreadBody,
  isFinished,
  lingerAfter,
  watchSockets,
} from "./connections.ts";
import type { Sockets } from "./connections.ts";
import { toRefusal, toRefusalResponse } from "./refusal.ts";
import type { ServePorts } from "./refusal.ts";
import { malformed, screenMethod, screenRawHeaders, screenTarget } from "./screen.ts";
import type { Finding } from "./screen.ts";
import { toBody } from "./node-body.ts";
import type { Listening, Peer, Serve, ServeOptions } from "./runtime.ts";

const maxConnections = 10_000;

export function createNodeServe(ports: ServePorts): Serve {
  return async (options) => {
    const server = createHttpServer(options);
    const life = { isLeaving: false };
    const problem = (found: Finding, socket: Socket, isSeen = false): Reply => {
      if (!isSeen) options.refused?.(found.code, { address: socket.remoteAddress });
      return toRefusal(found, ports);
    };
    const answer = getRequestListener(
      async (request, { incoming, outgoing }) => {
        const exchange = { incoming, outgoing } as Exchange;
        const response = await options.fetch(request, toPeer(exchange));
        if (life.isLeaving) exchange.outgoing.shouldKeepAlive = false;
        if (hasUnreadBody(exchange.incoming)) lingerAfter(exchange.incoming, exchange.outgoing);
        return response;
      },
      {
        hostname: options.host,
        errorHandler: (error) =>
          toRefusalResponse(
            error instanceof RequestError
              ? malformed("The Host header is not valid")
              : { code: "INTERNAL" },
            ports,
          ),
      },
    );
    server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
      if (isFinished(incoming)) return;
      const found = screen(incoming);
      if (found === undefined) void answer(incoming, outgoing);
      else refuse(problem(found, incoming.socket), incoming, outgoing);
    });
    const sockets = watchSockets(server, options.writeTimeoutMs ?? 60_000);
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      if (error.code === "ECONNRESET") socket.destroy();
      else cutOff(socket, (isSeen) => problem(toFinding(error), socket, isSeen));
    });
    server.on("connect", (_request: IncomingMessage, socket: Socket) => {
      cutOff(socket, () => problem({ code: "HTTP_METHOD_UNSUPPORTED" }, socket));
    });
    await listen(server, options);
    server.on("error", (error) => ports.log.error("The listener failed", { reason: error.name }));
    return toListening(server, options, life, sockets);
  };
}

function toPeer({ incoming, outgoing }: Exchange): Peer {
  const gone = createCanceller();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  return {
    address: incoming.socket.remoteAddress,
    gone,
    body: toBody(incoming),
    headers: toHeaderView(incoming.headers),
  };
}

function toHeaderView(headers: IncomingHttpHeaders): HeaderView {
  return {
    get: (name) => {
      const value = headers[name];
      return value === undefined ? null : Array.isArray(value) ? value.join(", ") : value;
    },
    keys: () => Object.keys(headers),
  };
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

function createHttpServer(options: ServeOptions): Server {
  const headersTimeout = options.headersTimeoutMs ?? 10_000;
  const settings = {
    maxHeaderSize: options.maxHeaderBytes ?? 16_384,
    // Node would refuse it by itself, and then serve what was sent behind it.
    requireHostHeader: false,
    headersTimeout,
    requestTimeout: headersTimeout + (options.bodyTimeoutMs ?? 30_000),
    keepAliveTimeout: options.keepAliveTimeoutMs ?? 65_000,
    connectionsCheckingInterval: Math.min(1_000, Math.ceil(headersTimeout / 4)),
  };
  const server =
    options.tls === undefined
      ? createServer(settings)
      : createTlsServer({ ...settings, ...options.tls, handshakeTimeout: headersTimeout });
  server.maxConnections = maxConnections;
  return server;
}

function screen({ rawHeaders, headers, method, url }: IncomingMessage): Finding | undefined {
  return (
    screenRawHeaders(rawHeaders) ??
    screenMethod(method ?? "", headers.upgrade) ??
    screenTarget(url ?? "")
  );
}

function toFinding(error: NodeJS.ErrnoException): Finding {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return { code: "HEADERS_TOO_LARGE" };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { code: "BODY_TIMEOUT" };
    default:
      return { code: "MESSAGE_MALFORMED", detail: "The request is not valid HTTP" };
  }
}

function refuse(reply: Reply, incoming: IncomingMessage, outgoing: ServerResponse): void {
  endWith(incoming, outgoing);
  if (hasUnreadBody(incoming)) lingerAfter(incoming, outgoing);
  const body = reply.body as string;
  outgoing.writeHead(reply.status, {
    ...reply.headers,
    "content-length": Buffer.byteLength(body),
  });
  outgoing.end(body);
}

function listen(server: Server, { host, port }: ServeOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function toListening(
  server: Server,
  { host, tls }: ServeOptions,
  life: { isLeaving: boolean },
  sockets: Sockets,
): Listening {
  return {
    host,
    port: (server.address() as AddressInfo).port,
    lookAway: () => {
      life.isLeaving = true;
    },
    renewTls: (renewed) => {
      if (tls === undefined) return false;
      (server as TlsServer).setSecureContext({ ...renewed });
      return true;
    },
    close: (deadlineMs) =>
      new Promise((resolve) => {
        life.isLeaving = true;
        const timer = setTimeout(sockets.cut, deadlineMs);
        // Not the server's own `close`: it cuts the rest of an answer that its reader still takes.
        NetServer.prototype.close.call(server, () => {
          clearTimeout(timer);
          resolve();
        });
        sockets.closeIdle();
      }),
  };
}
