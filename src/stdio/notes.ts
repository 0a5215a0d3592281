/** Messages that nobody answers: notifications, responses, and what cannot be read. */
import type { Log } from "../core/index.ts";
import type { Answer } from "./answer.ts";
import { readAnswer } from "./answer.ts";
import type { Outlet } from "./outlet.ts";
import type { Said } from "./read-line.ts";
import { errorNumber, readProblem, toErrorText } from "./refusals.ts";

export interface NotesSettings {
  readonly post: (
    body: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ) => Promise<Response>;
  readonly headers: (said: Said) => Readonly<Record<string, string>>;
  readonly outlet: Outlet;
  readonly maxAnswerBytes: number;
  readonly log: Log;
  readonly stop: AbortSignal;
}
export interface Notes {
  /** Settles when the gateway has taken it, or refused it; never rejects. */
  readonly send: (text: string, said: Said) => Promise<void>;
  /** As `send`, but settles as soon as there is room for another one on its way. */
  readonly post: (text: string, said: Said) => Promise<void>;
  /** Settles when none is on its way. */
  readonly drained: () => Promise<unknown>;
}

const maxOnTheWay = 64;

/** A refusal is for the log, unless nobody can know what was meant. */
export function createNotes(settings: NotesSettings): Notes {
  const { outlet, maxAnswerBytes, log, stop } = settings;
  const onTheWay = new Set<Promise<void>>();

  async function send(text: string, said: Said): Promise<void> {
    const { kind } = said;
    try {
      const response = await settings.post(text, settings.headers(said), stop);
      const answer = await readAnswer(response, maxAnswerBytes);
      if (kind === "unread") await tellUnread(answer);
      else if (!response.ok) {
        const method = "method" in said ? said.method : undefined;
        log.warn("A message was refused", { kind, method, code: codeOf(answer) });
      }
    } catch (error) {
      if (!stop.aborted) log.warn("A message was not delivered", { kind, error: String(error) });
    }
  }

  async function tellUnread(answer: Answer): Promise<void> {
    if (answer.kind === "none" || answer.kind === "stream") return;
    const isError = errorNumber(answer.text) !== undefined;
    const code = codeOf(answer);
    await outlet.put(
      isError ? answer.text : toErrorText(undefined, -32600, "The message was refused", { code }),
    );
  }

  return {
    send,
    post: async (text, said) => {
      const note = send(text, said);
      onTheWay.add(note);
      void note.finally(() => onTheWay.delete(note));
      if (onTheWay.size >= maxOnTheWay) await Promise.race(onTheWay);
    },
    drained: () => Promise.all(onTheWay),
  };
}

function codeOf(answer: Answer): string | undefined {
  if (answer.kind === "none" || answer.kind === "stream") return undefined;
  const number = errorNumber(answer.text);
  return number === undefined ? readProblem(answer.text)?.code : String(number);
}
