/** What the policy of a config says of a recorded exchange. */
import type { RecordedCall } from "../audit/index.ts";
import type { Config } from "../config/index.ts";
import { type Ports, isNormalTemplate, isNormalUri } from "../core/index.ts";
import { type Json, type TargetKind, methods } from "../mcp/index.ts";
import {
  type Explanation,
  type Policy,
  type Subject,
  type Thing,
  createPolicy,
  withArguments,
} from "../policy/index.ts";
import { type NameCandidate, createNames } from "../upstreams/index.ts";
import {
  type Missable,
  type Missing,
  type Watched,
  cloud,
  watchFunctions,
  withoutEnds,
} from "./replay-config.ts";
import type { Settled } from "./replay-recorded.ts";

export interface Answer extends Settled {
  /** The thing it is about, as the config names it; undefined where it knows none. */
  readonly thing: Thing | undefined;
  /** How it came about; worked out when it is asked for, before the next call is decided. */
  readonly explain: () => Explanation | undefined;
}
/** Why it cannot be told. */
export interface Doubt {
  readonly doubt: string;
}
export type Decide = (call: RecordedCall) => Answer | Doubt;

interface Variant {
  readonly policy: Policy;
  readonly clouded: ReadonlySet<string>;
}
type DecidePorts = Pick<Ports, "clock" | "crypto">;

const refusal = "POLICY_DENIED";
/** So that a recording of many names takes no more memory than one of few. */
const maxKept = 20_000;
const none: ReadonlySet<string> = new Set();
const noLog = { debug: ignore, info: ignore, warn: ignore, error: ignore };
function ignore(): void {
  // A function that is slow would be told of for each record.
}

