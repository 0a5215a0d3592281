/** A small modern MCP server over HTTP for tests: echoes what it got, and misbehaves on request. */
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
  readonly body: string;
}
export interface EchoServer {
  readonly url: string;
  /** Every request but `server/discover` and lists, in order. */
  readonly calls: SeenRequest[];
  readonly all: SeenRequest[];
  readonly close: () => Promise<void>;
}

export interface EchoBehaviour {
  /** The text of `result` for a call, or a whole answer of its own. */
  readonly result?: (params: string, request: SeenRequest) => string;
  readonly raw?: (id: string, response: ServerResponse, request: SeenRequest) => void;
  /** Definitions of the tools, as JSON texts. */
  readonly tools?: () => readonly string[];
  readonly instructions?: string;
  readonly resources?: readonly string[];
  readonly templates?: readonly string[];
  readonly prompts?: readonly string[];
}

export const anyTool = (name: string): string =>
  `{"name":${JSON.stringify(name)},"description":"Takes anything","inputSchema":{"type":"object"}}`;

export async function startEchoServer(behaviour: EchoBehaviour = {}): Promise<EchoServer> {
  const calls: SeenRequest[] = [];
  const all: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const seen = { headers: request.headers, rawHeaders: request.rawHeaders, body };
      all.push(seen);
      const { id, method } = JSON.parse(body) as { id: number; method: string };
      const answer = (result: string): void => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
      };
      const cacheable = '"resultType":"complete","ttlMs":60000,"cacheScope":"public"';
      if (method === "server/discover") {
        const instructions = behaviour.instructions
          ? `,"instructions":${JSON.stringify(behaviour.instructions)}`
          : "";
        return answer(
          `{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"resources":{},"prompts":{},"completions":{}}${instructions},${cacheable}}`,
        );
      }
      if (method === "tools/list") {
        const tools = behaviour.tools?.() ?? [anyTool("echo")];
        return answer(`{"tools":[${tools.join(",")}],${cacheable}}`);
      }
      if (method === "resources/list") {
        return answer(`{"resources":[${(behaviour.resources ?? []).join(",")}],${cacheable}}`);
      }
      if (method === "prompts/list") {
        return answer(`{"prompts":[${(behaviour.prompts ?? []).join(",")}],${cacheable}}`);
      }
      if (method === "resources/templates/list") {
        const templates = (behaviour.templates ?? []).join(",");
        return answer(`{"resourceTemplates":[${templates}],${cacheable}}`);
      }
      calls.push(seen);
      if (behaviour.raw) return behaviour.raw(String(id), response, seen);
      const params = /"params":(.*)\}$/s.exec(body)?.[1] ?? "{}";
      return answer(
        behaviour.result?.(params, seen) ??
          `{"content":[{"type":"text","text":"ok"}],"resultType":"complete"}`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    calls,
    all,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
