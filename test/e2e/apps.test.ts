import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSession } from "./events.ts";
import {
  type RunningGateway,
  allowAll,
  authA,
  authB,
  modernRequest,
  post,
  runGateway,
  tokenA,
  tokenB,
} from "./gateway.ts";
import { type PlainRequest, type PlainServer, startPlainServer } from "./plain-server.ts";

const ui = "io.modelcontextprotocol/ui";
const mimeType = "text/html;profile=mcp-app";
const page = "ui://chart/page";

let server: PlainServer;
let plain: PlainServer;
let gateway: RunningGateway;

beforeAll(async () => {
  const carries = { tools: {}, resources: {} };
  server = await startPlainServer({ ...carries, extensions: { [ui]: {} } }, answer);
  plain = await startPlainServer(carries, answer);
  gateway = await runGateway({
    upstreams: { charts: { url: server.url }, plain: { url: plain.url } },
    clients: {
      a: { auth: authA, allow: allowAll },
      b: { auth: authB, allow: { tools: ["plain/*"] } },
    },
  });
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([server.close(), plain.close()]);
});

function answer({ method, params }: PlainRequest): object | undefined {
  const inputSchema = { type: "object" };
  if (method === "tools/list") {
    return {
      tools: [
        { name: "draw", inputSchema, _meta: { ui: { resourceUri: page, visibility: ["app"] } } },
        { name: "old", inputSchema, _meta: { "ui/resourceUri": page, other: page } },
      ],
      ttlMs: 0,
    };
  }
  if (method === "resources/list") return { resources: [{ uri: page, name: "page" }], ttlMs: 0 };
  if (method === "resources/templates/list") return { resourceTemplates: [], ttlMs: 0 };
  if (method !== "resources/read" || params["uri"] !== page) return undefined;
  return { contents: [{ uri: page, mimeType, text: "<p>chart</p>" }], ttlMs: 0 };
}

async function ask(
  method: string,
  params: Record<string, unknown> = {},
  how: { path?: string; token?: string; meta?: Record<string, unknown> } = {},
) {
  const { path = "/mcp", token = tokenA, meta = {} } = how;
  return (
    await post(`${gateway.url}${path}`, modernRequest(method, params, { meta }), token)
  ).json();
}
type Tools = readonly { name: string; _meta: Record<string, unknown> }[];
async function toolsOf(path: string): Promise<Tools> {
  return (await ask("tools/list", {}, { path })).result?.tools as unknown as Tools;
}

describe("the page of a tool", () => {
  test("is named at the shared endpoint as it is read there", async () => {
    const [draw, old] = await toolsOf("/mcp");
    expect(draw?._meta).toEqual({
      ui: { resourceUri: "charts+ui://chart/page", visibility: ["app"] },
    });
    expect(old?._meta).toEqual({ "ui/resourceUri": "charts+ui://chart/page", other: page });
    const { result } = await ask("resources/read", { uri: "charts+ui://chart/page" });
    expect(result?.["contents"]).toEqual([
      { uri: "charts+ui://chart/page", mimeType, text: "<p>chart</p>" },
    ]);
  });

  test("keeps its name at the endpoint of its upstream", async () => {
    const [draw, old] = await toolsOf("/mcp/charts");
    expect(draw?._meta).toEqual({ ui: { resourceUri: page, visibility: ["app"] } });
    expect(old?._meta).toEqual({ "ui/resourceUri": page, other: page });
    const { result } = await ask("resources/read", { uri: page }, { path: "/mcp/charts" });
    expect(result?.["contents"]).toEqual([{ uri: page, mimeType, text: "<p>chart</p>" }]);
  });

  test("has the same name in the list of resources", async () => {
    const { result } = await ask("resources/list");
    const resources = result?.["resources"] as { uri: string }[] | undefined;
    const uris = resources?.map(({ uri }) => uri);
    expect(uris).toEqual(["charts+ui://chart/page", "plain+ui://chart/page"]);
  });

  test("is read by nobody to whom it is not allowed", async () => {
    const { error } = await ask(
      "resources/read",
      { uri: "plain+ui://chart/page" },
      { token: tokenB },
    );
    expect(error?.data.code).toBe("TARGET_UNKNOWN");
  });

  test("is named alike for a legacy client", async () => {
    const session = await openSession(gateway.url);
    const { last } = await session.send("tools/list");
    const tools = last.result?.["tools"] as Tools | undefined;
    expect(tools?.[0]?._meta["ui"]).toMatchObject({ resourceUri: "charts+ui://chart/page" });
  });
});

describe("the extension", () => {
  test.each([
    ["/mcp", tokenA, true],
    ["/mcp/charts", tokenA, true],
    ["/mcp/plain", tokenA, false],
    ["/mcp", tokenB, false],
  ])(
    "is announced at %s where an upstream has it that the client reaches",
    async (path, token, has) => {
      const { result } = await ask("server/discover", {}, { path, token });
      const discovered = result?.["capabilities"] as Record<string, unknown>;
      const { greeting } = await openSession(gateway.url, { path, token });
      const greeted = greeting["capabilities"] as Record<string, unknown>;
      const expected = has ? { [ui]: {} } : undefined;
      expect([discovered["extensions"], greeted["extensions"]]).toEqual([expected, expected]);
    },
  );

  test("is told to the upstream as the client declares it", async () => {
    const extensions = { [ui]: { mimeTypes: [mimeType] }, "com.example/unknown": {} };
    const meta = { "io.modelcontextprotocol/clientCapabilities": { extensions } };
    await ask("resources/read", { uri: "charts+ui://chart/page" }, { meta });
    expect(server.requests.at(-1)?.capabilities).toEqual({
      extensions: { [ui]: { mimeTypes: [mimeType] } },
    });
  });
});
