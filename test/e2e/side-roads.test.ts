import { afterEach, describe, expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import { type EchoBehaviour, type EchoServer, anyTool, startEchoServer } from "./echo-server.ts";
import {
  type RunningGateway,
  allowAll,
  authA,
  modernRequest,
  post,
  runGateway,
} from "./gateway.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
const key = "AKIA" + "IOSFODNN7EXAMPLZ";

async function open(
  behaviours: Record<string, EchoBehaviour>,
  config: (servers: Record<string, EchoServer>) => ConfigInput,
): Promise<{ gateway: RunningGateway; servers: Record<string, EchoServer> }> {
  const servers: Record<string, EchoServer> = {};
  for (const [name, behaviour] of Object.entries(behaviours)) {
    servers[name] = await startEchoServer(behaviour);
  }
  const gateway = await runGateway(config(servers));
  ends.push(async () => {
    await gateway.close();
    for (const server of Object.values(servers)) await server.close();
  });
  return { gateway, servers };
}
const one = (
  behaviour: EchoBehaviour,
  extra: Partial<ConfigInput> = {},
  allow: object = allowAll,
) =>
  open({ x: behaviour }, ({ x }) => ({
    upstreams: { x: { url: x?.url ?? "" } },
    clients: { a: { auth: authA, allow } },
    ...extra,
  }));

describe("a server that folds case cannot be told what no rule has seen", () => {
  const opts = `{"name":"t","inputSchema":{"type":"object","properties":{"opts":{"type":"object","properties":{"path":{"type":"string"}}},"list":{"type":"array","items":{"type":"object","properties":{"path":{"type":"string"}}}},"env":{"type":"object"}}}}`;
  test.each([
    ["in an object", { opts: { path: "/tmp", Path: "/etc/x" } }],
    ["in a list", { list: [{ path: "a" }, { PATH: "/etc/x" }] }],
    ["by a long s", { optſ: {} }],
  ])("%s", async (_, args) => {
    const { gateway, servers } = await one({ tools: () => [opts] });
    const request = modernRequest("tools/call", { name: "x__t", arguments: args });
    const answer = await post(`${gateway.url}/mcp`, request);
    expect(answer.json().result?.content?.[0]?.text).toContain("only in case");
    expect(servers["x"]?.calls).toHaveLength(0);
  });

  test("and keys that the schema does not name are nobody's to judge", async () => {
    const { gateway, servers } = await one({ tools: () => [opts] });
    const args = { env: { Path: "a", PATH: "b" } };
    await post(
      `${gateway.url}/mcp`,
      modernRequest("tools/call", { name: "x__t", arguments: args }),
    );
    expect(servers["x"]?.calls).toHaveLength(1);
  });

  test("nor in a completion's reference", async () => {
    const { gateway, servers } = await one({});
    const ref = { type: "ref/prompt", name: "x__p", Name: "forbidden" };
    const argument = { name: "a", value: "" };
    const request = modernRequest("completion/complete", { ref, argument });
    expect((await post(`${gateway.url}/mcp`, request)).json().error?.data.code).toBe(
      "MESSAGE_MALFORMED",
    );
    expect(servers["x"]?.calls).toHaveLength(0);
  });
});

test("the words of a tool's schema are cleaned before a refusal tells them", async () => {
  const tool = `{"name":"t","inputSchema":{"type":"object","required":["${key}\\u202e"]}}`;
  const { gateway } = await one({ tools: () => [tool] });
  const request = modernRequest("tools/call", { name: "x__t", arguments: {} });
  const answer = await post(`${gateway.url}/mcp`, request);
  expect(answer.text).toContain("ARGUMENTS_INVALID");
  expect(answer.text).not.toContain(key);
  expect(answer.text).not.toContain("\u202e");
});

test("lists and instructions are cleaned under their own upstream's settings", async () => {
  const tools = () => [`{"name":"t","description":"key ${key}","inputSchema":{"type":"object"}}`];
  const instructions = `use ${key}`;
  const { gateway } = await open(
    { strict: { tools, instructions }, loose: { tools, instructions } },
    ({ strict, loose }) => ({
      upstreams: {
        strict: { url: strict?.url ?? "", sanitize: { secrets: "redact" } },
        loose: { url: loose?.url ?? "" },
      },
      sanitize: { secrets: "off" },
      clients: { a: { auth: authA, allow: allowAll } },
    }),
  );
  for (const method of ["tools/list", "server/discover"]) {
    const both = await post(`${gateway.url}/mcp`, modernRequest(method));
    expect(both.text.split(key)).toHaveLength(2);
    const strict = await post(`${gateway.url}/mcp/strict`, modernRequest(method));
    expect(strict.text).not.toContain(key);
    expect(strict.text).toContain("[redacted");
  }
  const record = (await gateway.records()).at(-1);
  expect(record?.["redactions"]).toMatchObject([{ where: "/result/instructions" }]);
});

test("an upstream with a huge list fills its pages, and the others are listed after it", async () => {
  const huge = Array.from(
    { length: 40 },
    (_, index) =>
      `{"name":"t${index}","description":"${"x".repeat(30_000)}","inputSchema":{"type":"object"}}`,
  );
  const { gateway } = await open({ huge: { tools: () => huge }, small: {} }, ({ huge, small }) => ({
    upstreams: { huge: { url: huge?.url ?? "" }, small: { url: small?.url ?? "" } },
    clients: { a: { auth: authA, allow: allowAll, maxResponseBytes: 100_000 } },
  }));
  const names: string[] = [];
  for (let params: { cursor?: unknown } | undefined = {}; params !== undefined;) {
    const list = await post(`${gateway.url}/mcp`, modernRequest("tools/list", params));
    expect(list.text.length).toBeLessThan(100_000);
    const { tools = [], nextCursor } = list.json().result ?? {};
    names.push(...tools.map(({ name }) => name));
    params = nextCursor === undefined ? undefined : { cursor: nextCursor };
  }
  expect(names).toEqual([...huge.map((_, index) => `huge__t${index}`), "small__echo"]);
});

test("a forged answer to input that nobody asked for goes nowhere", async () => {
  const { gateway, servers } = await one({});
  for (const [extra, code] of [
    [{ inputResponses: {} }, "PARAMS_INVALID"],
    [{ requestState: "s" }, "STATE_INVALID"],
  ] as const) {
    const params = { name: "x__echo", arguments: {}, ...extra };
    const answer = await post(`${gateway.url}/mcp`, modernRequest("tools/call", params));
    expect(answer.json().error?.data.code).toBe(code);
  }
  expect(servers["x"]?.calls).toHaveLength(0);
});

test("a prompt that is not listed cannot be got", async () => {
  const { gateway, servers } = await one({});
  const answer = await post(
    `${gateway.url}/mcp`,
    modernRequest("prompts/get", { name: "x__secret" }),
  );
  expect(answer.json().error?.data.code).toBe("TARGET_UNKNOWN");
  expect(servers["x"]?.calls).toHaveLength(0);
});

describe("completion on a template", () => {
  const templates = ['{"uriTemplate":"file:///{+path}","name":"files"}'];
  const behaviour: EchoBehaviour = {
    templates,
    result: () =>
      '{"completion":{"values":["public/a","private/key","../private/key",7],"total":4},"resultType":"complete"}',
  };
  const ask = (uri: string) =>
    modernRequest("completion/complete", {
      ref: { type: "ref/resource", uri },
      argument: { name: "path", value: "" },
    });

  test("gives only values that may be read", async () => {
    const { gateway } = await one(behaviour, {}, { resources: ["x/file:///public/*"] });
    const answer = await post(`${gateway.url}/mcp`, ask("x+file:///{+path}"));
    expect(answer.json().result?.["completion"]).toEqual({ values: ["public/a"], total: 4 });
  });

  test.each(["x+file:///public/../private/{path}", "x+{path}", "x+file:///public/{other}"])(
    "is refused for %s, which nobody lists",
    async (uri) => {
      const { gateway, servers } = await one(behaviour, {}, { resources: ["x/file:///public/*"] });
      const answer = await post(`${gateway.url}/mcp`, ask(uri));
      expect(answer.json().error?.data.code).toBe("TARGET_UNKNOWN");
      expect(servers["x"]?.calls).toHaveLength(0);
    },
  );
});

test("with an upstream that has no prefix, a name that two own is nobody's", async () => {
  const { gateway } = await open(
    { bare: { tools: () => [anyTool("x__echo"), anyTool("mine")] }, x: {} },
    ({ bare, x }) => ({
      upstreams: {
        bare: { url: bare?.url ?? "", expose: { prefix: "" } },
        x: { url: x?.url ?? "" },
      },
      clients: { a: { auth: authA, allow: allowAll } },
    }),
  );
  const list = await post(`${gateway.url}/mcp`, modernRequest("tools/list"));
  expect(list.json().result?.tools?.map(({ name }) => name)).toEqual(["mine"]);
  const call = (name: string) =>
    post(`${gateway.url}/mcp`, modernRequest("tools/call", { name, arguments: {} }));
  expect((await call("x__echo")).json().error?.data.code).toBe("TARGET_UNKNOWN");
  expect((await call("mine")).json().result?.content?.[0]?.text).toBe("ok");
});

test("a thousand calls leave no slot, timer or listener behind", async () => {
  const { gateway } = await open({ x: {} }, ({ x }) => ({
    upstreams: { x: { url: x?.url ?? "" } },
    clients: {
      a: { auth: authA, allow: allowAll, maxConcurrent: 4, rate: { burst: 10_000, perSecond: 1 } },
    },
  }));
  const before = process.getActiveResourcesInfo().filter((each) => each === "Timeout").length;
  for (let round = 0; round < 250; round++) {
    const calls = Array.from({ length: 4 }, () =>
      post(`${gateway.url}/mcp`, modernRequest("tools/call", { name: "x__echo", arguments: {} })),
    );
    for (const answer of await Promise.all(calls)) expect(answer.status).toBe(200);
  }
  const after = process.getActiveResourcesInfo().filter((each) => each === "Timeout").length;
  expect(after - before).toBeLessThan(20);
});
