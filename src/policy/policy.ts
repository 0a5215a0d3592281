/** The one evaluator: what a client may see and use, asked the same way by every method (law 4). */
import type { Config } from "../config/index.ts";
import { type Block, type Ports, templateToGlob } from "../core/index.ts";
import type { InputKind } from "../mcp/index.ts";
import { concerned } from "./concerned.ts";
import { type Decision, type Refusal, decide, no } from "./decide.ts";
import { type Explanation, explain } from "./explain.ts";
import { type Call, toFacts } from "./facts.ts";
import { toGrants } from "./grants.ts";
import { type Judgement, judge, unasked } from "./judge.ts";
import { type KindReach, createReach } from "./reach.ts";
import { type Rule, compileRule } from "./rule.ts";
import { type Shaping, settled, shape, unshaped } from "./shape.ts";
import { type Standing, endsOf, standingAt, untilNextEnd } from "./standing.ts";
import type { Blocked, Caller, Subject, Thing } from "./subject.ts";
import { isCovered, maxTemplateLength, showsTemplate } from "./template.ts";
import { createWays } from "./ways.ts";
import type { Witness } from "./witness.ts";

export interface Policy {
  /** Whether the client could be allowed anything at all of an upstream. */
  readonly reaches: (caller: Caller, upstream: string) => boolean;
  /** The block without which the client would reach the upstream, for the record. */
  readonly whyCutOff: (caller: Caller, upstream: string) => string | undefined;
  /**
   * Whether a thing exists for a client: what no block names, its upstream exposes, an allow pattern
   * of the client or of a role it holds names and no rule without conditions denies. Names are
   * compared exactly, never folded or normalized.
   */
  readonly decide: (subject: Subject, thing: Thing) => Decision;
  /** Whether some URI that the template expands to could be allowed; `allowedBy` is the template. */
  readonly decideTemplate: (subject: Subject, upstream: string, uriTemplate: string) => Decision;
  /** Whether `decideTemplate` allows it. */
  readonly showsTemplate: (subject: Subject, upstream: string, uriTemplate: string) => boolean;
  /** What rules make of the arguments of a tool, as the client sent them. */
  readonly shape: (subject: Subject, thing: Thing, call: Omit<Call, "method">) => Shaping;
  /** Arguments of a tool that rules without conditions set: what a caller sends there is not sent. */
  readonly pinned: (subject: Subject, thing: Thing) => ReadonlySet<string>;
  /** Arguments of a tool that rules without conditions give where they are left out. */
  readonly defaulted: (subject: Subject, thing: Thing) => ReadonlySet<string>;
  /** What rules say of exactly what will be sent. */
  readonly judge: (subject: Subject, thing: Thing, call: Call) => Judgement;
  /** The same chain, from `decide` to `judge`, with what each of them saw; arguments as for `shape`. */
  readonly explain: (subject: Subject, thing: Thing, call: Call) => Explanation;
  /** The roles that a client holds now. */
  readonly rolesOf: (client: string) => readonly string[];
  /** What an upstream may ask of a client; an empty set where either is not known. */
  readonly grants: (client: string, upstream: string) => ReadonlySet<InputKind>;
}

/**
 * Everything of the config is compiled and indexed by upstream here, and anew when something of it
 * ends, so that a decision costs microseconds. `blocked` is asked each time, so that a block is in
 * force at once.
 */
