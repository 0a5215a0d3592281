import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSession } from "./events.ts";
import {
  type JsonAnswer,
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

const tasks = "io.modelcontextprotocol/tasks";
const knowsTasks = {
  "io.modelcontextprotocol/clientCapabilities": {
    elicitation: { form: {} },
    extensions: { [tasks]: {} },
  },
};
const awsKey = "AKIA" + "IOSFODNN7EXAMPLZ";
const tool = (name: string) => ({ name, inputSchema: { type: "object" } });

let server: PlainServer;
let gateway: RunningGateway;
/** What the tasks of the server are at, by their ids. */
const states = new Map<string, object>();

beforeAll(async () => {
  server = await startPlainServer({ tools: {}, extensions: { [tasks]: {} } }, answer);
  const other = { url: server.url };
  gateway = await runGateway({
    upstreams: { jobs: { url: server.url }, other },
    clients: {
      a: { auth: authA, allow: { ...allowAll, input: ["elicitation:form"] } },
      b: { auth: authB, allow: { tools: ["jobs/make", "jobs/rude"] } },
    },
  });
});
afterAll(async () => {
  await gateway.close();
  await server.close();
});

let made = 0;
function answer({ method, params, capabilities }: PlainRequest): object | undefined {
  if (method === "tools/list") return { tools: ["make", "rude", "private"].map(tool), ttlMs: 0 };
  const id = String(params["taskId"]);
  if (method === "tools/call") {
    const knows = JSON.stringify(capabilities).includes(tasks);
    if (!knows && params["name"] !== "rude")
      return { content: [{ type: "text", text: "at once" }] };
    const taskId = `task-${++made}`;
    states.set(taskId, { status: "working", statusMessage: `Uses ${awsKey}` });
    return { resultType: "task", taskId, ttlMs: 60_000, ...states.get(taskId) };
  }
  if (!states.has(id)) return undefined;
  if (method === "tasks/get") return { taskId: id, ttlMs: 60_000, ...states.get(id) };
  if (method === "tasks/cancel") states.set(id, { status: "cancelled" });
  if (method === "tasks/update")
    states.set(id, { status: "working", heard: params["inputResponses"] });
  return {};
}

type Result = NonNullable<JsonAnswer["result"]>;
interface How {
  readonly token?: string;
  readonly meta?: Record<string, unknown>;
  readonly path?: string;
}
async function ask(method: string, params: Record<string, unknown>, how: How = {}) {
  const { token = tokenA, meta = knowsTasks, path = "/mcp" } = how;
  const named = typeof params["taskId"] === "string" ? { "mcp-name": params["taskId"] } : {};
  const answered = await post(
    `${gateway.url}${path}`,
    modernRequest(method, params, { meta, headers: named }),
    token,
  );
  return { status: answered.status, text: answered.text, ...answered.json() };
}
async function make(how: How = {}): Promise<Result & { taskId: string }> {
  const name = how.path === undefined ? "jobs__make" : "make";
  const { result } = await ask("tools/call", { name, arguments: {} }, how);
  return result as Result & { taskId: string };
}
const theirs = (): string => `task-${made}`;
const lastOf = (method: string) => server.requests.findLast((each) => each.method === method);

test("a call that becomes a task has an id that says nothing", async () => {
  const task = await make();
  expect(task).toMatchObject({ resultType: "task", status: "working", ttlMs: 60_000 });
  expect(task.taskId).not.toContain("task-");
});

test.each(["/mcp", "/mcp/jobs"])(
  "a task of %s is asked for under the server's own id",
  async (path) => {
    const how = path === "/mcp" ? {} : { path };
    const { taskId } = await make(how);
    const { result } = await ask("tasks/get", { taskId }, how);
    expect(result).toMatchObject({ status: "working", resultType: "complete" });
    const seen = lastOf("tasks/get");
    expect([seen?.params["taskId"], seen?.headers.get("mcp-name")]).toEqual([theirs(), theirs()]);
  },
);

test("the id that comes back with a task is good for the next question", async () => {
  const { taskId } = await make();
  const { result } = await ask("tasks/get", { taskId });
  const again = await ask("tasks/get", { taskId: result?.["taskId"] });
  expect(again.result).toMatchObject({ status: "working" });
});

test("a task is cancelled", async () => {
  const { taskId } = await make();
  expect((await ask("tasks/cancel", { taskId })).result).toEqual({ resultType: "complete" });
  expect((await ask("tasks/get", { taskId })).result).toMatchObject({ status: "cancelled" });
});

describe("a task that is not the caller's", () => {
  test.each(["tasks/get", "tasks/update", "tasks/cancel"])(
    "is refused by %s as an unknown one is, and not asked for",
    async (method) => {
      const { taskId } = await make();
      const before = server.requests.length;
      const ids = [taskId, theirs(), "nonsense", taskId.slice(0, -2), ""];
      const answers: unknown[] = [];
      for (const id of ids) {
        const { status, error } = await ask(method, { taskId: id }, { token: tokenB });
        answers.push({ status, error: { ...error, data: error?.data.code } });
      }
      expect(answers[0]).toMatchObject({ status: 200, error: { code: -32602 } });
      expect(new Set(answers.map((each) => JSON.stringify(each))).size).toBe(1);
      expect(server.requests.length).toBe(before);
    },
  );

  test("is refused at the endpoint of another upstream", async () => {
    const { taskId } = await make();
    const { error } = await ask("tasks/get", { taskId }, { path: "/mcp/other" });
    expect(error?.data.code).toBe("TARGET_UNKNOWN");
  });
});

describe("what a task asks for", () => {
  const form = {
    status: "input_required",
    inputRequests: {
      name: {
        method: "elicitation/create",
        params: { mode: "form", message: "Name?", requestedSchema: { type: "object" } },
      },
    },
  };

  test("reaches the client, and its answer the server", async () => {
    const { taskId } = await make();
    states.set(theirs(), form);
    expect((await ask("tasks/get", { taskId })).result).toMatchObject(form);
    const inputResponses = { name: { action: "accept", content: { name: "Ada" } } };
    const updated = await ask("tasks/update", { taskId, inputResponses });
    expect(updated.result).toEqual({ resultType: "complete" });
    expect(lastOf("tasks/update")?.params["inputResponses"]).toEqual(inputResponses);
  });

  test.each([
    ["that is not granted", { token: tokenB }, form],
    [
      "that the client does not declare",
      { meta: { "io.modelcontextprotocol/clientCapabilities": { extensions: { [tasks]: {} } } } },
      form,
    ],
    [
      "of another kind",
      {},
      { ...form, inputRequests: { roots: { method: "roots/list", params: {} } } },
    ],
  ])("stays away where it is one %s", async (_, how, state) => {
    const { taskId } = await make(how);
    states.set(theirs(), state);
    const { text, error } = await ask("tasks/get", { taskId }, how);
    expect(error?.data.code).toBe("INPUT_DENIED");
    expect(text).not.toMatch(/Name\?|roots/);
  });
});

test("an answer to a task that may ask nothing goes nowhere", async () => {
  const { taskId } = await make({ token: tokenB });
  const inputResponses = { name: { action: "accept", content: { name: "Eve" } } };
  const updated = await ask("tasks/update", { taskId, inputResponses }, { token: tokenB });
  expect(updated.error?.data.code).toBe("PARAMS_INVALID");
  expect(JSON.stringify(lastOf("tasks/update") ?? null)).not.toContain("Eve");
});

describe("what a task says", () => {
  test("is cleaned when it begins", async () => {
    const task = await make();
    expect(JSON.stringify(task)).not.toContain(awsKey);
    expect(JSON.stringify(task)).toContain("Uses ");
  });

  test.each([
    [
      "its result",
      { status: "completed", result: { content: [{ type: "text", text: `It is ${awsKey}` }] } },
    ],
    ["its error", { status: "failed", error: { code: -32603, message: `It is ${awsKey}` } }],
    ["its status", { status: "working", statusMessage: `It is ${awsKey}` }],
    [
      "what came of it",
      {
        status: "completed",
        result: { content: [], structuredContent: { key: `It is ${awsKey}` } },
      },
    ],
  ])("is cleaned in %s", async (_, state) => {
    const { taskId } = await make();
    states.set(theirs(), state);
    const { text } = await ask("tasks/get", { taskId });
    expect(text).toContain("It is ");
    expect(text).not.toContain(awsKey);
  });

  test("names resources as the client knows them", async () => {
    const { taskId } = await make();
    const link = { type: "resource_link", uri: "note://1", name: "1" };
    states.set(theirs(), { status: "completed", result: { content: [link] } });
    const { result } = await ask("tasks/get", { taskId });
    expect(result?.["result"]).toEqual({ content: [{ ...link, uri: "jobs+note://1" }] });
  });
});

describe("a client that does not know of tasks", () => {
  const meta = {};
  const missing = {
    status: 400,
    error: {
      code: -32021,
      data: { requiredCapabilities: { extensions: { [tasks]: {} } } },
    },
  };

  test("is answered at once", async () => {
    const { result } = await ask("tools/call", { name: "jobs__make", arguments: {} }, { meta });
    expect(result?.content).toEqual([{ type: "text", text: "at once" }]);
  });

  test("is given no task by a server that makes one all the same", async () => {
    const { text, error } = await ask(
      "tools/call",
      { name: "jobs__rude", arguments: {} },
      { meta },
    );
    expect(error?.data.code).toBe("UPSTREAM_INVALID");
    expect(text).not.toContain("taskId");
  });

  test.each(["tasks/get", "tasks/update", "tasks/cancel"])("is refused by %s", async (method) => {
    const { taskId } = await make();
    expect(await ask(method, { taskId }, { meta })).toMatchObject(missing);
  });

  test("cannot subscribe to tasks", async () => {
    const notifications = { taskIds: ["x"] };
    expect(await ask("subscriptions/listen", { notifications }, { meta })).toMatchObject(missing);
  });

  test("of the legacy era is shown none, and has no method for them", async () => {
    const session = await openSession(gateway.url, {
      capabilities: { extensions: { [tasks]: {} } },
    });
    expect(JSON.stringify(session.greeting)).not.toContain(tasks);
    const { last } = await session.send("tools/call", { name: "jobs__make", arguments: {} });
    expect(last.result?.["content"]).toEqual([{ type: "text", text: "at once" }]);
    expect((await session.send("tasks/get", { taskId: "x" })).last.error?.code).toBe(-32601);
  });
});

test("tasks are announced to the modern era", async () => {
  const { result } = await ask("server/discover", {});
  expect(result?.["capabilities"]).toMatchObject({ extensions: { [tasks]: {} } });
});

test("each word with a task leaves a record that names its tool", async () => {
  const { taskId } = await make();
  await ask("tasks/get", { taskId });
  expect((await gateway.records()).at(-1)).toMatchObject({
    method: "tasks/get",
    upstream: "jobs",
    target: "make",
    decision: "allowed",
  });
});
