/** A config as recorded calls are decided under it. */
import type {
  ConditionConfig,
  Config,
  RuleConfig,
  TestConfig,
  WhenFacts,
  WhenFunction,
} from "../config/index.ts";
import { endOfDay } from "../config/index.ts";

/** What a record may not hold, and conditions may ask for. */
export type Missable = "args" | "annotations" | "address" | "subject";
export type Missing = ReadonlySet<Missable>;

/**
 * What has ended by `now` is left out and what has not has no end, so that the time of a record can
 * be what functions take for now: a replay says what the config does from today on.
 */
export function withoutEnds(config: Config, now: number): Config {
  const isThere = ({ until }: { readonly until?: string | undefined }): boolean =>
    until === undefined || now < endOfDay(until);
  const endless = <T extends { readonly until?: string | undefined }>(each: T): T => {
    return { ...each, until: undefined };
  };
  const roles = Object.entries(config.roles).filter(([, role]) => isThere(role));
  return {
    ...config,
    roles: Object.fromEntries(roles.map(([name, role]) => [name, endless(role)])),
    rules: config.rules.filter(isThere).map(endless),
  };
}

/** What a function was asked with, while a call is decided. */
export interface Watched {
  missing: Missing;
  /** The rules whose functions looked at what is missing. */
  readonly lookers: Set<string>;
}

/** A function whose answer may hang on what is missing gives none, and is noted. */
export function watchFunctions(config: Config, watched: Watched): Config {
  return {
    ...config,
    rules: config.rules.map((rule) =>
      typeof rule.when === "function"
        ? { ...rule, when: watch(rule.name, rule.when, watched) }
        : rule,
    ),
  };
}

function watch(name: string, when: WhenFunction, watched: Watched): WhenFunction {
  return (facts) => {
    const { missing, lookers } = watched;
    if (missing.size === 0) return when(facts);
    // A number that cannot be held keeps the function from being asked at all.
    let looked = missing.has("args");
    const look = (key: PropertyKey): void => {
      looked ||= missing.has(key as Missable);
    };
    const seen = new Proxy(facts, {
      get: (target, key) => {
        look(key);
        return Reflect.get(target, key) as unknown;
      },
      has: (target, key) => {
        look(key);
        return Reflect.has(target, key);
      },
      getOwnPropertyDescriptor: (target, key) => {
        look(key);
        return Reflect.getOwnPropertyDescriptor(target, key);
      },
    });
    const answer = ask(when, seen);
    if (!looked) return answer as boolean;
    if (answer instanceof Promise) answer.catch(() => undefined);
    lookers.add(name);
    return undefined as never;
  };
}

/** What it throws for the want of a fact must not pass for its answer. */
function ask(when: WhenFunction, facts: WhenFacts): unknown {
  try {
    return when(facts);
  } catch {
    return undefined;
  }
}

/**
 * The same config, in which each test on what is missing fails, as a test does that cannot be
 * decided. So the policy itself says where its answer hangs on one. `clouded` names the rules.
 */
export function cloud(
  config: Config,
  missing: Missing,
): { readonly config: Config; readonly clouded: ReadonlySet<string> } {
  const clouded = new Set<string>();
  const rules = config.rules.map((rule): RuleConfig => {
    const { when, unless, ...rest } = rule;
    const isAsked = (part: ConditionConfig | undefined): part is ConditionConfig =>
      part !== undefined && parts.some((key) => missing.has(key) && part[key] !== undefined);
    const isWhen = typeof when !== "function" && isAsked(when);
    // A caller that writes a pinned argument in another case is refused.
    const isBlind = isSetter(rule) && missing.has("args") && typeof when !== "function";
    if (!isWhen && !isBlind && !isAsked(unless)) return rule;
    clouded.add(rule.name);
    const asked = isWhen || isBlind ? toClouded(when ?? {}, missing) : when;
    const excepted = isAsked(unless) ? toClouded(unless, missing) : unless;
    return { ...rest, ...(asked && { when: asked }), ...(excepted && { unless: excepted }) };
  });
  return { config: { ...config, rules }, clouded };
}

const parts = ["args", "annotations", "address"] as const;
/** No expression, so that its test is never decided, whatever it is held against. */
const undecided: TestConfig = { matches: "(" };

/** First, so that no other test that fails hides it; one that does not hold still decides. */
function toClouded(condition: ConditionConfig, missing: Missing): ConditionConfig {
  const { args, annotations, address } = condition;
  return {
    args: { "not recorded": undecided, ...(missing.has("args") ? {} : args) },
    ...(annotations && !missing.has("annotations") && { annotations }),
    ...(address !== undefined && !missing.has("address") && { address }),
  };
}

function isSetter({ set, defaults }: RuleConfig): boolean {
  return set !== undefined || defaults !== undefined;
}
