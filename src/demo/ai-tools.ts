/** Demo MCP server: text tools, one of them slow enough to report its progress. */
import { McpServer, type ServerContext, fromJsonSchema } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { dataAnswer, textAnswer } from "./answers.ts";

const textSchema = {
  type: "object",
  properties: { text: { type: "string", maxLength: 100_000 } },
  required: ["text"],
} as const;
const hint = { readOnlyHint: true, openWorldHint: false } as const;
const steps = ["reading", "weighing", "writing"] as const;
const stepMs = 40;

/** The first sentence and the words that come up most; what a summary needs to look like one. */
function summaryOf(text: string): string {
  const first = /^[^.!?]*[.!?]?/.exec(text.trim())?.[0] ?? "";
  const counts = new Map<string, number>();
  for (const word of text.toLowerCase().match(/\p{L}{5,}/gu) ?? []) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const words = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 3);
  const about = words.map(([word]) => word).join(", ");
  return about === "" ? first : `${first} (about: ${about})`;
}

async function workOn(step: number, context: ServerContext): Promise<void> {
  const progressToken = context.mcpReq._meta?.progressToken;
  if (progressToken !== undefined) {
    const params = { progressToken, progress: step, total: steps.length, message: steps[step] };
    await context.mcpReq.notify({ method: "notifications/progress", params });
  }
  await new Promise((resolve) => setTimeout(resolve, stepMs));
}

function createAiTools(): McpServer {
  const server = new McpServer({ name: "ai-tools", version: "1.0.0" });
  server.registerTool(
    "summarize",
    {
      description: "A summary of a text, with progress while it is made",
      inputSchema: fromJsonSchema<{ text: string }>(textSchema),
      annotations: hint,
    },
    async ({ text }, context) => {
      for (const step of steps.keys()) await workOn(step, context);
      return textAnswer(summaryOf(text));
    },
  );
  server.registerTool(
    "count_tokens",
    {
      description: "How many tokens a text has, roughly four characters each",
      inputSchema: fromJsonSchema<{ text: string }>(textSchema),
      annotations: hint,
    },
    ({ text }) => dataAnswer({ characters: text.length, tokens: Math.ceil(text.length / 4) }),
  );
  return server;
}

serveStdio(createAiTools);
