/** The scenarios of the suite that judge a gateway's upstream side, and what a client does in each. */
import type { Client } from "@modelcontextprotocol/client";
import type { Revision } from "./suite.ts";

interface Call {
  readonly name: string;
  readonly arguments?: Record<string, unknown>;
}
/** What the suite tells a client beside the scenario's name. */
export interface Context {
  readonly toolCalls?: readonly Call[];
}
type Deed = (client: Client, context: Context) => Promise<unknown>;

/** Called with this name while another call waits for its answer. */
export const unrelatedTool = "test_mrtr_unrelated";

const listTools: Deed = (client) => client.listTools();
const call =
  (...names: readonly string[]): Deed =>
  async (client) => {
    await client.listTools();
    for (const name of names) await client.callTool({ name });
  };

/** Everything that is listed, the way it is listed. */
const useEverything: Deed = async (client) => {
  for (const { name } of (await client.listTools()).tools) await client.callTool({ name });
  for (const { uri } of (await client.listResources()).resources)
    await client.readResource({ uri });
  for (const { name } of (await client.listPrompts()).prompts) await client.getPrompt({ name });
};

const wrongTools = [
  "empty_header",
  "object_header",
  "array_header",
  "null_header",
  "number_header",
  "duplicate_same_case",
  "duplicate_diff_case",
  "space_in_name",
  "colon_in_name",
  "non_ascii_name",
  "control_char_name",
];

/** A client that heeds no list: whether a tool may be called is for the gateway to say. */
const callWrongTools: Deed = async (client) => {
  await client.listTools();
  await client.callTool({ name: "valid_tool", arguments: { region: "here" } });
  const filled = { value: "v", data: {}, items: [], nil: null, score: 1, field1: "f", field2: "f" };
  for (const name of wrongTools) {
    const ended = client.callTool({ name: `invalid_${name}`, arguments: filled });
    await ended.catch((error: unknown) => console.error(`invalid_${name}: ${String(error)}`));
  }
};

const echoSchema: Deed = async (client) => {
  const { tools } = await client.listTools();
  const schema = tools.find(({ name }) => name === "json_schema_2020_12_tool")?.inputSchema;
  await client.callTool({ name: "json_schema_echo", arguments: { schema } });
};

export const deeds: Readonly<Record<string, Deed>> = {
  initialize: listTools,
  tools_call: async (client) => {
    await client.listTools();
    await client.callTool({ name: "add_numbers", arguments: { a: 5, b: 3 } });
  },
  "elicitation-sep1034-client-defaults": call("test_client_elicitation_defaults"),
  "sse-retry": call("test_reconnection"),
  "request-metadata": listTools,
  "http-standard-headers": useEverything,
  "http-custom-headers": async (client, { toolCalls = [] }) => {
    await client.listTools();
    for (const each of toolCalls) await client.callTool(each);
  },
  "http-invalid-tool-headers": callWrongTools,
  "sep-2322-client-request-state": call(
    "test_mrtr_echo_state",
    "test_mrtr_no_state",
    "test_mrtr_no_result_type",
  ),
  "json-schema-ref-no-deref": listTools,
  "json-schema-2020-12-preservation": echoSchema,
};

const byRevision: Readonly<Record<Revision, readonly string[]>> = {
  "2025-11-25": [
    "initialize",
    "tools_call",
    "elicitation-sep1034-client-defaults",
    "sse-retry",
    "json-schema-2020-12-preservation",
  ],
  "2026-07-28": [
    "tools_call",
    "request-metadata",
    "http-standard-headers",
    "http-custom-headers",
    "http-invalid-tool-headers",
    "sep-2322-client-request-state",
    "json-schema-ref-no-deref",
    "json-schema-2020-12-preservation",
  ],
};

export const clientScenarios = (revision: Revision): readonly string[] => byRevision[revision];
