/** What came of deciding recorded calls again: groups of those that differ, with one example each. */
import type { RecordedCall } from "../audit/index.ts";
import type { Explanation } from "../policy/index.ts";
import type { Answer, Doubt } from "./replay-decide.ts";
import type { Aside, SettledCode, Settled } from "./replay-recorded.ts";

export interface Example {
  readonly id: string | undefined;
  /** UTC. */
  readonly time: string;
}
interface Group {
  readonly client: string;
  /** Undefined where no upstream had it. */
  readonly upstream: string | undefined;
  readonly target: string | undefined;
  count: number;
  /** The first one. */
  readonly example: Example;
}
export type Verdict = "allowed" | SettledCode;
export interface Change extends Group {
  readonly from: Verdict;
  readonly to: Verdict;
  /** The rule or pattern that decides, of the example. */
  readonly because: string;
}
export interface Doubtful extends Group {
  readonly doubt: string;
}

export interface Tally {
  readonly add: (call: RecordedCall, before: Settled | Aside, now: () => Answer | Doubt) => void;
  readonly close: () => Sums;
}
export interface Sums {
  /** Exchanges that a policy decided. */
  readonly decided: number;
  readonly same: number;
  readonly changed: number;
  readonly undecidable: number;
  readonly aside: Readonly<Partial<Record<Aside, number>>>;
  /** The most frequent first. */
  readonly changes: readonly Change[];
  readonly doubts: readonly Doubtful[];
  /** Exchanges that are counted and stand in no group, since there were too many of them. */
  readonly ungrouped: number;
}

/** So that a recording of many names takes no more memory than one of few. */
const maxGroups = 10_000;

export function createTally(): Tally {
  const aside = new Map<Aside, number>();
  const changes = new Map<string, Change>();
  const doubts = new Map<string, Doubtful>();
  let [same, changed, undecidable, ungrouped] = [0, 0, 0, 0];

  function group<T extends Group>(
    groups: Map<string, T>,
    call: RecordedCall,
    what: string,
    make: (common: Group) => T,
  ): void {
    const { client = "", upstream, target } = call;
    const key = JSON.stringify([client, upstream, target, what]);
    const known = groups.get(key);
    if (known !== undefined) known.count += call.count;
    else if (groups.size >= maxGroups) ungrouped += call.count;
    else {
      const example = { id: call.id, time: new Date(call.time).toISOString() };
      groups.set(key, make({ client, upstream, target, count: call.count, example }));
    }
  }

  return {
    add: (call, before, now) => {
      if (typeof before === "string") {
        aside.set(before, (aside.get(before) ?? 0) + call.count);
        return;
      }
      const answer = now();
      if ("doubt" in answer) {
        undecidable += call.count;
        const { doubt } = answer;
        group(doubts, call, doubt, (common) => ({ ...common, doubt }));
      } else if (answer.code === before.code) same += call.count;
      else {
        changed += call.count;
        const [from, to] = [toVerdict(before), toVerdict(answer)];
        group(changes, call, `${from} ${to}`, (common) => ({
          ...common,
          from,
          to,
          because: toReason(call, answer),
        }));
      }
    },
    close: () => ({
      decided: same + changed + undecidable,
      same,
      changed,
      undecidable,
      aside: Object.fromEntries(aside),
      changes: toSorted(changes),
      doubts: toSorted(doubts),
      ungrouped,
    }),
  };
}

function toSorted<T extends Group>(groups: ReadonlyMap<string, T>): readonly T[] {
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

function toVerdict({ code }: Settled): Verdict {
  return code ?? "allowed";
}

function toReason({ client = "" }: RecordedCall, { explain, code }: Answer): string {
  const found = explain();
  if (found === undefined) return `Client "${client}" is not there, or reaches no such thing`;
  const rule = code === undefined ? undefined : ruleOf(found, code);
  if (rule !== undefined) return `Rule "${rule}"`;
  const [allow] = found.allows;
  if (code !== undefined || allow === undefined) return found.why ?? "It is a template";
  const role = allow.role === undefined ? "" : ` of role "${allow.role}"`;
  return `Pattern "${allow.pattern}"${role}`;
}

/** The rule that refuses; of a conflict the reason names both. */
function ruleOf({ rules }: Explanation, code: SettledCode): string | undefined {
  if (code === "RULE_CONFLICT") return undefined;
  const wanted = code === "RULE_FAILED" ? "failed" : "applies";
  const effect = code === "APPROVAL_REQUIRED" ? "ask" : "deny";
  const found = rules.find(
    ({ mode, answer, then }) =>
      mode === "enforce" && answer === wanted && (wanted === "failed" || then === effect),
  );
  return found?.name;
}
