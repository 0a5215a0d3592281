/** What waits for a person, at the admin door. */
import { describe, expect, test } from "vitest";
import {
  type ApprovalOutcome,
  type ApprovalWord,
  type PendingApproval,
  StoreLost,
} from "../../src/core/index.ts";
import { type FakeAdminDoor, adminTokens, openFakeAdminDoor } from "./admin-fakes.ts";

const waiting: PendingApproval = {
  id: "1f2e",
  client: "a",
  kind: "tool",
  upstream: "x",
  name: "send",
  args: '{"amount":500}',
  rules: ["large"],
  at: 1,
  until: 2,
  state: "waiting",
};

function open(outcome: ApprovalOutcome | Error = { ...waiting, state: "approved", by: "all" }) {
  const asked: (ApprovalWord & { readonly id: string })[] = [];
  const door = openFakeAdminDoor({
    approvals: {
      list: () => Promise.resolve([waiting]),
      decide: (id, word) => {
        asked.push({ id, ...word });
        return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
      },
    },
  });
  return { door, asked };
}

async function send(door: FakeAdminDoor, path: string, body?: unknown, token?: string) {
  const response = await door.app.fetch(
    new Request(`http://127.0.0.1:8081${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        host: "127.0.0.1:8081",
        authorization: `Bearer ${token ?? adminTokens.all}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
    { address: "127.0.0.1" },
  );
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

describe("the admin door", () => {
  test("shows what waits, to who may decide alone", async () => {
    const { door } = open();
    expect(await send(door, "/approvals")).toEqual({ status: 200, json: { approvals: [waiting] } });
    const refused = await send(door, "/approvals", undefined, adminTokens.reader);
    expect(refused).toMatchObject({ status: 403, json: { code: "RIGHT_MISSING" } });
  });

  test("takes a word in the operator's name, with whose calls are theirs, and records it", async () => {
    const { door, asked } = open();
    const word = { decision: "approve", why: "Known" };
    const said = await send(door, "/approvals/1f2e", word);
    expect(said).toMatchObject({ status: 200, json: { state: "approved", by: "all" } });
    expect(asked).toEqual([{ id: "1f2e", decision: "approve", by: "all", is: ["a/ada"] }]);
    expect(door.operations.records).toEqual([
      expect.objectContaining({
        method: "approvals.decide",
        operator: "all",
        decision: "allowed",
        target: 'approve 1f2e: client "a", target "x/send"',
        why: "Known",
      }),
    ]);
  });

  test.each([
    ["unknown", 404, "APPROVAL_UNKNOWN"],
    ["decided", 409, "APPROVAL_DECIDED"],
    ["own", 403, "RIGHT_MISSING"],
    [new StoreLost("unreachable", "gone"), 503, "STORE_UNAVAILABLE"],
  ] as const)("refuses what is %s, and records that", async (outcome, status, code) => {
    const { door } = open(outcome);
    const said = await send(door, "/approvals/1f2e", { decision: "approve" });
    expect(said).toMatchObject({ status, json: { code } });
    expect(door.operations.records).toEqual([
      expect.objectContaining({ decision: "failed", code, target: "approve 1f2e" }),
    ]);
  });

  test("takes no word of an operator without the right", async () => {
    const { door, asked } = open();
    const said = await send(door, "/approvals/1f2e", { decision: "deny" }, adminTokens.reader);
    expect(said.json["code"]).toBe("RIGHT_MISSING");
    expect(asked).toEqual([]);
  });

  test.each([
    {},
    { decision: "yes" },
    { decision: true },
    { decision: "approve", by: "root" },
    { decision: "approve", why: 1 },
    { decision: "approve", why: "x".repeat(1_001) },
  ])("takes no other word: %j", async (body) => {
    const { door, asked } = open();
    const said = await send(door, "/approvals/1f2e", body);
    expect(said).toMatchObject({ status: 400, json: { code: "BODY_INVALID" } });
    expect(asked).toEqual([]);
  });

  test("knows no other path", async () => {
    const { door } = open();
    for (const path of ["/approvals/", "/approvals/a%2Fb", "/approvals/a/b", "/approvals?all"]) {
      const said = await send(door, path, { decision: "approve" });
      expect(said.json["code"]).toBe("PATH_UNKNOWN");
    }
  });
});
