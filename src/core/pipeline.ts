/** Runs stages in the order they are written; a stage that needs a fact nobody added does not compile. */
import { StoreLost } from "./ports.ts";
import { type Stage, type Verdict, deny } from "./stage.ts";

/** Where a walk ended: the verdict, the stage that gave it, and the facts gathered by then. */
export interface Walked<In, Out> {
  readonly verdict: Verdict<Out>;
  readonly stage: string;
  readonly exchange: In & Partial<Out>;
  /** What the stage threw; the verdict is `INTERNAL` then. */
  readonly thrown?: unknown;
}

export interface Pipeline<In, Out> {
  readonly stages: readonly string[];
  readonly walk: (exchange: In) => Promise<Walked<In, Out>>;
}

type AnyStage = Stage<never, unknown>;
type InOf<S> = S extends Stage<infer In, unknown> ? In : never;
type OutOf<S> = S extends Stage<never, infer Out> ? Out : never;
type Last<S extends readonly unknown[]> = S extends readonly [...unknown[], infer L] ? L : never;

/** Each stage must take what the one before it gives; the first mismatch is the one reported. */
type Linked<S extends readonly AnyStage[], In = InOf<S[0]>> = S extends readonly [
  infer Head,
  ...infer Rest extends readonly AnyStage[],
]
  ? readonly [Stage<In, OutOf<Head>>, ...Linked<Rest, OutOf<Head>>]
  : readonly [];

export function pipeline<const S extends readonly AnyStage[]>(
  ...stages: S extends Linked<S> ? S : Linked<S>
): Pipeline<InOf<S[0]>, OutOf<Last<S>>> {
  type In = InOf<S[0]>;
  type Out = OutOf<Last<S>>;
  const list = stages as unknown as readonly Stage<unknown, unknown>[];
  return {
    stages: list.map((stage) => stage.name),
    walk: async (exchange) => {
      let current: unknown = exchange;
      let name = "";
      try {
        for (const stage of list) {
          name = stage.name;
          const given = stage.run(current);
          const verdict = given instanceof Promise ? await given : given;
          if (verdict.verdict !== "pass") {
            return { verdict, stage: name, exchange: current as In & Partial<Out> };
          }
          current = verdict.out;
        }
      } catch (thrown) {
        const reached = { stage: name, exchange: current as In & Partial<Out> };
        // Of all that a stage may ask, the one thing that may be gone at any time (law 3).
        if (thrown instanceof StoreLost) {
          return { verdict: deny("STORE_UNAVAILABLE", thrown.message), ...reached };
        }
        const verdict = deny("INTERNAL", "A stage threw");
        return { verdict, ...reached, thrown };
      }
      const out = current as Out;
      return {
        verdict: { verdict: "pass", out },
        stage: name,
        exchange: current as In & Partial<Out>,
      };
    },
  };
}
