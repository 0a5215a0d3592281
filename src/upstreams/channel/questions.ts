/** What a legacy server asks in the middle of a call, until it has its answer. */
import type { RequestMessage } from "../../mcp/index.ts";
import { toWire } from "../../mcp/index.ts";
import type { LinkQuestion } from "../link.ts";
import type { Notice } from "../notices.ts";
import { toRefusalText } from "../wire.ts";

/** Questions, and answers on their way, at once; what a server asks beyond is dropped. */
const MAX_OPEN = 64;

/** What a server is told of a client that it can ask for nothing, as JSON text. */
export const NOTHING = "{}";

export interface Questions {
  /** Answers that nobody is there to be asked, or that we live. */
  readonly refuse: (request: RequestMessage) => void;
  /** The question as a call is given it, and what refuses it where nobody answers it. */
  readonly open: (request: RequestMessage) => OpenQuestion | undefined;
}

export interface OpenQuestion {
  readonly question: LinkQuestion;
  /** Does nothing once it is answered. */
  readonly refuse: () => void;
}

/** `send` never rejects. */
export function createQuestions(send: (text: string) => Promise<void>, notice: Notice): Questions {
  let open = 0;

  function isFull(): boolean {
    if (open < MAX_OPEN) return false;
    notice("An upstream asks too much at once; dropped");
    return true;
  }

  async function answer(text: string): Promise<void> {
    await send(text);
    open--;
  }

  return {
    refuse: ({ id, method }) => {
      if (isFull()) return;
      open++;
      void answer(toRefusalText(id, method));
    },
    open: (request) => {
      if (isFull()) return undefined;
      open++;
      let isOpen = true;
      const once = async (text: string): Promise<void> => {
        if (!isOpen) return;
        isOpen = false;
        await answer(text);
      };
      const { id, method } = request;
      return {
        question: { kind: "question", request, reply: (last) => once(toWire(last, id)) },
        refuse: () => void once(toRefusalText(id, method)),
      };
    },
  };
}
