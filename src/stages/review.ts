import {
  type AnswerMessage,
  type AnswerStream,
  type Answered,
  type OneTarget,
  type Reviewed,
  type Stage,
  mapAnswer,
  pass,
  withFact,
} from "../core/index.ts";
import type { LoadedPlugin } from "../sandbox/index.ts";
import type { Names } from "../upstreams/index.ts";
import { methodOf } from "./plugin-ctx.ts";
import { type PluginDesk, fitting } from "./plugin-desk.ts";
import { toPluginFailure } from "./plugin-refusal.ts";
import { type MessageQuestion, createMessageReview } from "./review-message.ts";
import { type Show, createShow } from "./show.ts";
import { isOfTask } from "./task.ts";

/** A refusal's reason, as the client may read it. */
export type CleanReason = (exchange: Answered, why: string) => string;

/**
 * Asks the plugins about each message of the answer, as it flows: what one refuses ends the answer
 * there. Lists were put to them one upstream after another when they were made. A plugin reads URIs as
 * the upstream writes them; behind it they are put as clients of the shared endpoint know them.
 */
export function review(
  desk: PluginDesk,
  names: Names,
  clean: CleanReason,
): Stage<Answered, Reviewed> {
  const all = desk.having(["onToolResult", "onText", "onInputRequest"]);

  return {
    name: "review",
    run: (exchange) => {
      const { target, raw } = exchange;
      if (target.kind !== "one") return pass(withFact(exchange, { reviewed: raw }));
      const plugins = concerned(exchange, target);
      const show = createShow(names, exchange, target);
      const shown = show === undefined ? raw : mapAnswer(raw, show);
      const reviewed = plugins.length === 0 ? shown : flow(exchange, target, plugins, show ?? asIs);
      return pass(withFact(exchange, { reviewed }));
    },
  };

  function concerned({ input }: Answered, target: OneTarget): readonly LoadedPlugin[] {
    const { upstream, name } = target;
    const matter = { method: methodOf(input), upstream, name };
    // Attack: a server makes a task of a call, so that its result passes who looks at calls alone.
    const isTask = target.what === "tool" && isOfTask(input);
    return isTask
      ? fitting(all, matter, { ...matter, method: "tools/call" })
      : fitting(all, matter);
  }

  function flow(
    exchange: Answered,
    target: OneTarget,
    plugins: readonly LoadedPlugin[],
    show: Show,
  ): AnswerStream {
    const { toQuestion } = createMessageReview(exchange, target, plugins);
    return mapAnswer(exchange.raw, (message) => {
      const question = toQuestion(message);
      return question === undefined ? show(message) : ask(exchange, message, question).then(show);
    });
  }

  async function ask(
    exchange: Answered,
    message: AnswerMessage,
    { links, scene, state, toMessage }: MessageQuestion,
  ): Promise<AnswerMessage> {
    const answered = await desk.ask(links, scene, state, exchange);
    if ("refusal" in answered) {
      await exchange.asked?.giveUp?.();
      return toPluginFailure(answered.refusal, (why) => clean(exchange, why));
    }
    return answered.state === state ? message : toMessage(answered.state);
  }
}

function asIs(message: AnswerMessage): AnswerMessage {
  return message;
}
