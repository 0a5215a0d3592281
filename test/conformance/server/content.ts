/** Tools that answer at once, with each kind of content and with an error. */
import { type McpServer, fromJsonSchema } from "@modelcontextprotocol/server";
import { redPixel, silence, textOf } from "./samples.ts";

const image = { type: "image" as const, data: redPixel, mimeType: "image/png" };

/** Keywords of JSON Schema 2020-12 that a careless relay drops. */
const richSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: { type: "string" }, city: { type: "string" } },
    },
  },
  properties: {
    name: { type: "string" },
    address: { $ref: "#/$defs/address" },
    contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: { type: "string" },
    email: { type: "string" },
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};

const mirroredSchema = {
  type: "object",
  properties: {
    region: { type: "string", "x-mcp-header": "Region" },
    priority: { type: "integer", "x-mcp-header": "Priority" },
    query: { type: "string" },
  },
  required: ["region"],
};

export function addContentTools(server: McpServer): void {
  // The suite calls the first tool of the list without arguments, so this one has to stay first.
  server.registerTool("test_simple_text", { description: "Answers with a text" }, () =>
    textOf("This is a simple text response for testing."),
  );
  server.registerTool("test_image_content", { description: "Answers with a picture" }, () => ({
    content: [image],
  }));
  server.registerTool("test_audio_content", { description: "Answers with a sound" }, () => ({
    content: [{ type: "audio", data: silence, mimeType: "audio/wav" }],
  }));
  server.registerTool("test_embedded_resource", { description: "Answers with a resource" }, () => ({
    content: [
      {
        type: "resource",
        resource: {
          uri: "test://embedded-resource",
          mimeType: "text/plain",
          text: "This is an embedded resource content.",
        },
      },
    ],
  }));
  server.registerTool(
    "test_multiple_content_types",
    { description: "Answers with a text, a picture and a resource" },
    () => ({
      content: [
        { type: "text", text: "Multiple content types test:" },
        image,
        {
          type: "resource",
          resource: {
            uri: "test://mixed-content-resource",
            mimeType: "application/json",
            text: JSON.stringify({ test: "data", value: 123 }),
          },
        },
      ],
    }),
  );
  server.registerTool("test_error_handling", { description: "Fails, whatever is asked" }, () => ({
    ...textOf("This tool intentionally returns an error for testing"),
    isError: true,
  }));
  server.registerTool(
    "json_schema_2020_12_tool",
    { description: "Has a schema of many keywords", inputSchema: fromJsonSchema(richSchema) },
    (given) => textOf(JSON.stringify(given)),
  );
  server.registerTool(
    "test_mirrored_params",
    {
      description: "Has arguments that travel in headers too",
      inputSchema: fromJsonSchema(mirroredSchema),
    },
    (given) => textOf(JSON.stringify(given)),
  );
}
