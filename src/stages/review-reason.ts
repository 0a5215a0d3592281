/** What a client learns of arguments that do not fit: it quotes the tool's schema. */
import { type Consulted, type Judged, type Stage, type Verdict, problems } from "../core/index.ts";
import type { NoteReview } from "./review-note.ts";

/**
 * `judging` with its reason put to plugins. Attack: a server writes into the schema of a tool what
 * plugins take out of every list, and a model that calls the tool wrongly is told it as the reason.
 */
export function reviewReason(
  judging: Stage<Consulted, Judged>,
  review: NoteReview["reason"],
): Stage<Consulted, Judged> {
  return {
    name: judging.name,
    run: (exchange) => {
      const verdict = judging.run(exchange);
      return verdict instanceof Promise
        ? verdict.then((given) => reword(exchange, given))
        : reword(exchange, verdict);
    },
  };

  function reword(
    exchange: Consulted,
    verdict: Verdict<Judged>,
  ): Verdict<Judged> | Promise<Verdict<Judged>> {
    const { target } = exchange;
    if (verdict.verdict !== "deny" || verdict.code !== "ARGUMENTS_INVALID") return verdict;
    if (target.kind !== "one") return verdict;
    const toDeny = (why: string): Verdict<Judged> => ({
      ...verdict,
      why: why || problems.ARGUMENTS_INVALID.message,
    });
    const reviewed = review(exchange, target, verdict.why);
    return typeof reviewed === "string" ? toDeny(reviewed) : reviewed.then(toDeny);
  }
}
