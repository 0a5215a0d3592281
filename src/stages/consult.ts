import {
  type Consulted,
  type Shaped,
  type Stage,
  type Target,
  type Verdict,
  pass,
  withFact,
} from "../core/index.ts";
import type { LoadedPlugin } from "../sandbox/index.ts";
import { sentHookOf, toSentLinks, toSentScene } from "./consult-request.ts";
import { methodOf } from "./plugin-ctx.ts";
import { type PluginDesk, type PluginMatter, fitting } from "./plugin-desk.ts";
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
      const plugins = concerned(exchange, all);
      return plugins.length === 0 ? asIs(exchange) : ask(exchange, plugins);
    },
  };

  async function ask(
    exchange: Shaped,
    plugins: readonly LoadedPlugin[],
  ): Promise<Verdict<Consulted>> {
    const { params } = exchange.shaped;
    const links = toSentLinks(exchange, plugins);
    const answered = await desk.ask(links, toSentScene(exchange), params, exchange);
    if ("refusal" in answered) return toPluginDeny(answered.refusal);
    return pass(withFact(exchange, { call: answered.state }));
  }
}

function concerned(exchange: Shaped, all: readonly LoadedPlugin[]): readonly LoadedPlugin[] {
  const { input, target } = exchange;
  if (all.length === 0 || input.kind !== "request") return [];
  const hook = sentHookOf(input.method);
  return fitting(all, ...toMatters(exchange, target)).filter(
    ({ hooks }) => hooks.has(hook) || (target.kind === "one" && hooks.has("onText")),
  );
}

/** A request to several upstreams concerns a plugin where it would at one of them. */
function toMatters({ input, endpoint }: Shaped, target: Target): readonly PluginMatter[] {
  const method = methodOf(input);
  if (target.kind === "one") return [{ method, upstream: target.upstream, name: target.name }];
  const shared = { method, upstream: endpoint.upstream ?? "", name: undefined };
  if (target.kind === "reply") return [shared];
  return [shared, ...target.upstreams.map((upstream) => ({ method, upstream, name: undefined }))];
}
