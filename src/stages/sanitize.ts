import {
  type AnswerMessage,
  type AnswerStream,
  type Cleaned,
  type Redaction,
  type Stage,
  type Target,
  type Understood,
  failure,
  pass,
} from "../core/index.ts";
import { type McpMessage, textOf } from "../mcp/index.ts";
import { type SanitizeSettings, cleanMessage, cleanText } from "../sanitize/index.ts";

/** What `sanitize` needs to know: also an answer of the gateway's own comes here. */
export interface Sanitizable extends Understood {
  readonly reviewed: AnswerStream;
  readonly target?: Target;
  /** What was taken out of an answer that is clean already. */
  readonly cleaned?: readonly Redaction[] | undefined;
}

export interface SanitizeRules {
  /** The nearest settings for one client and, where one upstream answers, for it. */
  readonly settings: (client: string, upstream: string | undefined) => SanitizeSettings;
  readonly maxResponseBytes: (client: string) => number;
}

/** What may leave, and how much; message by message, as the answer flows. */
export function sanitize(rules: SanitizeRules): Stage<Sanitizable, Cleaned> {
  return {
    name: "sanitize",
    run: (exchange) => {
      const redactions = exchange.cleaned?.slice(0, maxRedactions) ?? [];
      return pass({ ...exchange, answer: clean(exchange, redactions), redactions });
    },
  };

  async function* clean(exchange: Sanitizable, redactions: Redaction[]): AnswerStream {
    const { client, input, target, reviewed } = exchange;
    const upstream = target?.kind === "one" ? target.upstream : undefined;
    const settings = rules.settings(client.name, upstream);
    const context = { method: input.kind === "close" ? "" : input.method };
    let left = rules.maxResponseBytes(client.name);
    for await (const message of reviewed) {
      if (message.kind === "failure") {
        yield message;
        return;
      }
      const cleaned = exchange.cleaned
        ? { message, redactions: [], denied: undefined }
        : cleanMessage(message, settings, context);
      redactions.push(...cleaned.redactions.slice(0, maxRedactions - redactions.length));
      if (cleaned.denied !== undefined) {
        yield failure("RESPONSE_WITHHELD", cleaned.denied);
        return;
      }
      left -= size(cleaned.message);
      if (left < 0) {
        yield failure("RESPONSE_TOO_LARGE", "The answer exceeds the client's maxResponseBytes");
        return;
      }
      yield cleaned.message satisfies AnswerMessage;
    }
  }
}

/** A reason that is told to the client; it may quote a tool's schema, which a server wrote. */
export function whyCleaner(rules: SanitizeRules): (exchange: WhyFacts, why: string) => string {
  return ({ client, target }, why) => {
    const upstream = target?.kind === "one" ? target.upstream : undefined;
    const cleaned = cleanText(why, rules.settings(client.name, upstream));
    return cleaned.denied === undefined ? cleaned.text : "The reason was withheld";
  };
}

type WhyFacts = Pick<Sanitizable, "client" | "target">;

/** The record names so many places at most; an answer can hold thousands. */
const maxRedactions = 100;

function size(message: McpMessage): number {
  if (message.kind === "result") return textOf(message.result).length;
  if (message.kind === "error")
    return message.message.length + (message.data ? textOf(message.data).length : 0);
  return message.params ? textOf(message.params).length : 0;
}
