/** Bytes on a real socket, written as they are. */
import { connect } from "node:net";
import type { Socket } from "node:net";

export interface RawConnection {
  readonly socket: Socket;
  readonly text: () => string;
  /** Everything that came until the other side closed. */
  readonly closed: Promise<string>;
  readonly until: (part: string) => Promise<string>;
}

export function openRaw(port: number, bytes: string): RawConnection {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  const watchers = new Set<() => void>();
  const notify = () => {
    for (const watcher of watchers) watcher();
  };
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    text += chunk;
    notify();
  });
  socket.on("error", () => undefined);
  const closed = new Promise<string>((resolve) => {
    socket.once("close", () => resolve(text));
  });
  socket.write(bytes, "latin1");
  return {
    socket,
    text: () => text,
    closed,
    until: (part) =>
      Promise.race([
        closed,
        new Promise<string>((resolve) => {
          const look = () => {
            if (text.includes(part)) resolve(text);
          };
          watchers.add(look);
          look();
        }),
      ]),
  };
}

/** The whole answer to bytes that should end the connection. */
export function sendRaw(port: number, bytes: string): Promise<string> {
  return openRaw(port, bytes).closed;
}

export function statusOf(answer: string): number {
  return Number(answer.slice(9, 12));
}

export function problemOf(answer: string): { code?: string; detail?: string; requestId?: string } {
  return JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)) as { code?: string };
}
