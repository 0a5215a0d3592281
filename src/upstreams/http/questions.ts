/** What a legacy server asks of its client: carried to the call it belongs to, or refused. */
import { type Failure, failure } from "../../core/index.ts";
import { type RequestMessage, inputKindOf, toWire } from "../../mcp/index.ts";
import type { LinkQuestion } from "../link.ts";
import { toRefusalText } from "../wire.ts";

/** Questions without an answer, and answers on their way, of one call. */
const MAX_OPEN = 16;

export interface Questions {
  /** The question; undefined for what was answered at once, a failure where too many are open. */
  readonly meet: (request: RequestMessage) => LinkQuestion | Failure | undefined;
  /** Answers at once: nobody can be asked. Dropped where too many are open. */
  readonly refuse: (request: RequestMessage) => void;
}

/** `send` posts a message in the session that asks, and never rejects. */
export function createQuestions(send: (text: string) => Promise<void>): Questions {
  let open = 0;

  function refuse({ id, method }: RequestMessage): void {
    if (open >= MAX_OPEN) return;
    open++;
    void send(toRefusalText(id, method)).finally(() => open--);
  }

  function toQuestion(request: RequestMessage): LinkQuestion {
    let isAnswered = false;
    open++;
    return {
      kind: "question",
      request,
      reply: async (answer) => {
        if (isAnswered) return;
        isAnswered = true;
        // Who takes no answer keeps nobody waiting, and cannot ask much more.
        void send(toWire(answer, request.id)).finally(() => open--);
      },
    };
  }

  return {
    meet: (request) => {
      if (open >= MAX_OPEN) {
        return failure("UPSTREAM_INVALID", "The upstream sends too many requests of its own");
      }
      if (inputKindOf(request.method, request.params) !== undefined) return toQuestion(request);
      refuse(request);
      return undefined;
    },
    refuse,
  };
}