export function createDecide(given: Config, { clock, crypto }: DecidePorts): Decide {
  const watched: Watched = { missing: new Set(), lookers: new Set() };
  const config = watchFunctions(withoutEnds(given, clock.now()), watched);
  const names = createNames(config, { crypto });
  const enforced = new Map(config.rules.map((rule) => [rule.name, rule.mode === "enforce"]));
  const factual = new Set(
    config.rules
      .filter(({ mode }) => mode === "enforce")
      .filter(({ when, unless, set, defaults }) => when ?? unless ?? set ?? defaults)
      .map(({ name }) => name),
  );
  let time = 0;
  const variants = new Map<string, Variant>();
  const variantOf = (missing: Missing): Variant => {
    const key = [...missing].sort().join(" ");
    const known = variants.get(key);
    if (known !== undefined) return known;
    const clouds = cloud(config, missing);
    const ports = { clock: { ...clock, now: () => time }, log: noLog };
    const policy = createPolicy(clouds.config, ports, () => undefined);
    const made = { policy, clouded: clouds.clouded };
    variants.set(key, made);
    return made;
  };
  const plain = variantOf(none as Missing).policy;
  const settled = new Map<string, Answer | "factual">();

  return (call) => {
    const { client = "", upstream, target } = call;
    if (!Object.hasOwn(config.clients, client)) return refused(undefined);
    if (target === undefined) return { doubt: "its target is not recorded" };
    if (!call.isNamed) return { doubt: "its target is not recorded whole" };
    const kinds = kindsOf(call.method ?? "", target);
    const answers = kinds.map((kind) =>
      upstream === undefined
        ? decideShown(call, kind, target)
        : decideThing(call, { kind, upstream, name: target }),
    );
    const [first = refused(undefined), second] = answers;
    if (second === undefined || "doubt" in first) return first;
    if ("doubt" in second) return second;
    return first.code === second.code ? first : { doubt: "it may be of a prompt or of a resource" };
  };

  /** The name that clients of all upstreams use; which of several owns it, their lists say. */
  function decideShown(call: RecordedCall, kind: TargetKind, shown: string): Answer | Doubt {
    const found: readonly NameCandidate[] =
      kind === "resource" ? names.findUri(shown) : names.find(shown);
    const { client = "", subject } = call;
    const open = found.filter(({ upstream }) => plain.reaches({ client, subject }, upstream));
    const answers = open.map(({ upstream, name }): Answer | Doubt =>
      name === undefined
        ? { doubt: "its name is shown shortened" }
        : decideThing(call, { kind, upstream, name }),
    );
    const [first = refused(undefined), ...others] = answers;
    const isKnown = [first, ...others].every((each) => !("doubt" in each) && each.code === refusal);
    if (isKnown || others.length === 0) return first;
    return { doubt: "several upstreams could own its name" };
  }

  /** One answer for all calls of which nothing but who calls what is asked. */
  function decideThing(call: RecordedCall, thing: Thing): Answer | Doubt {
    const key = [call.client, call.method, thing.kind, thing.upstream, thing.name].join("\n");
    const known = settled.get(key);
    if (call.byPlugins === "refused") return decideNow(call, thing);
    if (known !== undefined && known !== "factual") return known;
    const answer = decideNow(call, thing);
    if (known === "factual") return answer;
    if (settled.size >= maxKept) settled.clear();
    const isOne = !("doubt" in answer) && isFactless(call, thing);
    // Made anew: the answer itself holds on to the record.
    settled.set(key, isOne ? toAnswer(answer.code, thing, subjectOf(call), call) : "factual");
    return answer;
  }

  function decideNow(call: RecordedCall, thing: Thing): Answer | Doubt {
    const { method = "" } = call;
    const subject = subjectOf(call);
    const row = methods.get(method)?.does.what;
    const isTemplate = row === "complete" && thing.kind === "resource" && thing.name.includes("{");
    const decision = isTemplate
      ? plain.decideTemplate(subject, thing.upstream, thing.name)
      : plain.decide(subject, thing);
    if (!decision.allowed) return toAnswer(refusal, thing, subject, call);
    if (call.byPlugins === "refused") {
      return { doubt: "a plugin refused it before the rules were asked" };
    }
    // The call that became the task was judged when it was made.
    if (row === "task") return toAnswer(undefined, thing, subject, call);
    return askRules(call, thing, subject);
  }

  function askRules(call: RecordedCall, thing: Thing, subject: Subject): Answer | Doubt {
    // Those that a plugin changed were judged otherwise, and stand in no record.
    const found = call.byPlugins === "changed" ? "missing" : call.args();
    const args = found === "missing" ? undefined : found;
    watched.missing = missingOf(call, thing, found);
    watched.lookers.clear();
    time = call.time;
    const { policy, clouded } = variantOf(watched.missing);
    const facts = { args, annotations: undefined, method: call.method ?? "" };
    const shaping = thing.kind === "tool" ? policy.shape(subject, thing, facts) : undefined;
    if (shaping?.kind === "deny") return conclude(shaping.code);
    const sent = shaping === undefined ? args : withArguments(args, shaping.set);
    const judged = policy.judge(subject, thing, { ...facts, args: sent });
    if (judged.verdict === "deny") return conclude(judged.code);
    return conclude(judged.verdict === "ask" ? "APPROVAL_REQUIRED" : undefined);

    function conclude(code: Settled["code"]): Answer | Doubt {
      if (code === "RULE_FAILED" && watched.missing.size > 0) {
        const { rules } = policy.explain(subject, thing, facts);
        const unsure = rules.find(
          ({ name, answer }) =>
            answer === "failed" &&
            enforced.get(name) === true &&
            (clouded.has(name) || watched.lookers.has(name)),
        );
        if (unsure !== undefined) {
          const what = [...watched.missing].map((each) => missingTexts[each]).join(", ");
          return { doubt: `rule "${unsure.name}" may ask for what is not recorded (${what})` };
        }
      }
      return {
        ...toAnswer(code, thing, subject, call),
        explain: () => policy.explain(subject, thing, facts),
      };
    }
  }

  function toAnswer(
    code: Settled["code"],
    thing: Thing,
    subject: Subject,
    { method = "" }: RecordedCall,
  ): Answer {
    const facts = { args: undefined, annotations: undefined, method };
    return { code, thing, explain: () => plain.explain(subject, thing, facts) };
  }

  /** Whether no rule in force looks at anything but who calls what. */
  function isFactless(call: RecordedCall, thing: Thing): boolean {
    if (factual.size === 0) return true;
    const facts = { args: undefined, annotations: undefined, method: call.method ?? "" };
    const { rules } = plain.explain(subjectOf(call), thing, facts);
    return !rules.some(({ name, answer }) => answer !== "other-caller" && factual.has(name));
  }
}

function refused(thing: Thing | undefined): Answer {
  return { code: refusal, thing, explain: () => undefined };
}

function subjectOf({ client = "", subject, address }: RecordedCall): Subject {
  return { client, subject, address };
}

const missingTexts: Readonly<Record<Missable, string>> = {
  args: "arguments",
  annotations: "annotations",
  address: "address",
  subject: "subject",
};

function missingOf(call: RecordedCall, thing: Thing, args: Json | undefined | "missing"): Missing {
  const missing = new Set<Missable>();
  if (args === "missing") missing.add("args");
  // Those of a tool are what its upstream said at that time, and stand in no record.
  if (thing.kind === "tool") missing.add("annotations");
  if (call.isForgotten) missing.add("address");
  if (call.isForgotten || !call.isSubjectKnown) missing.add("subject");
  return missing;
}

/** The record does not say whether a completion was of a prompt or of a resource. */
export function kindsOf(method: string, target: string): readonly TargetKind[] {
  const does = methods.get(method)?.does;
  switch (does?.what) {
    case "act":
      return [does.target];
    case "task":
      return ["tool"];
    case "follow":
      return ["resource"];
    default:
      if (target.includes("://")) return ["resource"];
      return isNormalUri(target) || isNormalTemplate(target) ? ["prompt", "resource"] : ["prompt"];
  }
}
