/** What a client on a pipe is told where HTTP would have used its status. */
import { type Code, problems } from "../core/index.ts";
import {
  type Era,
  type IdText,
  type Json,
  member,
  parseJson,
  stringOf,
  textOf,
} from "../mcp/index.ts";

/** A JSON-RPC error; without an id where the message it is about could not be read. */
export function toErrorText(
  id: IdText | undefined,
  number: number,
  message: string,
  data: Readonly<Record<string, string | undefined>>,
): string {
  const idPart = id === undefined ? "" : `,"id":${id}`;
  return `{"jsonrpc":"2.0"${idPart},"error":${JSON.stringify({ code: number, message, data })}}`;
}

/** A refusal of our own, by its code. */
export function toRefusalText(id: IdText | undefined, code: Code, era: Era): string {
  const { number, message } = problems[code];
  return toErrorText(id, number[era], message, { code });
}

export interface ProblemDetails {
  readonly code: string;
  readonly title: string;
  readonly requestId: string | undefined;
}

/** Problem details (RFC 9457) as the gateway writes them; undefined for anything else. */
export function readProblem(text: string): ProblemDetails | undefined {
  const parsed = parseJson(text);
  const json: Json | undefined = parsed.ok ? parsed.json : undefined;
  const code = stringOf(member(json, "code"));
  if (code === undefined) return undefined;
  const title = stringOf(member(json, "title")) ?? code;
  return { code, title, requestId: stringOf(member(json, "requestId")) };
}

/** The same as a JSON-RPC error, under the number that the code has. */
export function toProblemText(
  id: IdText,
  { code, title, requestId }: ProblemDetails,
  era: Era,
): string {
  const known = Object.hasOwn(problems, code) ? problems[code as Code] : problems.INTERNAL;
  return toErrorText(id, known.number[era], title, { code, requestId });
}

/** The number of a JSON-RPC error; undefined where the text is none. */
export function errorNumber(text: string): number | undefined {
  const parsed = parseJson(text);
  const code = parsed.ok ? member(member(parsed.json, "error"), "code") : undefined;
  return code?.node.type === "number" ? Number(textOf(code)) : undefined;
}

/** Whether this is an answer, and not one of the messages that go before it. */
export function isAnswer(text: string): boolean {
  const parsed = parseJson(text);
  if (!parsed.ok) return false;
  return member(parsed.json, "method") === undefined && member(parsed.json, "id") !== undefined;
}
