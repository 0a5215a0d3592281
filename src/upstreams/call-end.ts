/** What a call comes to for whoever made it: what its upstream ended it with, or why it did not. */
import { type Failure, failure } from "../core/index.ts";
import { type ErrorMessage, type ResultMessage, toModernResult } from "../mcp/index.ts";
import type { Dial } from "./dial.ts";
import { couldDeclare, screenResult, toPagesRequired } from "./input.ts";
import type { Link, LinkEnd } from "./link.ts";
import type { Round } from "./remote/index.ts";
import type { Watch } from "./watch.ts";

export type Last = ResultMessage | ErrorMessage | Failure;

export const unanswered = failure("UPSTREAM_INVALID", "The answer ended early");

/** A deadline or a lost caller is an end too, and explains a failure better than the failure does. */
export function toLast(
  last: LinkEnd,
  request: Round,
  { era }: Link,
  watch: Pick<Watch, "fault">,
  dial: Pick<Dial, "askable" | "grants">,
): Last {
  if (last.kind === "result") return screenResult(last, dial.askable(request), request);
  if (last.kind === "error") {
    if (last.code === -32042) {
      // A modern server has no such error; a legacy client would follow it to its pages.
      const isQuestion = era === "legacy" && request.asks;
      return isQuestion ? toPagesRequired(last, dial.askable(request)) : inputDenied(last);
    }
    if (last.code !== -32021) return last;
    const { client, caller } = request;
    const isTheirs = caller.era === "modern" && couldDeclare(last, dial.grants(client.name));
    return isTheirs ? last : inputDenied(last);
  }
  const end = last.kind === "stale" ? failure("UPSTREAM_UNAVAILABLE", last.why) : last;
  return watch.fault() ?? end;
}

export function toModern(last: Last, { method }: Round): Last {
  if (last.kind !== "result") return last;
  return { ...last, result: toModernResult(method, last.result) };
}

function inputDenied({ code }: ErrorMessage): Failure {
  return failure("INPUT_DENIED", `The upstream needs what is not granted (${code})`);
}
