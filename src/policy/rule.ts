/** A rule as it is asked: whom it speaks of, and whether its conditions hold. */
import type { RuleConfig } from "../config/index.ts";
import type { RuleHit } from "../core/index.ts";
import { type Condition, type Facts, compileCondition } from "./condition.ts";
import type { Outcome } from "./leaf.ts";

export interface Rule {
  readonly name: string;
  /** Its place in the config, so that hits are named in that order. */
  readonly place: number;
  readonly on: RuleConfig["on"];
  /** A rule without conditions also shapes lists: what it denies looks unknown. */
  readonly conditional: boolean;
  readonly concerns: (client: string) => boolean;
  readonly applies: (facts: Facts) => Outcome;
  readonly why: string;
  readonly hit: RuleHit;
}

export function compileRule(config: RuleConfig, place: number): Rule {
  const { name, on } = config;
  const clients = config.clients && new Set(config.clients);
  const when = compileCondition(config.when);
  const unless = compileCondition(config.unless);
  return {
    name,
    place,
    on,
    conditional: when !== undefined || unless !== undefined,
    concerns: (client) => clients === undefined || clients.has(client),
    applies: (facts) => applies(when, unless, facts),
    why: config.why ?? `Rule "${name}" refuses this call`,
    // oxlint-disable-next-line unicorn/no-thenable -- the record's word for what a rule does
    hit: { name, then: config.then, mode: "enforce" },
  };
}

/** `when` must hold and `unless` must not; a rule that one of them takes away need not read the other. */
function applies(
  when: Condition | undefined,
  unless: Condition | undefined,
  facts: Facts,
): Outcome {
  const wanted = when === undefined ? true : when(facts);
  const cancelled = unless === undefined ? false : unless(facts);
  if (wanted === false || cancelled === true) return false;
  if (wanted !== true) return wanted;
  return cancelled === false ? true : cancelled;
}
