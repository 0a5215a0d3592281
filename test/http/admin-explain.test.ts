/** `/policy/explain`: what it takes, who may ask, and that nothing of a call's arguments is recorded. */
import { expect, test } from "vitest";
import type { CallWish } from "../../src/core/index.ts";
import { textOf } from "../../src/mcp/index.ts";
import { adminTokens, openFakeAdminDoor } from "./admin-fakes.ts";

async function ask(path: string, init: RequestInit & { readonly token?: string } = {}) {
  const wishes: CallWish[] = [];
  const door = openFakeAdminDoor({
    explain: (wish) => {
      wishes.push(wish);
      return { verdict: "denied", code: "RULE_DENIED", why: "Too much" };
    },
  });
  const { token = adminTokens.reader, ...rest } = init;
  const headers = {
    host: "127.0.0.1:8081",
    authorization: `Bearer ${token}`,
    ...(rest.body === undefined ? {} : { "content-type": "application/json" }),
  };
  const request = new Request(`http://127.0.0.1:8081${path}`, { ...rest, headers });
  const response = await door.app.fetch(request, { address: "127.0.0.1" });
  const text = await response.text();
  const body = text === "" ? {} : (JSON.parse(text) as { code?: string; detail?: string });
  return { status: response.status, body, wishes, records: door.operations.records };
}

const query = "?client=web&call=pay%2Fsend&args=%7B%22n%22%3A1e2%7D&subject=ann&address=10.0.0.1";

test("whoever may read is told what a call would come to, by GET and by POST", async () => {
  const body = JSON.stringify({ client: "web", call: "pay/send", args: { n: 100 } });
  for (const [path, init, args] of [
    [query, {}, '{"n":1e2}'],
    ["", { method: "POST", body }, '{"n":100}'],
  ] as const) {
    const answer = await ask(`/policy/explain${path}`, init);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ verdict: "denied", code: "RULE_DENIED", why: "Too much" });
    const [wish] = answer.wishes;
    expect(wish).toMatchObject({ client: "web", kind: "tool", upstream: "pay", name: "send" });
    expect(wish?.args && textOf(wish.args)).toBe(args);
    expect(answer.records).toMatchObject([
      { method: "policy.explain", target: 'client "web", call "pay/send"', decision: "allowed" },
    ]);
    expect(JSON.stringify(answer.records)).not.toContain("ann");
  }
});

test("without a credential nothing is explained", async () => {
  const { status, wishes } = await ask(`/policy/explain${query}`, { token: "x".repeat(40) });
  expect([status, wishes]).toEqual([401, []]);
});

test.each([
  ["", '"client" is missing'],
  ["?client=web", '"call" must be upstream/name'],
  ["?client=web&call=pay/", '"call" must be upstream/name'],
  ["?client=web&call=pay/x&kind=tol", '"kind" must be one of tool, resource, prompt'],
  ["?client=web&call=pay/x&args={", '"args" is no JSON: syntax at 1'],
  ["?client=web&client=b&call=pay/x", 'The query says "client" twice'],
  ["?client=web&call=pay/x&token=secret", "The query has a part that is not known"],
  [
    `?client=web&call=pay/x&args="${"x".repeat(20_000)}"`,
    "The query is too long: send it as a body",
  ],
])("a query that is not one is refused: %s", async (path, detail) => {
  const { status, body, wishes } = await ask(`/policy/explain${path}`);
  expect([status, body.code, body.detail, wishes]).toEqual([400, "BODY_INVALID", detail, []]);
});

test.each([
  [undefined, "The body is empty"],
  [{ client: 1, call: "pay/x" }, '"client" must be a text'],
  [{ client: "web", call: "pay/x", claims: {} }, "The body has a member that is not known"],
])("a body that is not one is refused: %j", async (sent, detail) => {
  const body = sent === undefined ? {} : { body: JSON.stringify(sent) };
  const answer = await ask("/policy/explain", { method: "POST", ...body });
  expect([answer.status, answer.body.detail]).toEqual([400, detail]);
});

test("a query with a body, or another method, is no endpoint", async () => {
  const sent = { method: "POST", body: "{}" };
  expect((await ask("/policy/explain?client=web", sent)).status).toBe(405);
  expect((await ask("/policy/explain", { method: "DELETE" })).status).toBe(405);
});
