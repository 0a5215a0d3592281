/** Makes one instance of the test server that has everything the official suite asks for. */
import { randomBytes } from "node:crypto";
import { McpServer, createRequestStateCodec } from "@modelcontextprotocol/server";
import type { Changes, Changing } from "./changes.ts";
import { addContentTools } from "./content.ts";
import { type Round, addInputTools } from "./input.ts";
import { addNoticeTools } from "./notices.ts";
import { addPrompts, addResources } from "./offers.ts";
import { textOf } from "./samples.ts";

const codec = createRequestStateCodec<Round>({ key: randomBytes(32) });

/** `follows`: the instance outlives a request and tells its client about changes itself. */
export function createTestServer(changes: Changes, follows: boolean): McpServer {
  const server = new McpServer(
    { name: "conformance", version: "1.0.0" },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        logging: {},
        completions: {},
      },
      requestState: { verify: codec.verify },
    },
  );
  addContentTools(server);
  addInputTools(server, codec);
  addNoticeTools(server, changes);
  addResources(server);
  addPrompts(server);
  addChanging(server, changes, follows);
  return server;
}

/** The tool and the prompt that come and go. */
function addChanging(server: McpServer, changes: Changes, follows: boolean): void {
  const description = "Comes and goes";
  const registered = {
    tools: server.registerTool("test_changing_tool", { description }, () => textOf("Here for now")),
    prompts: server.registerPrompt("test_changing_prompt", { description }, () => ({
      messages: [{ role: "user", content: { type: "text", text: "Here for now" } }],
    })),
  };
  const show = (kind: Changing): void => registered[kind].update({ enabled: changes.shows(kind) });
  show("tools");
  show("prompts");
  if (follows) changes.follow(show);
}
