/** Arguments that travel in headers too: what a rule sets, both places say. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type EchoServer, startEchoServer } from "./echo-server.ts";
import {
  type RunningGateway,
  allowAll,
  authA,
  modernRequest,
  post,
  runGateway,
} from "./gateway.ts";

const schema = (required: string): string =>
  `{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"at":{"type":"object","properties":{"zone":{"type":"string","x-mcp-header":"Zone"}}}}${required}}`;
const tools = ["pinned", "defaulted", "by-team", "nested"].map(
  (name) => `{"name":"${name}","inputSchema":${schema(',"required":["region"]')}}`,
);

let server: EchoServer;
let gateway: RunningGateway;
beforeAll(async () => {
  server = await startEchoServer({ tools: () => tools });
  gateway = await runGateway({
    upstreams: { x: { url: server.url } },
    clients: { a: { auth: authA, allow: allowAll } },
    rules: [
      { name: "pin", on: "x/pinned", set: { region: "eu" } },
      { name: "default", on: "x/defaulted", defaults: { region: "eu" } },
      { name: "team", on: "x/by-team", when: { args: { team: "blue" } }, set: { region: "eu" } },
      { name: "zone", on: "x/nested", set: { region: "eu", at: { zone: "é" } } },
    ],
  });
});
afterAll(async () => {
  await gateway.close();
  await server.close();
});
beforeEach(() => server.calls.splice(0));

/** The code of a refusal, or what the server got in its body and its headers. */
async function call(name: string, args: object | undefined, sent: Record<string, string> = {}) {
  const headers = Object.fromEntries(
    Object.entries(sent).map(([key, value]) => [`Mcp-Param-${key}`, value]),
  );
  const params = args === undefined ? { name } : { name, arguments: args };
  const answer = (
    await post(`${gateway.url}/mcp/x`, modernRequest("tools/call", params, { headers }))
  ).json();
  if (answer.error !== undefined) return answer.error.data.code;
  const [seen] = server.calls;
  const { params: got } = JSON.parse(seen?.body ?? "{}") as { params: { arguments?: object } };
  const names = seen?.rawHeaders.filter((_, at) => at % 2 === 0) ?? [];
  const mirrored = names
    .map((each) => each.toLowerCase())
    .filter((each) => each.startsWith("mcp-param-"));
  const told = mirrored.map((each) => `${each}: ${String(seen?.headers[each])}`);
  return [got.arguments, ...told];
}
const eu = [{ region: "eu" }, "mcp-param-region: eu"];
const mismatch = "HEADER_MISMATCH";

describe("a header of an argument that a rule pins", () => {
  test.each<[string, object | undefined, Record<string, string>, unknown]>([
    ["says what the rule says where the client says nothing", {}, {}, eu],
    ["says so where there are no arguments", undefined, {}, eu],
    [
      "says so where the client says something else in both places",
      { region: "us" },
      { Region: "us" },
      eu,
    ],
    ["need not come with an argument that is not shown", { region: "us" }, {}, eu],
    ["cannot come alone", {}, { Region: "us" }, mismatch],
    ["cannot come alone, and say the same", {}, { Region: "eu" }, mismatch],
    ["cannot say another thing than the body", { region: "eu" }, { Region: "us" }, mismatch],
    ["cannot say it twice", { region: "us" }, { Region: "us, us" }, mismatch],
  ])("%s", async (_, args, headers, due) => {
    expect(await call("pinned", args, headers)).toEqual(due);
  });

  test("is not shown, and its neighbours are", async () => {
    const { result } = (await post(`${gateway.url}/mcp/x`, modernRequest("tools/list"))).json();
    const shown = new Map(result?.tools?.map((tool) => [tool.name, JSON.stringify(tool)]));
    expect(shown.get("pinned")).not.toContain('"Region"');
    expect(shown.get("pinned")).toContain('"Zone"');
    expect(shown.get("nested")).not.toContain("x-mcp-header");
    expect(shown.get("defaulted")).toBe(
      JSON.stringify({ name: "defaulted", inputSchema: JSON.parse(schema("")) as object }),
    );
  });

  test("may stand deep inside of it", async () => {
    expect(await call("nested", {})).toEqual([
      { region: "eu", at: { zone: "é" } },
      "mcp-param-region: eu",
      "mcp-param-zone: =?base64?w6k=?=",
    ]);
  });
});

test.each<[string, object, Record<string, string>, unknown]>([
  ["is the default's where the client says nothing", {}, {}, eu],
  [
    "is the client's where it says something",
    { region: "us" },
    { Region: "us" },
    [{ region: "us" }, "mcp-param-region: us"],
  ],
  ["is missing where only the body says it", { region: "us" }, {}, mismatch],
  ["cannot come alone", {}, { Region: "us" }, mismatch],
])("a header of an argument with a default %s", async (_, args, headers, due) => {
  expect(await call("defaulted", args, headers)).toEqual(due);
});

test.each<[string, object, Record<string, string>, unknown]>([
  [
    "agrees with the client's argument, and goes on as the rule's",
    { team: "blue", region: "us" },
    { Region: "us" },
    [{ team: "blue", region: "eu" }, "mcp-param-region: eu"],
  ],
  ["is asked for, since the argument is shown", { team: "blue", region: "us" }, {}, mismatch],
  [
    "stays where the rule does not match",
    { team: "red", region: "us" },
    { Region: "us" },
    [{ team: "red", region: "us" }, "mcp-param-region: us"],
  ],
])("a header of an argument that a condition sets %s", async (_, args, headers, due) => {
  expect(await call("by-team", args, headers)).toEqual(due);
});
