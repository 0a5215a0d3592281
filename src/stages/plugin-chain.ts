/** Asks plugins one after another about one message, each about what those before it made of it. */
import { type Cancellation, type PluginHit, utf8Length } from "../core/index.ts";
import type {
  Change,
  FailureCode,
  Hook,
  LoadedPlugin,
  Plugins,
  Step,
  StepEnd,
  StepsAbout,
} from "../sandbox/index.ts";
import { addHit } from "./plugin-hits.ts";

/** One question to one plugin. */
export interface Link {
  readonly plugin: LoadedPlugin;
  readonly hook: Hook;
  /** Which of several things in the message. */
  readonly index?: number;
}
/** What a hook gets to see, as JSON; or why it cannot see it, which is a failure of the plugin. */
export type Look =
  | { readonly payload: string }
  | { readonly code: FailureCode; readonly why: string };
/** Law 1: nobody decides on a number that they read otherwise than it is sent. */
export const inexact: Look = {
  code: "input_unreadable",
  why: "A number in it cannot be held exactly",
};
export interface Fault {
  readonly fault: string;
}

/** What is asked about: `State` is the message, as it stands by now. */
export interface Scene<State> {
  readonly stage: PluginHit["stage"];
  /** Undefined where there is nothing to look at. */
  readonly look: (link: Link, state: State) => Look | undefined;
  readonly ctx: (hook: Hook) => string;
  /** A fault says why the change cannot be made; it is a failure of the plugin. */
  readonly change: (link: Link, state: State, change: Change) => State | Fault;
}

export type PluginRefusal =
  | {
      readonly kind: "denied";
      readonly reason: string;
      readonly code: "policy" | "rate_limit" | "invalid";
    }
  | {
      readonly kind: "failed";
      readonly plugin: string;
      readonly hook: Hook;
      readonly code: FailureCode;
      readonly why: string;
    };
export type Answered<State> = { readonly state: State } | { readonly refusal: PluginRefusal };

export interface ChainFacts {
  readonly run: Plugins["run"];
  readonly about: StepsAbout;
  readonly signal: Cancellation;
  readonly hits: PluginHit[] | undefined;
}

/** Ends at the first refusal. A message that was changed is put to the plugins behind anew. */
export async function askChain<State>(
  links: readonly Link[],
  scene: Scene<State>,
  start: State,
  { run, about, signal, hits }: ChainFacts,
): Promise<Answered<State>> {
  let state = start;
  for (let at = 0; at < links.length;) {
    const { asked, blind, next } = toStretch(links, at, scene, state);
    const steps = asked.map(({ step }) => step);
    const ends = steps.length === 0 ? [] : await run(steps, about, signal);
    let last: Asked<State> | undefined;
    for (const [index, end] of ends.entries()) {
      const one = asked[index];
      if (one === undefined) break;
      last = one;
      const { plugin, hook } = one.link;
      addHit(hits, { plugin, hook, stage: scene.stage, outcome: end.outcome, ms: end.ms });
      const refusal = toRefusal(end, one.link);
      if (refusal !== undefined) return { refusal };
      if (end.applies && one.made !== undefined) state = one.made.state;
    }
    const isChanged = last?.made !== undefined && state === last.made.state;
    const unasked = asked[ends.length];
    if (unasked !== undefined || isChanged) {
      if (last === undefined) return { refusal: failed(asked[0]!.link, notAsked) };
      // Those behind are asked about what it made, or where nothing came of that, about what was.
      at = last.place + 1;
      continue;
    }
    if (blind !== undefined) {
      const { link, failure } = blind;
      const { plugin, hook } = link;
      const outcome = { action: "failed", ...failure } as const;
      addHit(hits, { plugin, hook, stage: scene.stage, outcome, ms: 0 });
      const applies = plugin.mode === "enforce" && plugin.onError === "deny";
      if (applies) return { refusal: failed(link, failure) };
    }
    at = next;
  }
  return { state };
}

interface Failing {
  readonly code: FailureCode;
  readonly why: string;
}
const notAsked: Failing = { code: "worker_lost", why: "It was not asked" };

interface Asked<State> {
  readonly step: Step;
  readonly link: Link;
  /** Among the links. */
  readonly place: number;
  /** What came of its change, where it made one. */
  made?: { readonly state: State };
}
interface Stretch<State> {
  readonly asked: readonly Asked<State>[];
  /** What ends the stretch: a plugin that cannot be shown the message. */
  readonly blind: { readonly link: Link; readonly failure: Failing } | undefined;
  /** Where the chain goes on behind it. */
  readonly next: number;
}

/** As many questions as can go out at once. */
function toStretch<State>(
  links: readonly Link[],
  from: number,
  { look, ctx, change }: Scene<State>,
  state: State,
): Stretch<State> {
  const asked: Asked<State>[] = [];
  const looks = new Map<string, (Look & { readonly bytes: number }) | undefined>();
  const contexts = new Map<Hook, string>();
  for (let place = from; place < links.length; place++) {
    const link = links[place]!;
    const { plugin, hook, index = 0 } = link;
    // Of a text some see more than others.
    const isKeyed = hook === "onText" && plugin.seesKeys;
    const key = isKeyed ? `${hook} ${index} keys` : `${hook} ${index}`;
    if (!looks.has(key)) looks.set(key, measured(look(link, state)));
    const seen = looks.get(key);
    if (seen === undefined) continue;
    if ("code" in seen) return { asked, blind: { link, failure: seen }, next: place + 1 };
    if (!contexts.has(hook)) contexts.set(hook, ctx(hook));
    const { payload, bytes } = seen;
    const check = (given: Change): string | undefined => {
      const changed = change(link, state, given);
      if (isFault(changed)) return changed.fault;
      one.made = { state: changed };
      return undefined;
    };
    const step = { plugin, hook, payload, ctx: contexts.get(hook)!, bytes, check };
    const one: Asked<State> = { step, link, place };
    asked.push(one);
  }
  return { asked, blind: undefined, next: links.length };
}

function measured(look: Look | undefined): (Look & { readonly bytes: number }) | undefined {
  return look && { ...look, bytes: "payload" in look ? utf8Length(look.payload) : 0 };
}

function toRefusal({ outcome, applies }: StepEnd, link: Link): PluginRefusal | undefined {
  if (!applies) return undefined;
  if (outcome.action === "failed") return failed(link, outcome);
  if (outcome.action !== "deny") return undefined;
  const { reason, code } = outcome;
  return { kind: "denied", reason, code };
}

function isFault(changed: unknown): changed is Fault {
  return typeof changed === "object" && changed !== null && "fault" in changed;
}

function failed({ plugin, hook }: Link, { code, why }: Failing): PluginRefusal {
  return { kind: "failed", plugin: plugin.name, hook, code, why };
}
