/** Tells plugins how an exchange ended. */
import { type Log, createCanceller, utf8Length } from "../core/index.ts";
import type { Plugins, Step, StepsAbout } from "../sandbox/index.ts";
import { closeCtx, methodOf, openCtx } from "./plugin-ctx.ts";
import { type PluginDesk, fitting } from "./plugin-desk.ts";
import type { Facts, Outcome } from "./record.ts";

/** Never throws, and nobody waits for it: what was recorded is not changed any more. */
export type TellPlugins = (facts: Facts, outcome: Outcome) => void;

/** What is told at once; an attack makes many exchanges end, and no plugin may cost more than calls do. */
const maxUnderWay = 16;

const outcomes: Readonly<Record<Outcome["decision"], "ok" | "denied" | "error">> = {
  allowed: "ok",
  asked: "ok",
  denied: "denied",
  failed: "error",
  cancelled: "error",
};

export function createTellPlugins(plugins: Plugins, desk: PluginDesk, log: Log): TellPlugins {
  const all = desk.having(["onAudit"]);
  const { signal } = createCanceller();
  let underWay = 0;
  let dropped = 0;

  return (facts, outcome) => {
    if (all.length === 0) return;
    const { client, input, id, time } = facts;
    if (client === undefined || input === undefined) return;
    const one = facts.target?.kind === "one" ? facts.target : undefined;
    const upstream = one?.upstream ?? facts.endpoint?.upstream ?? "";
    const told = fitting(all, { method: methodOf(input), upstream, name: one?.name });
    if (told.length === 0) return;
    const tool = one?.what === "tool" ? { name: one.name, facts: facts.shaped?.tool } : undefined;
    const ctx = closeCtx(openCtx({ id, time, client, input, signal }, { upstream, tool }));
    const payload = toEvent(facts, outcome);
    const bytes = utf8Length(payload);
    // One by one: where one fails, the others hear of it all the same.
    for (const plugin of told) {
      tell({ plugin, hook: "onAudit", payload, ctx, bytes }, { id, client: client.name, time });
    }
  };

  function tell(step: Step, about: StepsAbout): void {
    if (underWay >= maxUnderWay) {
      dropped++;
      // At powers of two, so that a flood does not fill the log.
      if ((dropped & (dropped - 1)) === 0) log.warn("Plugins were not told of an end", { dropped });
      return;
    }
    underWay++;
    void plugins
      .run([step], about, signal)
      .catch((error: unknown) => log.error("A plugin broke", { error: String(error) }))
      .finally(() => underWay--);
  }
}

function toEvent({ plugins = [] }: Facts, { decision, ms, stage, code }: Outcome): string {
  return JSON.stringify({
    outcome: outcomes[decision],
    durationMs: ms,
    decisions: [
      { stage, decision, ...(code && { code }) },
      ...plugins.map(({ name, hook, verdict, mode }) => ({ plugin: name, hook, verdict, mode })),
    ],
  });
}
