/** `mcp-gw tools`: against a gateway with a real server behind it, a server itself, and one that lies. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callTool, inspectTool, listTools } from "../../src/cli/tool-run.ts";
import { type ToolServer, toTools } from "../../src/cli/tool-server.ts";
import { openToolServer } from "../../src/cli/tool-way.ts";
import { type JsonObject, reread } from "../../src/mcp/index.ts";
import { type Runtime, openRuntime } from "../../src/runtime/index.ts";
import { type RunningGateway, allowAll, npmServer, runGateway } from "../e2e/gateway.ts";

const node = process.versions["deno"] === undefined ? process.execPath : "node";
const token = "a-token-of-a-client-that-is-long-enough-to-be-one";
let gateway: RunningGateway;
let folder: string;
let runtime: Runtime;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tools-"));
  const upstreams = { everything: { ...npmServer("server-everything", "stdio"), command: node } };
  const input = ["elicitation"];
  const clients = {
    local: { auth: "anonymous", allow: { ...allowAll, input } },
    desktop: { auth: "stdio", allow: allowAll },
    app: { auth: { token: { secret: "APP_TOKEN" } }, allow: { tools: ["everything/echo"] } },
  };
  await writeFile(join(folder, "gateway.config.json"), JSON.stringify({ upstreams, clients }));
  await writeFile(join(folder, ".env"), `APP_TOKEN=${token}\n`);
  const { Secret } = await import("../../src/core/index.ts");
  gateway = await runGateway({
    upstreams,
    clients: {
      local: { auth: "anonymous", allow: { ...allowAll, input } },
      app: { auth: { token: new Secret(token) }, allow: { tools: ["everything/echo"] } },
    },
  } as Parameters<typeof runGateway>[0]);
  runtime = { ...(await openRuntime()), cwd: () => folder };
});
afterAll(async () => {
  await gateway.close();
  await rm(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
type Options = Partial<Parameters<typeof openToolServer>[0]>;
type Act = (server: ToolServer, output: Parameters<typeof listTools>[2]) => Promise<number>;

async function withServer(server: ToolServer, act: Act): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const output = {
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
  };
  const code = await act(server, output);
  await server.close();
  return { code, out: out.join("\n"), err: err.join("\n") };
}

async function at(options: Options, act: Act): Promise<Ran> {
  const opened = await openToolServer({ direct: false, ...options }, runtime);
  if ("fault" in opened) return { code: 2, out: "", err: opened.fault };
  return withServer(opened, act);
}

const ls: Act = (server, output) => listTools(server, { json: false }, output);
const inspect =
  (name: string, json = false): Act =>
  (server, output) =>
    inspectTool(server, name, { json }, output);
const call =
  (name: string | undefined, args = "{}", more: Partial<Runtime> = {}, json = false): Act =>
  (server, output) =>
    callTool(server, { name, args, timeout: "20000", json }, { ...runtime, ...more }, output);

test("ls shows the tools that the client sees, under the names of the endpoint", async () => {
  const all = await at({ url: gateway.url }, ls);
  expect(all.code).toBe(0);
  expect(all.out).toMatch(/^everything__echo +read-only, idempotent, closed world +Echo Tool$/m);
  expect(all.out).toContain("everything__get-sum");
  const few = await at({ url: gateway.url, client: "app" }, ls);
  expect(few.out).toContain("everything__echo");
  expect(few.out).not.toContain("everything__get-sum");
  const own = await at({ url: gateway.url, upstream: "everything", token }, ls);
  expect(own.out).toMatch(/^echo +/m);
});

test("ls and call say what the gateway refuses, and end with 1", async () => {
  const wrong = "b-token-of-nobody-that-is-long-enough-to-be-one";
  expect(await at({ url: gateway.url, token: wrong }, ls)).toEqual({
    code: 1,
    out: "",
    err: "TOKEN_INVALID: The bearer token is not accepted",
  });
  const { code, err } = await at({ url: gateway.url }, call("everything__eho"));
  expect(code).toBe(1);
  expect(err).toContain("TARGET_UNKNOWN: Unknown tool, resource or prompt");
  expect(err).toContain(
    'There is no tool "everything__eho" here (did you mean "everything__echo"?)',
  );
});

test("inspect shows one definition whole, for people and as it came", async () => {
  const { out, code } = await at({ url: gateway.url }, inspect("everything__get-sum"));
  expect(code).toBe(0);
  expect(out).toContain("Returns the sum of two numbers");
  expect(out).toContain('    "a": {\n      "type": "number"');
  const json = await at({ url: gateway.url }, inspect("everything__get-sum", true));
  expect(JSON.parse(json.out)).toMatchObject({ name: "everything__get-sum" });
  expect((await at({ url: gateway.url }, inspect("nothing"))).code).toBe(1);
});

test("call takes arguments from the command line, a file and standard input", async () => {
  const sum = "everything__get-sum";
  await writeFile(join(folder, "args.json"), '{"a":1,"b":2}');
  for (const args of ['{"a":1,"b":2}', "@args.json", "-"]) {
    const readInput = () => Promise.resolve('{"a":1,"b":2}\n');
    expect(await at({ url: gateway.url }, call(sum, args, { readInput }))).toEqual({
      code: 0,
      out: "The sum of 1 and 2 is 3.",
      err: "",
    });
  }
  for (const [args, said] of [
    ['{"a":', "Cannot read --args: no good JSON at character 6"],
    ["[]", "Cannot use --args: arguments are a JSON object"],
    ["@none.json", 'Cannot read "none.json"'],
  ] as const) {
    const { code, err } = await at({ url: gateway.url }, call(sum, args));
    expect([code, err]).toEqual([2, expect.stringContaining(said)]);
  }
});

test("call tells progress while it waits, and ends with 1 for a tool that failed", async () => {
  const args = '{"duration":1,"steps":2}';
  const long = "everything__trigger-long-running-operation";
  expect((await at({ url: gateway.url }, call(long, args))).err).toBe(
    "progress 1 of 2\nprogress 2 of 2",
  );
  const failed = await at({ url: gateway.url }, call("everything__get-sum", '{"a":"x"}'));
  expect(failed.code).toBe(1);
  expect(failed.out).toContain("ARGUMENTS_INVALID");
});

test("call fills in a form at a terminal, and declines it elsewhere", async () => {
  const asks = "everything__trigger-elicitation-request";
  const asked: string[] = [];
  const terminal = {
    isInteractive: () => true,
    ask: (question: string) => {
      asked.push(question);
      const isName = question.startsWith("  String (");
      const isAgain = asked.filter((each) => each === question).length > 1;
      return Promise.resolve(question.startsWith("Send") ? "y" : isName && isAgain ? "Ada" : "");
    },
  };
  const filled = await at({ url: gateway.url }, call(asks, "{}", { terminal }));
  expect(filled.out).toContain("Ada");
  expect(filled.err).toContain("That does not fit");
  const alone = { ...terminal, isInteractive: () => false };
  const declined = await at({ url: gateway.url }, call(asks, "{}", { terminal: alone }));
  expect(declined.out).toContain("declined");
});

test("--direct asks the server itself, past the gateway", async () => {
  const direct = { upstream: "everything", direct: true };
  expect((await at(direct, ls)).out).toMatch(/^echo +/m);
  expect((await at(direct, call("echo", '{"message":"hi"}'))).out).toBe("Echo: hi");
  const raw = await at(direct, call("echo", '{"message":"hi"}', {}, true));
  expect(JSON.parse(raw.out)).toMatchObject({ content: [{ type: "text", text: "Echo: hi" }] });
  const none = await at(direct, call("nothing"));
  expect(none.code).toBe(1);
});

test("the tools commands say how they were used wrongly", async () => {
  const faults = [
    [{ direct: true }, "--direct needs --upstream NAME"],
    [{ direct: true, upstream: "everythin" }, 'There is no upstream "everythin"'],
    [{ url: "localhost" }, 'Cannot use --url "localhost"'],
    [{ client: "ap" }, 'There is no client "ap"'],
    [{ client: "desktop" }, 'Cannot come as "desktop": it comes through `mcp-gw stdio` alone'],
  ] as const;
  for (const [options, said] of faults) {
    expect(await at(options, ls)).toMatchObject({ code: 2, err: expect.stringContaining(said) });
  }
  expect((await at({ url: gateway.url }, call(undefined))).code).toBe(2);
});

const hostile = "\u001b[2J\u202E\u{e0041}";
const definition = { name: `a${hostile}`, description: hostile, inputSchema: { title: hostile } };

/** A server that says what a terminal would obey. */
const liar: ToolServer = {
  list: () =>
    Promise.resolve(toTools(reread(JSON.stringify({ tools: [definition] })) as JsonObject)),
  call: ({ hear, name }) => {
    const params = { progress: 1, message: hostile, level: hostile, data: hostile };
    for (const method of ["notifications/progress", "notifications/message"])
      hear(reread(JSON.stringify({ method, params })) as JsonObject);
    if (name === "refused") {
      return Promise.resolve({ kind: "refused", code: hostile, message: hostile });
    }
    const content = [
      { type: "text", text: `${hostile}\nnext` },
      { type: hostile, mimeType: hostile, uri: hostile },
    ];
    return Promise.resolve({
      kind: "result",
      result: reread(JSON.stringify({ content })) as JsonObject,
    });
  },
  close: () => Promise.resolve(),
};

test("nothing that a server says reaches the terminal as it is", async () => {
  const runs = [
    await withServer(liar, ls),
    await withServer(liar, (server, output) => listTools(server, { json: true }, output)),
    await withServer(liar, inspect(definition.name)),
    await withServer(liar, inspect(definition.name, true)),
    await withServer(liar, call("a")),
    await withServer(liar, call("a", "{}", {}, true)),
    await withServer(liar, call("refused")),
  ];
  for (const { out, err } of runs) {
    expect(`${out}${err}`).not.toBe("");
    expect(`${out}${err}`).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
  }
  expect(runs[4]?.out).toBe(
    "<U+001B>[2J<U+202E><U+E0041>\nnext\n[<U+001B>[2J<U+202E><U+E0041>, <U+001B>[2J<U+202E><U+E0041>, <U+001B>[2J<U+202E><U+E0041>]",
  );
  expect(JSON.parse(runs[1]?.out ?? "")).toEqual([definition]);
});
