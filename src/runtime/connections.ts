/** How connections end on Node: with an answer where one can still be given, and never later than due. */
import { STATUS_CODES } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Reply } from "../core/index.ts";

const lingerMs = 500;
/** The exchange that a socket is in; weak, because a server never tells of every end. */
const exchanges = new WeakMap<Socket, { incoming: IncomingMessage; outgoing: ServerResponse }>();
const finished = new WeakSet<Socket>();

/** Makes this the last answer of its connection. */
export function endWith({ socket }: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.shouldKeepAlive = false;
  finished.add(socket);
}

/**
 * Whether a socket has had its last answer. What was sent behind a refused request has been parsed
 * by then, and could be the part of it that somebody smuggled in (RFC 9112, section 11.2).
 */
export function isFinished({ socket }: IncomingMessage): boolean {
  return finished.has(socket);
}

export interface Sockets {
  /** Ends connections that have no request, now and as they become so. */
  readonly closeIdle: () => void;
  /** Ends all of them, those too that still shake hands for TLS. */
  readonly cut: () => void;
}

/** Remembers what each socket is busy with, and drops peers that do not take their answer. */
export function watchSockets(server: Server, writeTimeoutMs: number): Sockets {
  const sockets = new Set<Socket>();
  /** What a socket still owes; several where requests were sent one behind the other. */
  const owed = new WeakMap<Socket, Set<ServerResponse>>();
  let isClosing = false;
  const sweep = (): void => {
    // Node counts an answer as given once it is written and cuts the bytes that wait in the socket;
    // who is slow to take them holds the close anyway, and the idle ones with it.
    const isTaken = (socket: Socket): boolean => [...(owed.get(socket) ?? [])].some(isBeingTaken);
    if (isClosing && ![...sockets].some(isTaken)) server.closeIdleConnections();
  };
  const follow = (socket: Socket): void => {
    sockets.add(socket);
    owed.set(socket, new Set());
    socket.once("close", () => sockets.delete(socket));
  };
  server.on("connection", follow);
  server.on("secureConnection", follow);
  server.prependListener("request", (incoming, outgoing) => {
    const { socket } = incoming;
    exchanges.set(socket, { incoming, outgoing });
    owed.get(socket)?.add(outgoing);
    outgoing.once("close", () => {
      owed.get(socket)?.delete(outgoing);
      if (exchanges.get(socket)?.outgoing === outgoing) exchanges.delete(socket);
      sweep();
    });
  });
  server.setTimeout(writeTimeoutMs, (socket: Socket) => {
    // Waiting for the gateway's own answer is no fault of the peer; each wait inside has its end.
    if (exchanges.has(socket) && socket.writableLength === 0) return;
    socket.destroy();
  });
  return {
    closeIdle: () => {
      isClosing = true;
      sweep();
      setTimeout(() => {
        for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      }, lingerMs).unref();
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function isBeingTaken({ writableEnded, writableFinished }: ServerResponse): boolean {
  return writableEnded && !writableFinished;
}

/**
 * Ends a socket whose request cannot be read on, and says why unless an answer is under way.
 * `toReply` hears whether the gateway has the request already, and so records it itself.
 */
export function cutOff(socket: Socket, toReply: (isSeen: boolean) => Reply): void {
  const exchange = exchanges.get(socket);
  const answered =
    exchange !== undefined && (exchange.outgoing.headersSent || exchange.incoming.complete);
  if (answered || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(toText(toReply(exchange !== undefined)));
  drain(socket);
}

function toText({ status, headers, body }: Reply): string {
  const text = body as string;
  const lines = Object.entries({
    ...headers,
    connection: "close",
    "content-length": String(Buffer.byteLength(text)),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${text}`;
}

export function hasUnreadBody({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/**
 * Closes the connection after the answer, but not at once: a socket that is closed with unread
 * input is reset, and a reset can destroy the answer before the peer has read it (RFC 9112, 9.6).
 */
export function lingerAfter(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { socket } = incoming;
  endWith(incoming, outgoing);
  socket.destroySoon = () => {
    socket.end();
    incoming.removeAllListeners("data");
    incoming.resume();
    drain(socket);
  };
}

function drain(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
}
