/** A rule as it is asked: whether its conditions hold, and what it does then. */
import {
  type AskConfig,
  type RuleConfig,
  type SanitizeConfig,
  defaultAsk,
  endOfDay,
} from "../config/index.ts";
import type { NamedBucket, RuleHit } from "../core/index.ts";
import { type Condition, type Facts, compileCondition } from "./condition.ts";
import type { Outcome } from "./leaf.ts";
import { compileBucket } from "./rule-bucket.ts";
import { type SetValue, toSetValues } from "./set-value.ts";
import type { Caller } from "./subject.ts";
import { type FunctionPorts, compileFunction } from "./when-function.ts";

export interface CompiledRule {
  readonly name: string;
  /** Its place in the config, so that hits are named in that order. */
  readonly place: number;
  readonly on: RuleConfig["on"];
  readonly clients: ReadonlySet<string> | undefined;
  readonly roles: ReadonlySet<string> | undefined;
  /** Milliseconds since the epoch; from then on it is as if it were not there. */
  readonly endsAt: number;
  /** A rule without conditions that denies also shapes lists: what it denies looks unknown. */
  readonly conditional: boolean;
  readonly enforced: boolean;
  readonly denies: boolean;
  /** How a person is asked, where one has to approve. */
  readonly asks: AskConfig | undefined;
  readonly set: ReadonlyMap<string, SetValue>;
  readonly defaults: ReadonlyMap<string, SetValue>;
  readonly toBucket: ((caller: Caller) => NamedBucket) | undefined;
  readonly sanitize: SanitizeConfig | undefined;
  readonly timeoutMs: number | undefined;
  readonly applies: (facts: Facts) => Outcome;
  /** What the config says of it. */
  readonly why: string | undefined;
  /** What the caller is told where it denies. */
  readonly refusal: string;
  /** What the record says where it set arguments. */
  readonly setHit: RuleHit;
  /** What the record says where it was asked at the call; undefined where it only sets arguments. */
  readonly hit: RuleHit | undefined;
}
export interface Rule extends CompiledRule {
  /** The clients it is for; undefined for all. */
  readonly callers: ReadonlySet<string> | undefined;
}

export function compileRule(config: RuleConfig, place: number, ports: FunctionPorts): CompiledRule {
  const { name, on, mode, until } = config;
  const when =
    typeof config.when === "function"
      ? compileFunction(name, config.when, ports)
      : compileCondition(config.when);
  const unless = compileCondition(config.unless);
  const then = firstEffect(config);
  return {
    name,
    place,
    on,
    clients: config.clients && new Set(config.clients),
    roles: config.roles && new Set(config.roles),
    endsAt: until === undefined ? Infinity : endOfDay(until),
    conditional: when !== undefined || unless !== undefined,
    enforced: mode !== "shadow",
    denies: config.then === "deny",
    asks: config.then === "ask" ? { ...defaultAsk, ...config.ask } : undefined,
    set: toSetValues(config.set),
    defaults: toSetValues(config.defaults),
    toBucket: config.rate && compileBucket(name, config.rate),
    sanitize: config.sanitize,
    timeoutMs: config.timeoutMs,
    applies: (facts) => applies(when, unless, facts),
    why: config.why,
    refusal: config.why ?? `Rule "${name}" refuses this call`,
    // oxlint-disable-next-line unicorn/no-thenable -- the record's word for what a rule does
    setHit: { name, then: "set", mode },
    // oxlint-disable-next-line unicorn/no-thenable -- as above
    hit: then && { name, then, mode },
  };
}

/** In the order of the config, each once, whichever of its patterns matched. */
export function inOrder(rules: readonly Rule[]): readonly Rule[] {
  const isSo = rules.every((rule, index) => index === 0 || rules[index - 1]!.place < rule.place);
  return isSo ? rules : [...new Set(rules)].sort((a, b) => a.place - b.place);
}

/** Of what a rule does at the call, in the order in which the record names it. */
function firstEffect(config: RuleConfig): RuleHit["then"] | undefined {
  if (config.then !== undefined) return config.then;
  if (config.rate !== undefined) return "rate";
  if (config.sanitize !== undefined) return "sanitize";
  return config.timeoutMs === undefined ? undefined : "timeout";
}

/** `when` must hold and `unless` must not; a rule that one of them takes away need not read the other. */
function applies(
  when: Condition | undefined,
  unless: Condition | undefined,
  facts: Facts,
): Outcome {
  const cancelled = unless === undefined ? false : unless(facts);
  if (cancelled === true) return false;
  const wanted = when === undefined ? true : when(facts);
  if (wanted === false) return false;
  if (wanted !== true) return wanted;
  return cancelled === false ? true : cancelled;
}
