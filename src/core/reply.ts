/** What the gateway hands back to a door, and the face that a door sees of the gateway. */
import type { Arrival } from "./exchange.ts";
import { problems } from "./problems.ts";
import type { Code } from "./problems.ts";

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * A string is a whole body; a stream yields whole server-sent events. Breaking off the iteration
   * says that the client has gone.
   */
  readonly body: string | AsyncIterable<string> | undefined;
}

export interface Gateway {
  readonly handle: (arrival: Arrival) => Promise<Reply>;
  /** False while loading or draining. */
  readonly ready: () => boolean;
  /** Every origin that some client may come from. */
  readonly allOrigins: ReadonlySet<string>;
}

export interface ProblemExtra {
  /** What was wrong with this request; never its content. */
  readonly detail?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal where no JSON-RPC id is known: problem details (RFC 9457) with our stable code. */
export function problemReply(code: Code, requestId: string, extra: ProblemExtra = {}): Reply {
  const { message, status } = problems[code];
  const detail = extra.detail === undefined ? {} : { detail: extra.detail };
  return {
    status: status.modern,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...extra.headers,
    },
    body: JSON.stringify({
      type: "about:blank",
      title: message,
      status: status.modern,
      code,
      requestId,
      ...detail,
    }),
  };
}
