import {
  type Consulted,
  type Shaped,
  type Stage,
  type Verdict,
  pass,
  withFact,
} from "../core/index.ts";
import { toSentLinks, toSentScene } from "./consult-request.ts";
import type { Link } from "./plugin-chain.ts";
import type { PluginDesk } from "./plugin-desk.ts";
import { toPluginDeny } from "./plugin-refusal.ts";

/**
 * Asks the plugins about the request, and fixes what will be sent; from here on it is judged, and not
 * changed any more. Notifications reach no upstream, and what a client answers to a server's question
 * comes here with the next round of its call: of neither any plugin is asked.
 */
export function consult(desk: PluginDesk): Stage<Shaped, Consulted> {
  const all = desk.having(["onToolCall", "onText", "onResourceRead", "onPromptGet", "onRequest"]);
  const asIs = (exchange: Shaped): Verdict<Consulted> =>
    pass(withFact(exchange, { call: exchange.shaped.params }));

  return {
    name: "consult",
    run: (exchange) => {
      if (all.length === 0 || exchange.input.kind !== "request") return asIs(exchange);
      const links = toSentLinks(exchange, all);
      return links.length === 0 ? asIs(exchange) : ask(exchange, links);
    },
  };

  async function ask(exchange: Shaped, links: readonly Link[]): Promise<Verdict<Consulted>> {
    const { params } = exchange.shaped;
    const answered = await desk.ask(links, toSentScene(exchange), params, exchange);
    if ("refusal" in answered) return toPluginDeny(answered.refusal);
    return pass(withFact(exchange, { call: answered.state }));
  }
}
