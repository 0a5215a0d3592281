/** What plugins with a text hook say of texts that stand in no answer: instructions, reasons and news. */
import type { OneTarget } from "../core/index.ts";
import type { JsonObject, NotificationMessage } from "../mcp/index.ts";
import { member, reread, stringOf } from "../mcp/index.ts";
import { type Place, dataPlace, paramsPlace } from "../sanitize/index.ts";
import { type AskFacts, methodOf, openCtx } from "./plugin-ctx.ts";
import { type PluginDesk, fitting } from "./plugin-desk.ts";
import { type TextSource, createTextScene } from "./plugin-text.ts";

export interface NoteReview {
  /** What a server says of itself; nothing where that is refused. */
  readonly instructions: (
    facts: AskFacts,
    upstream: string,
    text: string,
  ) => string | Promise<string>;
  /** Why a tool's arguments are refused, in the words of its schema; nothing where that is refused. */
  readonly reason: (
    facts: AskFacts,
    tool: Pick<OneTarget, "name" | "upstream">,
    why: string,
  ) => string | Promise<string>;
  /** A message of a stream that goes on without it; undefined where it is refused. */
  readonly news: (
    facts: AskFacts,
    upstream: string,
    message: NotificationMessage,
  ) => NotificationMessage | undefined | Promise<NotificationMessage | undefined>;
}

export function createNoteReview(desk: PluginDesk): NoteReview {
  const all = desk.having(["onText"]);

  return {
    instructions: (facts, upstream, text) => askAboutText(facts, upstream, undefined, text),
    reason: (facts, { upstream, name }, why) => askAboutText(facts, upstream, name, why),
    news: (facts, upstream, message) => {
      const { params } = message;
      const uri = stringOf(member(params, "uri"));
      const plugins = pluginsOf(facts, upstream, uri);
      if (plugins.length === 0 || params === undefined) return message;
      const matter = { facts, upstream, source: "resource" } as const;
      return ask(plugins, matter, params, paramsPlace(message.method)).then((changed) => {
        if (changed === undefined || changed === params) return changed && message;
        return { ...message, params: changed };
      });
    },
  };

  function askAboutText(
    facts: AskFacts,
    upstream: string,
    name: string | undefined,
    text: string,
  ): string | Promise<string> {
    const plugins = pluginsOf(facts, upstream, name);
    if (plugins.length === 0 || text === "") return text;
    const state = reread(JSON.stringify({ text })) as JsonObject;
    const matter = { facts, upstream, source: "tool_description" } as const;
    return ask(plugins, matter, state, dataPlace).then(
      (changed) => stringOf(member(changed, "text")) ?? "",
    );
  }

  function pluginsOf(facts: AskFacts, upstream: string, name: string | undefined) {
    return fitting(all, { method: methodOf(facts.input), upstream, name });
  }

  async function ask(
    plugins: ReturnType<typeof pluginsOf>,
    { facts, upstream, source }: { facts: AskFacts; upstream: string; source: TextSource },
    state: JsonObject,
    place: Place,
  ): Promise<JsonObject | undefined> {
    const links = plugins.map((plugin) => ({ plugin, hook: "onText" }) as const);
    const scene = createTextScene(openCtx(facts, { upstream }), source, (now) => [[now, place]]);
    const answered = await desk.ask(links, scene, state, facts);
    return "refusal" in answered ? undefined : answered.state;
  }
}
