/** An MCP server over HTTP that answers as a test tells it to, byte by byte. */
import { type IncomingHttpHeaders, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  readonly httpMethod: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly id: number;
  readonly method: string;
  /** The exact text of `params`. */
  readonly params: string;
}
export interface FakeServer {
  readonly url: string;
  readonly asked: readonly Asked[];
  readonly methods: () => readonly string[];
  /** Requests whose answer has neither ended nor been cut. */
  readonly busy: () => number;
  readonly close: () => Promise<void>;
}
export type Answerer = (asked: Asked, response: ServerResponse) => void;

export async function startFake(answer: Answerer): Promise<FakeServer> {
  const asked: Asked[] = [];
  let busy = 0;
  const server = createServer((incoming, response) => {
    busy++;
    response.once("close", () => busy--);
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const { id = 0, method = "" } = body === "" ? {} : (JSON.parse(body) as Partial<Asked>);
      const params = /"params":(.*)\}$/s.exec(body)?.[1] ?? "";
      const httpMethod = incoming.method ?? "";
      const one = { httpMethod, headers: incoming.headers, body, id, method, params };
      asked.push(one);
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    asked,
    methods: () => asked.map(({ method, httpMethod }) => (method === "" ? httpMethod : method)),
    busy: () => busy,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function sendJson(response: ServerResponse, text: string, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(text);
}

export function result(id: number | string, text: string): string {
  return `{"jsonrpc":"2.0","id":${id},"result":${text}}`;
}

export function error(id: number | string, code: number, data = "null"): string {
  return `{"jsonrpc":"2.0","id":${id},"error":{"code":${code},"message":"no","data":${data}}}`;
}

export function startEvents(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
}

export function sendEvents(response: ServerResponse, ...texts: readonly string[]): void {
  startEvents(response);
  response.end(texts.map((text) => `data: ${text}\n\n`).join(""));
}

export const discovery =
  '{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"resources":{},"prompts":{}},"instructions":"Be kind","resultType":"complete","ttlMs":0,"cacheScope":"private"}';

/** A modern server: `server/discover` is answered, everything else is the test's. */
export function modern(answer: Answerer): Answerer {
  return (asked, response) => {
    if (asked.method === "server/discover") sendJson(response, result(asked.id, discovery));
    else answer(asked, response);
  };
}

/** A legacy server with sessions; `session` may look at the id that was sent. */
export function legacy(
  answer: Answerer,
  session: (sent: string | undefined) => string | undefined = () => "s-1",
): Answerer {
  return (asked, response) => {
    const sent = asked.headers["mcp-session-id"]?.toString();
    const id = asked.method === "server/discover" ? undefined : session(sent);
    if (asked.method === "initialize") {
      if (id !== undefined) response.setHeader("mcp-session-id", id);
      const version = '"protocolVersion":"2025-06-18"';
      const capabilities = '"capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}';
      sendJson(response, result(asked.id, `{${version},${capabilities}}`));
    } else if (asked.method === "server/discover") {
      sendJson(response, error("null", -32000), 400);
    } else if (id !== undefined && sent !== id) {
      sendJson(response, error("null", -32001), 404);
    } else if (
      asked.httpMethod === "DELETE" ||
      asked.body === "" ||
      !asked.body.includes('"id":')
    ) {
      response.writeHead(202).end();
    } else {
      answer(asked, response);
    }
  };
}
