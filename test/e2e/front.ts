/** A load balancer of the tests' own: in turn, to the instances that say that they are ready. */
import { Agent, type IncomingMessage, type ServerResponse, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface Front {
  readonly url: string;
  /** Whether it knows of this many instances that they are ready. */
  readonly sees: (count: number) => boolean;
  readonly close: () => Promise<void>;
}

type Outcome = "answered" | "not begun";

const pollMs = 100;
const maxTries = 6;

/** `backends` are those of now: one that is started again listens elsewhere. */
export async function startFront(backends: () => readonly string[]): Promise<Front> {
  const agent = new Agent({ keepAlive: true });
  let ready = new Set<string>();
  let turn = 0;

  const look = async (): Promise<void> => {
    const all = backends();
    const found = await Promise.all(all.map(isReady));
    // One that is slow to say how it is stays what it was.
    ready = new Set(all.filter((url, index) => found[index] ?? ready.has(url)));
  };
  const pick = (): string | undefined => {
    const known = backends().filter((url) => ready.has(url));
    return known[turn++ % known.length];
  };

  /** What may have been begun with is never sent twice. */
  async function forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await read(incoming);
    for (let tries = 0; tries < maxTries; tries++) {
      const backend = pick();
      if (backend === undefined) break;
      if ((await send(backend, incoming, body, outgoing)) === "answered") return;
      ready.delete(backend);
    }
    outgoing.writeHead(503).end("No instance is ready");
  }

  function send(
    backend: string,
    { method, url, headers }: IncomingMessage,
    body: Buffer,
    outgoing: ServerResponse,
  ): Promise<Outcome> {
    return new Promise((resolve) => {
      const fail = (error: NodeJS.ErrnoException): void => {
        if (error.code === "ECONNREFUSED") return resolve("not begun");
        if (outgoing.headersSent) outgoing.destroy();
        else outgoing.writeHead(502).end(`The instance broke off: ${error.code}`);
        resolve("answered");
      };
      const { host } = new URL(backend);
      const going = request(`${backend}${url}`, { agent, method, headers: { ...headers, host } });
      going.on("error", fail);
      going.on("response", (answer) => {
        answer.on("error", fail);
        if (answer.statusCode !== 503) return resolve(relay(answer, outgoing));
        void read(answer).then((text) => {
          if (text.includes('"code":"DRAINING"')) return resolve("not begun");
          outgoing.writeHead(503, answer.headers).end(text);
          resolve("answered");
        }, fail);
      });
      outgoing.once("close", () => {
        if (!outgoing.writableFinished) going.destroy();
      });
      going.end(body);
    });
  }

  const server = createServer((incoming, outgoing) => {
    forward(incoming, outgoing).catch(() => outgoing.destroy());
  });
  // Who comes again after a pause must not meet a connection that ends just then.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await look();
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  const poll = (): void => {
    timer = setTimeout(() => void look().then(() => isClosed || poll()), pollMs);
  };
  poll();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sees: (count) => ready.size === count,
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Undefined where it does not say so in time. */
async function isReady(url: string): Promise<boolean | undefined> {
  const signal = AbortSignal.timeout(1_000);
  try {
    const answer = await fetch(`${url}/readyz`, { signal });
    await answer.text();
    return answer.ok;
  } catch {
    return signal.aborted ? undefined : false;
  }
}

function relay(answer: IncomingMessage, outgoing: ServerResponse): Outcome {
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  outgoing.flushHeaders();
  answer.pipe(outgoing);
  return "answered";
}

async function read(from: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of from) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
