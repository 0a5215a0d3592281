/** `mcp-gw approvals`, before a real listener of the admin door. */
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { decide, listApprovals } from "../../src/cli/approvals.ts";
import type { ApprovalList, PendingApproval } from "../../src/core/index.ts";
import { createAdminApp } from "../../src/http/index.ts";
import { type Runtime, openRuntime } from "../../src/runtime/index.ts";
import { adminTokens, createFakeOperations } from "../http/admin-fakes.ts";

const waiting: PendingApproval = {
  id: "1f2e",
  client: "a",
  subject: "ada\u001B[2J",
  kind: "tool",
  upstream: "x",
  name: "send",
  args: '{"amount":500}',
  rules: ["large"],
  at: 1,
  until: 1_800_000_000_000,
  state: "waiting",
};

let runtime: Runtime;
let end: (() => Promise<void>) | undefined;
beforeAll(async () => {
  runtime = { ...(await openRuntime()), env: { MCP_GW_ADMIN_TOKEN: adminTokens.all } };
});
afterEach(() => end?.());

async function serve(approvals: Partial<ApprovalList>): Promise<string> {
  const operations = createFakeOperations({
    approvals: {
      list: () => Promise.resolve([]),
      decide: () => Promise.resolve("unknown"),
      ...approvals,
    },
  });
  const app = createAdminApp(operations, {
    hosts: (name) => name === "127.0.0.1",
    peer: () => "127.0.0.1",
    connection: (context) =>
      context.env as ReturnType<Parameters<typeof createAdminApp>[1]["connection"]>,
    address: (peer) => peer,
    ports: runtime,
  });
  const listening = await runtime.serve({
    host: "127.0.0.1",
    port: 0,
    fetch: (request, peer) => app.fetch(request, peer),
  });
  end = () => listening.close(0);
  return `http://127.0.0.1:${listening.port}`;
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
async function run(
  command: (output: {
    readonly out: (text: string) => void;
    readonly err: (text: string) => void;
  }) => Promise<number>,
): Promise<Ran> {
  let out = "";
  let err = "";
  const code = await command({
    out: (text) => {
      out += `${text}\n`;
    },
    err: (text) => {
      err += `${text}\n`;
    },
  });
  return { code, out, err };
}

describe("approvals ls", () => {
  test("shows what waits with what it would send, and obeys nothing of it", async () => {
    const admin = await serve({ list: () => Promise.resolve([waiting]) });
    const ran = await run((output) => listApprovals({ admin, json: false }, runtime, output));
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(ran.out).toContain("1f2e");
    expect(ran.out).toContain("tool x/send");
    expect(ran.out).toContain('1f2e sends tool x/send {"amount":500}');
    expect(ran.out).not.toContain("\u001B");
  });

  test("says that nothing waits", async () => {
    const admin = await serve({});
    const ran = await run((output) => listApprovals({ admin, json: false }, runtime, output));
    expect(ran).toEqual({ code: 0, out: "Nothing waits for an operator\n", err: "" });
  });

  test("prints the data with --json", async () => {
    const admin = await serve({ list: () => Promise.resolve([waiting]) });
    const ran = await run((output) => listApprovals({ admin, json: true }, runtime, output));
    expect(JSON.parse(ran.out)).toEqual([waiting]);
  });
});

describe.each(["approve", "deny"] as const)("approvals %s", (decision) => {
  const state = decision === "approve" ? "approved" : "denied";

  test("says the word, and what came of it", async () => {
    const admin = await serve({
      decide: (id, word) => Promise.resolve({ ...waiting, id, state, by: word.by }),
    });
    const options = { admin, json: false, decision, id: "1f2e" };
    const ran = await run((output) => decide(options, runtime, output));
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(ran.out).toMatch(/^(Approved|Denied) tool x\/send for a \(ada/);
  });

  test("is refused with the code of the gateway", async () => {
    const admin = await serve({});
    const options = { admin, json: false, decision, id: "1f2e" };
    const ran = await run((output) => decide(options, runtime, output));
    expect(ran).toMatchObject({ code: 1, out: "" });
    expect(ran.err).toContain("APPROVAL_UNKNOWN");
  });

  test("takes no id that is none", async () => {
    const options = { admin: "http://127.0.0.1:1", json: false, decision, id: "../reload" };
    expect(await run((output) => decide(options, runtime, output))).toMatchObject({ code: 2 });
  });
});
