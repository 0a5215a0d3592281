/** Tools that send something before they answer: progress, log lines, changes of a list. */
import type { McpServer, ServerContext } from "@modelcontextprotocol/server";
import type { Changes } from "./changes.ts";
import { textOf } from "./samples.ts";

const stepMs = 50;
const pause = () => new Promise((resolve) => setTimeout(resolve, stepMs));

export function addNoticeTools(server: McpServer, changes: Changes): void {
  server.registerTool(
    "test_tool_with_progress",
    { description: "Reports its progress three times" },
    async (context) => {
      for (const progress of [0, 50, 100]) {
        await report(context, progress);
        await pause();
      }
      return textOf("Done, with progress");
    },
  );
  const logs = async (context: ServerContext) => {
    for (const line of ["execution started", "processing data", "execution completed"]) {
      await context.mcpReq.log("info", `Tool ${line}`);
      await pause();
    }
    return textOf("Done, with log lines");
  };
  server.registerTool("test_tool_with_logging", { description: "Logs three lines" }, logs);
  server.registerTool("test_logging_tool", { description: "Logs three lines" }, logs);
  server.registerTool(
    "test_reconnection",
    { description: "Closes its stream before it answers" },
    async (context) => {
      context.http?.closeSSE?.();
      await pause();
      return textOf("Done, after a reconnection");
    },
  );
  for (const kind of ["tools", "prompts"] as const) {
    const name = `test_trigger_${kind.slice(0, -1)}_change`;
    server.registerTool(name, { description: `Changes the list of ${kind}` }, () => {
      changes.turn(kind);
      return textOf(`Changed the list of ${kind}`);
    });
  }
}

async function report(context: ServerContext, progress: number): Promise<void> {
  const progressToken = context.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  const params = { progressToken, progress, total: 100 };
  await context.mcpReq.notify({ method: "notifications/progress", params });
}
