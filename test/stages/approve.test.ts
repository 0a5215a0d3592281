/** What a yes is worth that came while the call waited. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { type Judged, type ToolFacts, deny } from "../../src/core/index.ts";
import { type JsonObject, reread } from "../../src/mcp/index.ts";
import { approve } from "../../src/stages/approve.ts";

const toolOf = (description: string): ToolFacts => ({
  definition: reread(JSON.stringify({ name: "send", description })) as JsonObject,
  headers: [],
  validator: () => ({ fault: "It is not asked" }),
});
const seen = toolOf("Sends money");
const approval = { id: "a", via: "operator", by: "ann" } as const;

/** The verdict on a call that waited for an operator, who said yes. */
async function after(found: ToolFacts | ReturnType<typeof deny> | undefined) {
  const sha256 = (text: string | Uint8Array) => createHash("sha256").update(text).digest("hex");
  const rooms = {
    approvals: { settle: async () => ({ is: "approved", approval }) },
    states: { bindingOf: () => "binding" },
    crypto: { sha256 },
    find: async () => found,
  } as unknown as Parameters<typeof approve>[0];
  const stage = approve(rooms, { config: "digest", clean: (json) => json });
  const exchange = {
    client: { name: "a", subject: undefined },
    input: { kind: "request", asks: true, method: "tools/call", caller: { era: "modern" } },
    target: { kind: "one", upstream: "x", what: "tool", name: "send", isTemplate: false },
    call: reread('{"name":"send","arguments":{}}'),
    shaped: { params: undefined, tool: seen, rules: [] },
    judgement: {
      rules: [],
      adjust: {},
      ask: { via: "operator", expiresMs: 1_000, waitMs: 1_000, rules: [], why: undefined },
    },
  } as unknown as Judged;
  return stage.run(exchange);
}

test("A yes is for the tool as it was when the call began to wait", async () => {
  expect(await after(toolOf("Sends money"))).toMatchObject({ verdict: "pass" });
  expect(await after(toolOf("Sends all money"))).toMatchObject({
    verdict: "deny",
    code: "APPROVAL_REQUIRED",
  });
  expect(await after(undefined)).toMatchObject({ verdict: "deny", code: "APPROVAL_REQUIRED" });
});

test("A tool that was quarantined meanwhile is as unknown as it is to others", async () => {
  const held = deny("TARGET_UNKNOWN", "It has changed", { recorded: "QUARANTINED" });
  expect(await after(held)).toMatchObject({ code: "TARGET_UNKNOWN", recorded: "QUARANTINED" });
});
