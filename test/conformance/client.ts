/**
 * The command that the suite runs to judge a client: starts a gateway before the server at the URL it
 * is given and drives it with an official client, so that what the gateway sends is judged.
 * `--era legacy|modern` is the client's own, else the one of the scenario.
 */
import { parseArgs } from "node:util";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { type Context, deeds, unrelatedTool } from "./client-scenarios.ts";
import { startGatewayBefore } from "./gateway.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { era: { type: "string" } },
});
const [url] = positionals;
const {
  MCP_CONFORMANCE_SCENARIO: scenario = "",
  MCP_CONFORMANCE_CONTEXT: context = "{}",
  MCP_CONFORMANCE_PROTOCOL_VERSION: version = "",
} = process.env;
const deed = deeds[scenario];
if (url === undefined || deed === undefined) throw new Error(`Cannot play "${scenario}"`);
const isModern = values.era === undefined ? version >= "2026" : values.era === "modern";

// A scenario sends arguments on purpose that its own schema does not take.
const upstream = { url, arguments: "report" };
const gateway = await startGatewayBefore(upstream);
const client = new Client(
  { name: "conformance", version: "1.0.0" },
  {
    capabilities: { elicitation: { form: { applyDefaults: true } }, sampling: {}, roots: {} },
    versionNegotiation: { mode: isModern ? { pin: "2026-07-28" } : "legacy" },
  },
);
client.setRequestHandler("elicitation/create", async () => {
  if (scenario.startsWith("sep-2322")) await client.callTool({ name: unrelatedTool });
  return { action: "accept", content: {} };
});
try {
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url)));
  await deed(client, JSON.parse(context) as Context);
} finally {
  await client.close();
  await gateway.close();
}
process.exit(0);
