/** A request as plugins see it, and what they may change in it: a call's arguments, and no more. */
import type { Shaped, Target } from "../core/index.ts";
import {
  type Json,
  type JsonObject,
  at,
  foldCase,
  isObject,
  member,
  parseJson,
  setMembers,
  spliced,
  textOf,
} from "../mcp/index.ts";
import type { Hook, LoadedPlugin } from "../sandbox/index.ts";
import { dataPlace, structurePlace } from "../sanitize/index.ts";
import { hasExactNumbers } from "./exact-numbers.ts";
import { type Fault, type Link, type Look, type Scene, inexact } from "./plugin-chain.ts";
import { closeCtx, methodOf, openCtx } from "./plugin-ctx.ts";
import { type PluginMatter, fitting } from "./plugin-desk.ts";
import { type TextParts, createTextScene } from "./plugin-text.ts";
import { setArguments } from "./set-arguments.ts";
import { isOfTask } from "./task.ts";

const ownHooks: ReadonlyMap<string, Hook> = new Map([
  ["tools/call", "onToolCall"],
  ["resources/read", "onResourceRead"],
  ["prompts/get", "onPromptGet"],
]);

function sentHookOf(method: string): Hook {
  return ownHooks.get(method) ?? "onRequest";
}

/**
 * Of each plugin that it concerns the hook of the method, then its text hook on what came of that.
 */
export function toSentLinks(exchange: Shaped, plugins: readonly LoadedPlugin[]): readonly Link[] {
  const { input, target } = exchange;
  const hook = sentHookOf(methodOf(input));
  const matters = toMatters(exchange, target);
  const asked = fitting(plugins, ...matters);
  // Attack: what may not go up with a call goes up as the answer to a question of its task.
  const texts = isOfTask(input) ? fitting(plugins, ...matters, ...matters.map(ofCall)) : asked;
  return texts.flatMap((plugin) => {
    const links: Link[] = [];
    if (plugin.hooks.has(hook) && asked.includes(plugin)) links.push({ plugin, hook });
    // Of a request to several upstreams nothing goes up that a client wrote.
    if (plugin.hooks.has("onText") && target.kind === "one") links.push({ plugin, hook: "onText" });
    return links;
  });
}

function ofCall(matter: PluginMatter): PluginMatter {
  return { ...matter, method: "tools/call" };
}

/** A request to several upstreams concerns a plugin where it would at one of them. */
function toMatters({ input, endpoint }: Shaped, target: Target): readonly PluginMatter[] {
  const method = methodOf(input);
  if (target.kind === "one") return [{ method, upstream: target.upstream, name: target.name }];
  const shared = { method, upstream: endpoint.upstream ?? "", name: undefined };
  if (target.kind === "reply") return [shared];
  return [shared, ...target.upstreams.map((upstream) => ({ method, upstream, name: undefined }))];
}

type Params = JsonObject | undefined;

export function toSentScene(exchange: Shaped): Scene<Params> {
  const { shaped, target, input } = exchange;
  const one = target.kind === "one" ? target : undefined;
  const tool = one?.what === "tool" ? { name: one.name, facts: shaped.tool } : undefined;
  const open = openCtx(exchange, {
    upstream: one?.upstream ?? exchange.endpoint.upstream ?? "",
    tool,
  });
  const text = createTextScene(open, "tool_arguments", toSentParts);

  return {
    stage: text.stage,
    look: (link, params) => {
      if (link.hook === "onText") return params && text.look(link, params);
      return lookAtParams(link.hook, methodOf(input), params);
    },
    ctx: (hook) => (hook === "onText" ? text.ctx(hook) : closeCtx(open)),
    change: (link, params, change) => {
      if (params === undefined) return { fault: "There is nothing to change" };
      const changed =
        link.hook === "onToolCall" && change.action === "modify"
          ? setGiven(params, change.json, shaped)
          : text.change(link, params, change);
      if ("fault" in changed) return changed;
      const args = link.plugin.seesKeys ? member(changed, "arguments") : undefined;
      const fault = args && argumentsFault(textOf(args), shaped);
      // What a rule sets is sent so, whatever a plugin makes of it.
      return fault === undefined ? setArguments(changed, shaped.pinned) : { fault };
    },
  };
}

/** What a client writes for a server to read: arguments, answers to its questions, and what to complete. */
function toSentParts(params: JsonObject): TextParts {
  const args = member(params, "arguments");
  const parts = [
    member(params, "inputResponses"),
    at(params, "argument", "value"),
    at(params, "context", "arguments"),
  ];
  return [
    ...(args ? [[args, structurePlace] as const] : []),
    ...parts.flatMap((part) => (part ? [[part, dataPlace] as const] : [])),
  ];
}

function lookAtParams(hook: Hook, method: string, params: Params): Look {
  if (params !== undefined && !hasExactNumbers(params)) return inexact;
  if (hook !== "onRequest") return { payload: params === undefined ? "{}" : textOf(params) };
  const rest = params === undefined ? "" : `,"params":${textOf(params)}`;
  return { payload: `{"method":${JSON.stringify(method)}${rest}}` };
}

function setGiven(params: JsonObject, json: string, shaped: Shaped["shaped"]): JsonObject | Fault {
  const fault = argumentsFault(json, shaped);
  if (fault !== undefined) return { fault };
  return spliced(params, setMembers(params, { arguments: json })) as JsonObject;
}

/** Arguments whose keys a plugin wrote are held to what a client's are held to. */
function argumentsFault(json: string, { pinned }: Shaped["shaped"]): string | undefined {
  const parsed = parseJson(json, { strict: true });
  if (!parsed.ok) return `Its arguments are no JSON that all read alike: ${parsed.fault}`;
  if (!isObject(parsed.json)) return "Its arguments are no object";
  const disguised = findDisguised(parsed.json, pinned);
  return disguised === undefined
    ? undefined
    : `Its argument "${disguised}" differs from one that a rule sets in case alone`;
}

/** Attack: a server that folds case would read `Region` as the `region` that a rule sets. */
function findDisguised(args: Json, pinned: ReadonlyMap<string, string>): string | undefined {
  if (pinned.size === 0 || args.node.type !== "object") return undefined;
  const folded = new Set([...pinned.keys()].map(foldCase));
  const keys = args.node.members.map(({ key }) => key);
  return keys.find((key) => !pinned.has(key) && folded.has(foldCase(key)));
}
