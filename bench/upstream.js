/** The server behind both proxies: node:http alone, modern MCP, answers of a chosen size. */
import { createServer } from "node:http";
import { proseOf } from "./prose.js";

const answers = new Map([200, 10_240].map((size) => [size, JSON.stringify(proseOf(size))]));
const tool = {
  name: "read",
  description: "Reads a piece of text",
  inputSchema: {
    type: "object",
    properties: {
      size: { type: "integer", minimum: 1, maximum: 1_000_000 },
      path: { type: "string", maxLength: 200 },
      tags: { type: "array", items: { type: "string" }, maxItems: 8 },
    },
    required: ["size", "path"],
    additionalProperties: false,
  },
};
const meta =
  '"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"bench","version":"1"}}';
const cache = '"ttlMs":600000,"cacheScope":"private"';

function resultOf({ method, params }) {
  if (method === "tools/call") {
    return `{"content":[{"type":"text","text":${answers.get(params.arguments.size)}}],${meta}}`;
  }
  if (method === "tools/list") return `{"tools":[${JSON.stringify(tool)}],${cache},${meta}}`;
  if (method === "server/discover") {
    return `{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},${cache},${meta}}`;
  }
  return undefined;
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const message = JSON.parse(Buffer.concat(chunks).toString());
    const id = JSON.stringify(message.id);
    const result = resultOf(message);
    const body =
      result === undefined
        ? `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"Method not found"}}`
        : `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    response.writeHead(result === undefined ? 404 : 200, headers).end(body);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
