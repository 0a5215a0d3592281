/** The suite judges the test server over HTTP; here official clients do over stdio, and find one era missing. */
import { Client as ModernClient } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as LegacyTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, expect, test } from "vitest";
import { stdioCommand } from "./processes.ts";

type Eras = Parameters<typeof stdioCommand>[0];
const info = { name: "test", version: "1" };
const capabilities = { elicitation: { form: {} } };
const accepted = { action: "accept" as const, content: { name: "Ada" } };

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

async function modern(eras: Eras): Promise<ModernClient> {
  const versionNegotiation = { mode: { pin: "2026-07-28" } };
  const client = new ModernClient(info, { capabilities, versionNegotiation });
  opened.push(() => client.close());
  client.setRequestHandler("elicitation/create", () => accepted);
  await client.connect(new StdioClientTransport(stdioCommand(eras)));
  return client;
}

async function legacy(eras: Eras): Promise<LegacyClient> {
  const client = new LegacyClient(info, { capabilities });
  opened.push(() => client.close());
  client.setRequestHandler(ElicitRequestSchema, () => accepted);
  await client.connect(new LegacyTransport(stdioCommand(eras)));
  return client;
}

test.each([
  ["modern", "both", modern],
  ["modern", "modern", modern],
  ["legacy", "both", legacy],
  ["legacy", "legacy", legacy],
] as const)("a %s client uses the server of %s eras on stdio", async (_, eras, connect) => {
  const client = await connect(eras);
  const names = (await client.listTools()).tools.map(({ name }) => name);
  expect(names).toContain("test_input_required_result_multi_round");
  expect(names).not.toContain("test_changing_tool");
  const answer = await client.callTool({ name: "test_input_required_result_elicitation" });
  expect(JSON.stringify(answer.content)).toContain("Ada");
  await client.callTool({ name: "test_trigger_tool_change" });
  const changed = (await client.listTools()).tools.map(({ name }) => name);
  expect(changed).toContain("test_changing_tool");
});

test("a modern client finds no server of the legacy era", async () => {
  await expect(modern("legacy")).rejects.toThrow();
});

test("a legacy client finds no server of the modern era", async () => {
  await expect(legacy("modern")).rejects.toThrow(/version/i);
});
