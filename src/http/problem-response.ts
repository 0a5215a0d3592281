/** A refusal at the door, as problem details. */
import { problemReply } from "../core/index.ts";
import type { Code, ProblemExtra } from "../core/index.ts";

export interface ProblemResponseExtra extends ProblemExtra {
  readonly requestId: string;
}

export function problemResponse(
  code: Code,
  { requestId, ...extra }: ProblemResponseExtra,
): Response {
  const { status, headers, body } = problemReply(code, requestId, extra);
  return new Response(body as string, { status, headers });
}
