/** One round of a call that waits for input, as any process may have to take it up. */
import { type Cancellation, type Failure, failure } from "../../core/index.ts";
import type { ErrorMessage, NotificationMessage, ResultMessage } from "../../mcp/index.ts";
import type { UpstreamRequest } from "../face.ts";

/** What a request says to a call that waits for it. */
export type Round = Omit<UpstreamRequest, "headers" | "paramHeaders" | "maxBytes" | "timeoutMs">;

/** Notifications, then one of the rest: the end, or what is asked next. */
export type RoundMessage = NotificationMessage | ResultMessage | ErrorMessage | Failure;

/** Takes up the call of this name; undefined for what does not wait here, or for somebody else. */
export type TakeUp = (
  waiting: string,
  round: Round,
  signal: Cancellation,
) => AsyncIterable<RoundMessage> | undefined;

export const over = failure("UPSTREAM_UNAVAILABLE", "The call that waited for this input is over");
