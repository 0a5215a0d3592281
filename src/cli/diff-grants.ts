/** What a change adds and takes away, decided under both configs. */
import type { ExplainGround } from "../gateway.ts";
import type { InputKind, TargetKind } from "../mcp/index.ts";
import { type Reached, inputOf, reachOf } from "./access-reach.ts";
import { type Target, collectTargets, targetText } from "./access-targets.ts";
import {
  type NamedChange,
  type RuleChange,
  compareRoles,
  compareRules,
  holdsBack,
  isAsStrict,
} from "./diff-rules.ts";

export interface GrantChange {
  readonly client: string;
  readonly kind: TargetKind;
  /** `upstream/name` */
  readonly target: string;
  /** It speaks of all that it matches and that is not named beside it. */
  readonly isPattern: boolean;
  readonly allows: Reached["allows"];
}
export interface LimitChange extends Omit<GrantChange, "allows"> {
  /** The rules that do not hold it back any more, or not as they did. */
  readonly rules: readonly string[];
}
export interface InputChange {
  readonly client: string;
  readonly upstream: string;
  readonly kind: InputKind;
}
export interface PolicyDifference {
  readonly added: readonly GrantChange[];
  readonly removed: readonly GrantChange[];
  /** Granted before and after, and held back less. */
  readonly widened: readonly LimitChange[];
  readonly input: {
    readonly added: readonly InputChange[];
    readonly removed: readonly InputChange[];
  };
  readonly roles: readonly NamedChange[];
  readonly rules: readonly RuleChange[];
}

export function comparePolicies(
  before: ExplainGround,
  after: ExplainGround,
  now: number,
): PolicyDifference {
  const targets = collectTargets([before.config, after.config], [before.lock, after.lock]);
  const clients = clientsOf(before, after);
  const pairs = clients.flatMap((client) => pairsOf(client, targets, before, after));
  const old = clients.flatMap((client) => inputsOf(before, client));
  const fresh = clients.flatMap((client) => inputsOf(after, client));
  return {
    added: pairs.flatMap(({ client, was, is }) =>
      was === undefined && is !== undefined ? [toGrant(client, is)] : [],
    ),
    removed: pairs.flatMap(({ client, was, is }) =>
      was !== undefined && is === undefined ? [toGrant(client, was)] : [],
    ),
    widened: pairs.flatMap((pair) => toWidened(pair, before, after, now)),
    input: { added: without(fresh, old), removed: without(old, fresh) },
    roles: compareRoles(before.config, after.config),
    rules: compareRules(before.config, after.config, now),
  };
}

export function hasNewGrants({ added, widened, input, roles, rules }: PolicyDifference): boolean {
  const isWider = [...roles, ...rules].some(({ widens }) => widens);
  return isWider || added.length + widened.length + input.added.length > 0;
}

interface Pair {
  readonly client: string;
  readonly was: Reached | undefined;
  readonly is: Reached | undefined;
}

function clientsOf(before: ExplainGround, after: ExplainGround): readonly string[] {
  const names = [before, after].flatMap(({ config }) => Object.keys(config.clients));
  return [...new Set(names)];
}

function pairsOf(
  client: string,
  targets: readonly Target[],
  before: ExplainGround,
  after: ExplainGround,
): readonly Pair[] {
  const [was, is] = [before, after].map(
    (ground) => new Map(reachOf(ground, client, targets).map((each) => [each.target, each])),
  );
  return targets.map((target) => ({ client, was: was?.get(target), is: is?.get(target) }));
}

function toWidened(
  { client, was, is }: Pair,
  before: ExplainGround,
  after: ExplainGround,
  now: number,
): readonly LimitChange[] {
  if (was === undefined || is === undefined) return [];
  const asked = rulesOf(is, after);
  const lost = rulesOf(was, before)
    .filter((rule) => holdsBack(rule, now))
    .filter((rule) => !asked.some((other) => isAsStrict(rule, other)));
  if (lost.length === 0) return [];
  const { allows: _, ...grant } = toGrant(client, is);
  return [{ ...grant, rules: lost.map(({ name }) => name) }];
}

function rulesOf({ rules }: Reached, { config }: ExplainGround) {
  const names = new Set(rules.map(({ name }) => name));
  return config.rules.filter(({ name }) => names.has(name));
}

function toGrant(client: string, { target, allows }: Reached): GrantChange {
  const isPattern = target.name !== target.example;
  return { client, kind: target.kind, target: targetText(target), isPattern, allows };
}

function inputsOf(ground: ExplainGround, client: string): readonly InputChange[] {
  return inputOf(ground, client).flatMap(({ upstream, kinds }) =>
    kinds.map((kind) => ({ client, upstream, kind })),
  );
}

function without(
  all: readonly InputChange[],
  known: readonly InputChange[],
): readonly InputChange[] {
  const keys = new Set(known.map((each) => JSON.stringify(each)));
  return all.filter((each) => !keys.has(JSON.stringify(each)));
}
