/** What `mcp-gw plugin new` writes: for each hook a few lines that do something, and fixtures of them. */
import type { Hook } from "../sandbox/index.ts";

interface Sample {
  /** What it takes from `mcp-gw/plugin`. */
  readonly uses: readonly ("allow" | "deny" | "redact")[];
  readonly text: string;
  /** Without `hook`. */
  readonly fixtures: readonly object[];
}

/** Each of them also stands what clients and servers should not send: `plugin test --hostile`. */
const samples: Readonly<Record<Hook, Sample>> = {
  onRequest: {
    uses: ["allow", "deny"],
    text: `  /** Any other request of the client that policy allows. */
  onRequest(request) {
    return request.method === "completion/complete" ? deny("Completion is switched off") : allow();
  },`,
    fixtures: [
      {
        name: "completion is denied",
        input: { method: "completion/complete", params: {} },
        expect: { action: "deny", reason: "Completion is switched off" },
      },
      {
        name: "a log level is allowed",
        input: { method: "logging/setLevel", params: { level: "info" } },
        expect: { action: "allow" },
      },
    ],
  },
  onToolCall: {
    uses: ["allow", "deny"],
    text: `  /** Before a tool is called. */
  onToolCall(call) {
    const path = call.arguments?.path;
    const leaves = typeof path === "string" && path.split("/").includes("..");
    return leaves ? deny("The path must not lead upwards") : allow();
  },`,
    fixtures: [
      {
        name: "a path upwards is denied",
        input: { name: "read_file", arguments: { path: "../secret.txt" } },
        expect: { action: "deny", reason: "The path must not lead upwards", code: "policy" },
      },
      {
        name: "another path is allowed",
        input: { name: "read_file", arguments: { path: "notes/a..b.txt" } },
        expect: { action: "allow" },
      },
    ],
  },
  onToolResult: {
    uses: ["allow", "deny"],
    text: `  /** Before the client gets a result; a server may have sent anything. */
  onToolResult(result) {
    const blocks = Array.isArray(result.content) ? result.content : [];
    const hasKey = blocks.some(
      (block) =>
        block?.type === "text" &&
        typeof block.text === "string" &&
        block.text.includes("PRIVATE KEY-----"),
    );
    return hasKey ? deny("The result holds a private key") : allow();
  },`,
    fixtures: [
      {
        name: "a result with a private key is denied",
        input: { content: [{ type: "text", text: "-----BEGIN PRIVATE KEY-----" }] },
        expect: { action: "deny", reason: "The result holds a private key" },
      },
      {
        name: "another result is allowed",
        input: { content: [{ type: "text", text: "Sunny" }] },
        expect: { action: "allow" },
      },
    ],
  },
  onText: {
    uses: ["allow", "redact"],
    text: `  /** All text of one message, in both directions. */
  onText(text) {
    const spans = [...text.matchAll(/\\bAKIA[0-9A-Z]{16}\\b/g)].map(
      (match) => [match.index, match.index + match[0].length, "[aws-key]"] as const,
    );
    return spans.length > 0 ? redact(spans) : allow();
  },`,
    fixtures: [
      {
        name: "a key is redacted",
        input: "the key AKIAIOSFODNN7EXAMPLE is here",
        expect: { action: "redact", spans: [[8, 28, "[aws-key]"]] },
      },
      { name: "other text is allowed", input: "nothing here", expect: { action: "allow" } },
    ],
  },
  onToolList: {
    uses: ["allow"],
    text: `  /** Before the client sees the tools: words can be changed, and nothing hidden. */
  onToolList(tools) {
    const long = tools.flatMap((tool) => {
      const { name, description } = tool ?? {};
      const isNamed = typeof name === "string" && name.length <= 200;
      const isLong = typeof description === "string" && description.length > 400;
      return isNamed && isLong ? [{ name, description: description.slice(0, 400) }] : [];
    });
    return long.length > 0 ? { action: "modify", tools: long } : allow();
  },`,
    fixtures: [
      {
        name: "a long description is cut",
        input: [{ name: "read", description: "d".repeat(401), inputSchema: { type: "object" } }],
        expect: { action: "modify", tools: [{ name: "read", description: "d".repeat(400) }] },
      },
      {
        name: "a short one stays",
        input: [{ name: "read", description: "Reads", inputSchema: { type: "object" } }],
        expect: { action: "allow" },
      },
    ],
  },
  onResourceRead: {
    uses: ["allow", "deny"],
    text: `  /** Before a resource is read. */
  onResourceRead({ uri }) {
    const isSystem = typeof uri === "string" && uri.startsWith("file:///etc/");
    return isSystem ? deny("Settings of the system are not read") : allow();
  },`,
    fixtures: [
      {
        name: "settings of the system are denied",
        input: { uri: "file:///etc/passwd" },
        expect: { action: "deny", reason: "Settings of the system are not read" },
      },
      {
        name: "another resource is allowed",
        input: { uri: "file:///srv/a.txt" },
        expect: { action: "allow" },
      },
    ],
  },
  onPromptGet: {
    uses: ["allow", "deny"],
    text: `  /** Before a prompt is fetched. */
  onPromptGet({ name }) {
    return name === "debug" ? deny("The prompt is not for clients") : allow();
  },`,
    fixtures: [
      {
        name: "the prompt for debugging is denied",
        input: { name: "debug" },
        expect: { action: "deny", reason: "The prompt is not for clients" },
      },
      { name: "another one is allowed", input: { name: "hello" }, expect: { action: "allow" } },
    ],
  },
  onInputRequest: {
    uses: ["allow", "deny"],
    text: `  /** When a server asks the client for something. */
  onInputRequest(request) {
    const isSampling = request.method === "sampling/createMessage";
    return isSampling ? deny("Servers do not use the client's model") : allow();
  },`,
    fixtures: [
      {
        name: "sampling is denied",
        input: { method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } },
        expect: { action: "deny", reason: "Servers do not use the client's model" },
      },
      {
        name: "a question to the person is allowed",
        input: { method: "elicitation/create", params: { message: "Which city?" } },
        expect: { action: "allow" },
      },
    ],
  },
  onAudit: {
    uses: [],
    text: `  /** After the exchange; nothing can be changed any more. */
  onAudit(event, ctx) {
    if (event.outcome === "denied") ctx.log.info("denied", ctx.method);
  },`,
    fixtures: [
      {
        name: "what was denied is logged",
        input: { outcome: "denied", durationMs: 3, decisions: [] },
        expect: { action: "allow" },
      },
    ],
  },
};

export function toPluginText(name: string, hooks: readonly Hook[]): string {
  const used = new Set(["definePlugin", ...hooks.flatMap((hook) => samples[hook].uses)]);
  return `import { ${[...used].sort().join(", ")} } from "mcp-gw/plugin";

export default definePlugin({
  name: ${JSON.stringify(name)},
  version: "0.1.0",
  apiVersion: 1,
${hooks.map((hook) => samples[hook].text).join("\n")}
});
`;
}

export function toFixturesText(hooks: readonly Hook[]): string {
  const fixtures = hooks.flatMap((hook) =>
    samples[hook].fixtures.map((fixture) => {
      const { name, ...rest } = fixture as { readonly name: string };
      return { name, hook, ...rest };
    }),
  );
  return `${JSON.stringify(fixtures, undefined, 2)}\n`;
}
