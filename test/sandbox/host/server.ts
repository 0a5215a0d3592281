/** A server on loopback that keeps what it was asked. */
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { cert, key } from "../../runtime/tls.fixture.ts";

export interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}
export interface LoopbackServer {
  readonly origin: string;
  readonly port: number;
  readonly asked: readonly Asked[];
  readonly connections: () => number;
  readonly close: () => void;
}

export async function openServer(
  answer: (response: ServerResponse, asked: Asked) => void,
  { tls = false } = {},
): Promise<LoopbackServer> {
  const asked: Asked[] = [];
  let connections = 0;
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const { method, url, headers } = request;
      const one = { method, url, headers, body: Buffer.concat(pieces).toString("utf8") };
      asked.push(one);
      answer(response, one);
    });
  };
  const server = tls ? createTlsServer({ cert, key }, handle) : createServer(handle);
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    port,
    asked,
    connections: () => connections,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
