/**
 * Tools that need something of the client before they can answer. Each says so with an
 * `input_required` result; in the legacy era the SDK sends the same questions as requests.
 */
import {
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type InputRequest,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
  fromJsonSchema,
  inputRequired,
  inputResponse,
} from "@modelcontextprotocol/server";
import { choicesForm, defaultsForm, formOf } from "./forms.ts";
import { textOf } from "./samples.ts";

/** What the states of these tools hold: how many rounds are done. */
export interface Round {
  readonly round: number;
}

const { elicit, createMessage, listRoots } = inputRequired;

export const ask = (message: string, field: string, type: "string" | "boolean" = "string") =>
  elicit({ message, requestedSchema: formOf(type, field) });

const sample = (text: string, maxTokens = 100): InputRequest =>
  createMessage({ messages: [{ role: "user", content: { type: "text", text } }], maxTokens });

/** A tool without arguments that puts its questions once and answers with what came back. */
function addAsking(
  server: McpServer,
  name: string,
  questions: Readonly<Record<string, InputRequest>>,
  codec?: RequestStateCodec<Round>,
): void {
  server.registerTool(
    name,
    { description: `Asks for ${Object.keys(questions).join(", ")}` },
    (context) => askOnce(questions, context, codec),
  );
}

async function askOnce(
  questions: Readonly<Record<string, InputRequest>>,
  context: ServerContext,
  codec?: RequestStateCodec<Round>,
) {
  const { inputResponses, requestState } = context.mcpReq;
  const isAnswered = Object.keys(questions).every(
    (key) => inputResponse(inputResponses, key).kind !== "missing",
  );
  if (isAnswered && (codec === undefined || requestState<Round>()?.round === 1)) {
    return textOf(`state-ok, answered: ${JSON.stringify(inputResponses)}`);
  }
  const state = codec && { requestState: await codec.mint({ round: 1 }, context) };
  return inputRequired({ inputRequests: { ...questions }, ...state });
}

export function addInputTools(server: McpServer, codec: RequestStateCodec<Round>): void {
  const name = ask("What is your name?", "name");
  addAsking(server, "test_input_required_result_elicitation", { user_name: name });
  addAsking(server, "test_streaming_elicitation", { user_name: name });
  addAsking(server, "test_input_required_result_sampling", {
    capital_question: sample("What is the capital of France?"),
  });
  addAsking(server, "test_input_required_result_list_roots", { client_roots: listRoots() });
  // The SDK refuses the question when the client has not declared that it samples.
  addAsking(server, "test_missing_capability", { answer: sample("Are you there?") });
  const confirm = { confirm: ask("Please confirm", "ok", "boolean") };
  addAsking(server, "test_input_required_result_request_state", confirm, codec);
  addAsking(server, "test_input_required_result_tampered_state", confirm, codec);
  addAsking(
    server,
    "test_input_required_result_multiple_inputs",
    { user_name: name, greeting: sample("Generate a greeting", 50), client_roots: listRoots() },
    codec,
  );
  addAsking(server, "test_elicitation_sep1034_defaults", { form: elicit(defaultsForm) });
  addAsking(server, "test_elicitation_sep1330_enums", { form: elicit(choicesForm) });
  addForwarding(server);
  addRounds(server, codec);
  addCareful(server);
}

/** Tools whose question is an argument. */
function addForwarding(server: McpServer): void {
  server.registerTool(
    "test_sampling",
    { description: "Asks the client's model", inputSchema: argument<"prompt">("prompt") },
    ({ prompt }, context) => askOnce({ answer: sample(prompt) }, context),
  );
  server.registerTool(
    "test_elicitation",
    { description: "Asks the user", inputSchema: argument<"message">("message") },
    ({ message }, context) =>
      askOnce(
        { answer: elicit({ message, requestedSchema: formOf("string", "username", "email") }) },
        context,
      ),
  );
}

/** Two questions, one after the other, each with a state of its own. */
function addRounds(server: McpServer, codec: RequestStateCodec<Round>): void {
  server.registerTool(
    "test_input_required_result_multi_round",
    { description: "Asks twice" },
    async (context) => {
      const done = context.mcpReq.requestState<Round>()?.round ?? 0;
      const isAnswered =
        inputResponse(context.mcpReq.inputResponses, `step${done}`).kind !== "missing";
      if (done === 2 && isAnswered) return textOf("Thank you for both");
      const round = isAnswered ? done + 1 : Math.max(done, 1);
      const question =
        round === 1
          ? ask("Step 1: What is your name?", "name")
          : ask("Step 2: What is your favorite color?", "color");
      return inputRequired({
        inputRequests: { [`step${round}`]: question },
        requestState: await codec.mint({ round }, context),
      });
    },
  );
}

/** A tool that looks at what the client declared. */
function addCareful(server: McpServer): void {
  server.registerTool(
    "test_input_required_result_capabilities",
    { description: "Asks only what the client can answer" },
    (context) => {
      const envelope = context.mcpReq.envelope as Readonly<Record<string, unknown>> | undefined;
      const declared =
        envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? server.server.getClientCapabilities();
      const { sampling, elicitation, roots } = (declared ?? {}) as ClientCapabilities;
      const questions = {
        ...(sampling && { sampled: sample("What do you say?") }),
        ...(elicitation && { elicited: ask("What do you say?", "words") }),
        ...(roots && { listed: listRoots() }),
      };
      return askOnce(questions, context);
    },
  );
}

const argument = <Name extends string>(name: Name) =>
  fromJsonSchema<Readonly<Record<Name, string>>>({
    type: "object",
    properties: { [name]: { type: "string" } },
    required: [name],
  });
