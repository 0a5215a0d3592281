/** Resources, prompts and completions of the test server. */
import {
  type McpServer,
  ResourceTemplate,
  fromJsonSchema,
  inputRequired,
  inputResponse,
} from "@modelcontextprotocol/server";
import { ask } from "./input.ts";
import { redPixel } from "./samples.ts";

const say = (text: string) => ({ role: "user" as const, content: { type: "text" as const, text } });

export function addResources(server: McpServer): void {
  const plain = { mimeType: "text/plain" };
  server.registerResource(
    "static-text",
    "test://static-text",
    { ...plain, description: "A text" },
    ({ href }) => ({
      contents: [{ uri: href, ...plain, text: "This is the content of the static text resource." }],
    }),
  );
  server.registerResource(
    "static-binary",
    "test://static-binary",
    { mimeType: "image/png", description: "A picture" },
    ({ href }) => ({ contents: [{ uri: href, mimeType: "image/png", blob: redPixel }] }),
  );
  server.registerResource(
    "watched-resource",
    "test://watched-resource",
    { ...plain, description: "A text to subscribe to" },
    ({ href }) => ({ contents: [{ uri: href, ...plain, text: "Watched" }] }),
  );
  server.registerResource(
    "template",
    new ResourceTemplate("test://template/{id}/data", { list: undefined }),
    { mimeType: "application/json", description: "Data of an id" },
    ({ href }, { id }) => {
      const text = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` });
      return { contents: [{ uri: href, mimeType: "application/json", text }] };
    },
  );
  server.server.setRequestHandler("resources/subscribe", () => ({}));
  server.server.setRequestHandler("resources/unsubscribe", () => ({}));
  server.server.setRequestHandler("completion/complete", ({ params }) => {
    const values = ["paris", "park", "party"].filter((word) =>
      word.startsWith(params.argument.value),
    );
    return { completion: { values, total: values.length, hasMore: false } };
  });
}

export function addPrompts(server: McpServer): void {
  server.registerPrompt("test_simple_prompt", { description: "Has no arguments" }, () => ({
    messages: [say("This is a simple prompt for testing.")],
  }));
  server.registerPrompt(
    "test_prompt_with_arguments",
    { description: "Has two arguments", argsSchema: textsOf<"arg1" | "arg2">("arg1", "arg2") },
    ({ arg1, arg2 }) => ({
      messages: [say(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)],
    }),
  );
  server.registerPrompt(
    "test_prompt_with_embedded_resource",
    { description: "Embeds a resource", argsSchema: textsOf<"resourceUri">("resourceUri") },
    ({ resourceUri: uri }) => {
      const resource = {
        uri,
        mimeType: "text/plain",
        text: "Embedded resource content for testing.",
      };
      return {
        messages: [
          { role: "user", content: { type: "resource", resource } },
          say("Please process the embedded resource above."),
        ],
      };
    },
  );
  server.registerPrompt("test_prompt_with_image", { description: "Holds a picture" }, () => ({
    messages: [
      { role: "user", content: { type: "image", data: redPixel, mimeType: "image/png" } },
      say("Please analyze the image above."),
    ],
  }));
  server.registerPrompt(
    "test_input_required_result_prompt",
    { description: "Asks for its context" },
    ({ mcpReq: { inputResponses } }) => {
      const answer = inputResponse(inputResponses, "user_context");
      if (answer.kind === "missing") {
        const question = ask("What context should the prompt use?", "context");
        return inputRequired({ inputRequests: { user_context: question } });
      }
      return { messages: [say(`Use this context: ${JSON.stringify(answer)}`)] };
    },
  );
}

const textsOf = <Name extends string>(...names: Name[]) =>
  fromJsonSchema<Readonly<Record<Name, string>>>({
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
    required: names,
  });