export function createPolicy(
  config: Config,
  { clock, log }: Pick<Ports, "clock" | "log">,
  blocked: Blocked,
): Policy {
  const rules = config.rules.map((rule, place) => compileRule(rule, place, { clock, log }));
  const current = untilNextEnd(endsOf(config, rules), clock, (now) =>
    index(config, standingAt(config, rules, now)),
  );
  const kindOf = ({ upstream, kind }: Thing): KindReach | undefined =>
    current().reach.get(upstream)?.[kind];
  const factsOf = (subject: Subject, thing: Thing, call: Call) =>
    toFacts(subject, thing, call, current().rolesOf(subject.client), clock.now);

  const decideTemplate: Policy["decideTemplate"] = (subject, upstream, uriTemplate) => {
    const resources = current().reach.get(upstream)?.resource;
    if (resources === undefined) return no(`There is no upstream "${upstream}"`);
    const { client } = subject;
    const toBlock = (name: string): Block | undefined =>
      blocked(subject, { kind: "resource", upstream, name });
    const block =
      uriTemplate.length > maxTemplateLength ? undefined : toBlock(templateToGlob(uriTemplate));
    if (block !== undefined) return toBlockedDecision(block);
    const isTaken = (glob: string): boolean =>
      isCovered(resources, client, glob) || toBlock(glob) !== undefined;
    return showsTemplate(resources, client, uriTemplate, isTaken)
      ? { allowed: true, allowedBy: uriTemplate }
      : no("No pattern reaches the template");
  };
  const decideThing = (subject: Subject, thing: Thing, witness?: Witness): Decision => {
    const block = blocked(subject, thing);
    if (block === undefined) return decide(kindOf(thing), subject, thing, witness);
    witness?.block(block);
    return toBlockedDecision(block);
  };
  const settersOf = ({ client }: Subject, thing: Thing, witness?: Witness): readonly Rule[] =>
    concerned(kindOf(thing)?.setting, client, thing.name, ({ setHit }) => setHit, witness);
  const shapeCall = (subject: Subject, thing: Thing, call: Call, witness?: Witness): Shaping => {
    const found = settersOf(subject, thing, witness);
    return found.length === 0 ? unshaped : shape(found, factsOf(subject, thing, call), witness);
  };
  const judgeCall = (subject: Subject, thing: Thing, call: Call, witness?: Witness): Judgement => {
    const asked = kindOf(thing)?.asked;
    const found = concerned(asked, subject.client, thing.name, ({ hit }) => hit, witness);
    if (found.length === 0) return unasked;
    return judge(found, subject, factsOf(subject, thing, call), witness);
  };
  return {
    reaches: (caller, upstream) =>
      current()
        .ways(caller.client, upstream)
        .some((way) => blocked(caller, way) === undefined),
    whyCutOff: (caller, upstream) => {
      const ways = current().ways(caller.client, upstream);
      const blocks = ways.map((way) => blocked(caller, way));
      const [first] = blocks;
      return first === undefined || blocks.includes(undefined) ? undefined : toWhy(first);
    },
    decide: (subject, thing) => decideThing(subject, thing),
    decideTemplate,
    showsTemplate: (...asked) => decideTemplate(...asked).allowed,
    shape: (subject, thing, call) => shapeCall(subject, thing, { ...call, method: "tools/call" }),
    pinned: (subject, thing) => settled(settersOf(subject, thing), ({ set }) => set),
    defaulted: (subject, thing) => settled(settersOf(subject, thing), ({ defaults }) => defaults),
    judge: (subject, thing, call) => judgeCall(subject, thing, call),
    explain: (subject, thing, call) =>
      explain({
        args: call.args,
        expired: kindOf(thing)?.expired.find(thing.name) ?? [],
        decide: (witness) => decideThing(subject, thing, witness),
        shape: (witness) => shapeCall(subject, thing, { ...call, method: "tools/call" }, witness),
        judge: (args, witness) => judgeCall(subject, thing, { ...call, args }, witness),
      }),
    rolesOf: (client) => current().rolesOf(client),
    grants: (client, upstream) => current().grants(client, upstream),
  };
}

function index(config: Config, standing: Standing) {
  const reach = createReach(config, standing);
  const names = new Map(
    [...standing.roles].map(([client, held]) => [
      client,
      Object.freeze(held.map(({ name }) => name)),
    ]),
  );
  return {
    reach,
    ways: createWays(reach),
    grants: toGrants(config, standing),
    rolesOf: (client: string): readonly string[] => names.get(client) ?? noRoles,
  };
}

const noRoles: readonly string[] = Object.freeze([]);

function toBlockedDecision(block: Block): Refusal {
  return { allowed: false, why: toWhy(block), recorded: "BLOCKED" };
}

function toWhy({ id, why }: Block): string {
  return `Block "${id}": ${why}`;
}
