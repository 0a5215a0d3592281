/** What stands between a store and those who use it: it can be slow, and it can be closed. */
import { type Socket, connect, createServer } from "node:net";
import { sleep } from "./eventually.ts";

export interface Road {
  readonly port: number;
  /** Of each text from the server. */
  delayMs: number;
  /** Nothing listens any more, and what was open breaks. */
  readonly refuse: () => Promise<void>;
  readonly listen: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function openRoad(to: number): Promise<Road> {
  const sockets = new Set<Socket>();
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    return socket;
  };
  const open = () =>
    createServer((near) => {
      const far = connect(to, "127.0.0.1");
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        track(one)
          .on("error", () => one.destroy())
          .once("close", () => other.destroy());
      }
      near.on("data", (data) => far.write(data));
      // One after the other, also where the delay has just become shorter.
      let tail = Promise.resolve();
      far.on("data", (data) => {
        const due = performance.now() + road.delayMs;
        tail = tail
          .then(() => (due > performance.now() ? sleep(due - performance.now()) : undefined))
          .then(() => void (near.destroyed || near.write(data)));
      });
    });
  let server = open();
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve()));
  await listen(0);
  const { port } = server.address() as { port: number };
  const refuse = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const road: Road = {
    port,
    delayMs: 0,
    refuse,
    listen: () => {
      server = open();
      return listen(port);
    },
    close: refuse,
  };
  return road;
}
