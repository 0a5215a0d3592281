/** What a call would come to, told without making it: by the gateway that runs, and offline. */
import { type Config, suggest } from "./config/index.ts";
import { type CallWish, type ExplainedCall, type ToolFacts, compileLinear } from "./core/index.ts";
import { type TargetKind, compileSchema, isObject, member } from "./mcp/index.ts";
import { type Explanation, type Policy, withArguments } from "./policy/index.ts";
import type { Hook, LoadedPlugin } from "./sandbox/index.ts";
import { argumentsFault } from "./stages/index.ts";
import { type Lock, definitionOf } from "./upstreams/index.ts";

/** What a decision stands on. */
export interface ExplainGround {
  readonly policy: Policy;
  readonly config: Config;
  /** What is known of tools: no upstream is asked. */
  readonly lock: Lock;
  /** Those that run; their verdicts are not known, since they are not asked. */
  readonly plugins?: readonly LoadedPlugin[];
  /** Known of a gateway that runs alone. */
  readonly isQuarantined?: (upstream: string, tool: string) => boolean;
}
export interface CallExplanation
  extends
    ExplainedCall,
    Pick<Explanation, "block" | "allows" | "rules" | "set" | "adjust" | "ask"> {
  readonly client: string;
  readonly kind: TargetKind;
  /** `upstream/name` */
  readonly call: string;
  /** What the lock file knows of the tool; absent for what is no tool. */
  readonly tool?: "locked" | "new" | "unlocked";
  /** What to keep in mind with the verdict, a sentence each. */
  readonly notes: readonly string[];
}

export const methodOfKind: Readonly<Record<TargetKind, string>> = {
  tool: "tools/call",
  resource: "resources/read",
  prompt: "prompts/get",
};

const words: Readonly<Record<string, ExplainedCall["verdict"]>> = {
  allow: "allowed",
  ask: "asked",
  deny: "denied",
};

type Ending = Pick<CallExplanation, "verdict" | "code" | "why">;

/** As the road goes: the policy, what is known of the tool, the rules, the tool's own schema. */
export function explainCall(wish: CallWish, ground: ExplainGround): CallExplanation {
  const { client, subject, address, kind, upstream, name, args } = wish;
  const { policy, config } = ground;
  const known = kind === "tool" ? knownOf(wish, ground) : undefined;
  const facts = known?.facts;
  const told = policy.explain(
    { client, subject, address },
    { kind, upstream, name },
    {
      args,
      annotations: member(facts?.definition, "annotations"),
      method: wish.method ?? methodOfKind[kind],
    },
  );
  const { verdict, code, why, ...chain } = told;
  const decided: Ending = {
    verdict: words[verdict] ?? "denied",
    ...(code && { code }),
    ...(why && { why }),
  };
  const isThere = told.allows.length > 0 && code !== "POLICY_DENIED" && code !== "BLOCKED";
  const ending = (isThere && refusalOf(wish, known, told, config)) || decided;
  const unasked = isThere ? pluginsNote(wish, ground) : [];
  const found = isThere && known?.note ? [known.note] : [];
  const notes = [...doubtsOf(wish, config), ...found, ...unasked];
  const tool = known === undefined ? {} : { tool: known.state };
  return { ...ending, client, kind, call: `${upstream}/${name}`, ...chain, ...tool, notes };
}

interface Known {
  readonly state: NonNullable<CallExplanation["tool"]>;
  readonly facts?: ToolFacts;
  readonly isHeld: boolean;
  readonly note?: string;
}

function knownOf({ upstream, name }: CallWish, ground: ExplainGround): Known {
  const { config, lock, isQuarantined } = ground;
  const isHeld = isQuarantined?.(upstream, name) ?? false;
  const tools = lock.get(upstream);
  const locked = tools?.get(name);
  if (locked !== undefined) {
    const definition = definitionOf(locked);
    return { state: "locked", facts: toFacts(definition), isHeld };
  }
  const state = tools === undefined ? "unlocked" : "new";
  if (config.integrity.mode === "frozen") return { state, isHeld: true };
  const meant = tools && suggest(name, [...tools.keys()]);
  const what =
    tools === undefined
      ? `No tool of "${upstream}" is locked`
      : `The lock knows no such tool of "${upstream}"${meant === undefined ? "" : ` (${meant})`}`;
  const note = `${what}: whether it is there, its annotations and its schema are not known`;
  return { state, isHeld, note };
}

function toFacts(definition: ToolFacts["definition"]): ToolFacts {
  const schema = member(definition, "inputSchema");
  return {
    definition,
    headers: [],
    validator: () =>
      isObject(schema) ? compileSchema(schema, compileLinear) : { fault: "It is no object" },
  };
}

/** What refuses the call beside the policy; undefined where that is left to the policy. */
function refusalOf(
  { args, upstream, kind }: CallWish,
  known: Known | undefined,
  { verdict, set }: Explanation,
  config: Config,
): Ending | undefined {
  if (known?.isHeld === true) {
    const why = "The tool is not the one that was reviewed";
    return { verdict: "denied", code: "QUARANTINED", why };
  }
  if (kind === "tool" && args !== undefined && !isObject(args)) {
    return { verdict: "denied", code: "PARAMS_INVALID", why: "The arguments are no object" };
  }
  if (verdict === "deny" || known?.facts === undefined) return undefined;
  if (config.upstreams[upstream]?.arguments === "report") return undefined;
  const sent = withArguments(args, new Map(Object.entries(set)));
  const fault = argumentsFault(known.facts, isObject(sent) ? sent : undefined);
  return fault === undefined
    ? undefined
    : { verdict: "denied", code: "ARGUMENTS_INVALID", why: fault };
}

/** A plugin may refuse the call or change it, and the rules are asked about what it makes of it. */
function pluginsNote(
  { kind, upstream, name, method = methodOfKind[kind] }: CallWish,
  { plugins = [] }: ExplainGround,
): readonly string[] {
  const asked = plugins.filter(
    ({ hooks, fits }) =>
      requestHooks[kind].some((hook) => hooks.has(hook)) && fits({ method, upstream, name }),
  );
  if (asked.length === 0) return [];
  const names = asked.map((plugin) => `"${plugin.name}"`).join(", ");
  return [`The call would be put to plugins first, which are not asked here: ${names}`];
}

const requestHooks = {
  tool: ["onToolCall", "onText"],
  resource: ["onResourceRead", "onText"],
  prompt: ["onPromptGet", "onText"],
} as const satisfies Readonly<Record<TargetKind, readonly Hook[]>>;

/** Names that the config does not have: whoever asks about them has mostly mistyped one. */
function doubtsOf({ client, upstream }: CallWish, config: Config): readonly string[] {
  const named = [
    ["client", client, Object.keys(config.clients)],
    ["upstream", upstream, Object.keys(config.upstreams)],
  ] as const;
  return named.flatMap(([what, name, known]) => {
    if (known.includes(name)) return [];
    const meant = suggest(name, known);
    return [`The config has no ${what} "${name}"${meant === undefined ? "" : ` (${meant})`}`];
  });
}
