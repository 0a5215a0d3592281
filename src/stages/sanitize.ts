import {
  type Adjustment,
  type AnswerStream,
  type AskedInput,
  type Cleaned,
  type Code,
  type Failure,
  type Redaction,
  type Stage,
  type Target,
  type Understood,
  failure,
  mapAnswer,
  pass,
  withFact,
  utf8Length,
} from "../core/index.ts";
import { type McpMessage, textOf } from "../mcp/index.ts";
import { type SanitizeSettings, cleanMessage, cleanText } from "../sanitize/index.ts";

/** What `sanitize` needs to know: also an answer of the gateway's own comes here. */
export interface Sanitizable extends Understood {
  readonly reviewed: AnswerStream;
  readonly target?: Target;
  readonly judgement?: { readonly adjust: Adjustment };
  /** What was taken out of an answer that is clean already. */
  readonly cleaned?: readonly Redaction[] | undefined;
  readonly asked?: AskedInput | undefined;
}

export interface SanitizeRules {
  /**
   * The nearest settings for one client and, where one upstream answers, for it; those of rules that
   * the call matched are nearer.
   */
  readonly settings: (
    client: string,
    upstream: string | undefined,
    ofRules?: Adjustment["sanitize"],
  ) => SanitizeSettings;
  readonly maxResponseBytes: (client: string) => number;
}

/** What may leave, and how much; message by message, as the answer flows. */
export function sanitize(rules: SanitizeRules): Stage<Sanitizable, Cleaned> {
  return {
    name: "sanitize",
    run: (exchange) => {
      const redactions = exchange.cleaned?.slice(0, maxRedactions) ?? [];
      return pass(withFact(exchange, { answer: clean(exchange, redactions), redactions }));
    },
  };

  function clean(exchange: Sanitizable, redactions: Redaction[]): AnswerStream {
    const { client, input, target, reviewed, judgement } = exchange;
    const upstream = target?.kind === "one" ? target.upstream : undefined;
    const settings = rules.settings(client.name, upstream, judgement?.adjust.sanitize);
    const hasMethod = input.kind === "request" || input.kind === "notification";
    const context = { method: hasMethod ? input.method : "" };
    // A subscription has no end, and each of its messages is small or withheld.
    const isEndless = target?.kind === "subscription";
    let left = rules.maxResponseBytes(client.name);
    return mapAnswer(reviewed, (message) => {
      if (message.kind === "failure") return message;
      if (message.kind === "request") throw new Error("A question is made of what is clean");
      const cleaned = exchange.cleaned
        ? { message, redactions: [], denied: undefined }
        : cleanMessage(message, settings, context);
      redactions.push(...cleaned.redactions.slice(0, maxRedactions - redactions.length));
      if (cleaned.denied !== undefined) {
        return withhold(exchange, "RESPONSE_WITHHELD", cleaned.denied);
      }
      const spent = size(cleaned.message);
      left = isEndless ? rules.maxResponseBytes(client.name) - spent : left - spent;
      if (left >= 0) return cleaned.message;
      const why = "The answer exceeds the client's maxResponseBytes";
      return withhold(exchange, "RESPONSE_TOO_LARGE", why);
    });
  }
}

async function withhold({ asked }: Sanitizable, code: Code, why: string): Promise<Failure> {
  await asked?.giveUp?.();
  return failure(code, why);
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
  if (message.kind === "result") return utf8Length(textOf(message.result));
  if (message.kind === "error")
    return utf8Length(message.message) + (message.data ? utf8Length(textOf(message.data)) : 0);
  return message.params ? utf8Length(textOf(message.params)) : 0;
}
