/** The shapes of answers that the demo servers share. */
import type { CallToolResult } from "@modelcontextprotocol/server";

export function textAnswer(text: string): CallToolResult {
  return { content: [{ type: "text", text }] };
}

/** The same data for a model, as text, and for a program. */
export function dataAnswer(data: Record<string, unknown>): CallToolResult {
  return { content: [{ type: "text", text: JSON.stringify(data) }], structuredContent: data };
}

export function failedAnswer(text: string): CallToolResult {
  return { ...textAnswer(text), isError: true };
}
