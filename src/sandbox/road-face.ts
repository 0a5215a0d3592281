/** What the road sees of the plugins. */
import type { Cancellation } from "../core/index.ts";
import type { Hook, HookEnd, Outcome } from "./face.ts";

/** One plugin of the config, loaded. */
export interface LoadedPlugin {
  readonly name: string;
  readonly version: string;
  /** As the config names it. */
  readonly file: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly hooks: ReadonlySet<Hook>;
  /** In `shadow` it runs and is recorded, and nothing of it is applied. */
  readonly mode: "enforce" | "shadow";
  /** What a failure comes to. */
  readonly onError: "deny" | "allow";
  /** Its text hook gets the keys of arguments and of structured content as well. */
  readonly seesKeys: boolean;
  /** Both the plugin's own wish and the config's; `name` is the upstream's own, or a URI. */
  readonly fits: (about: {
    readonly method: string;
    readonly upstream: string;
    readonly name: string | undefined;
  }) => boolean;
}

export type Change = Extract<Outcome, { readonly action: "modify" | "redact" }>;

export interface Step {
  readonly plugin: LoadedPlugin;
  readonly hook: Hook;
  /** JSON of the hook's first parameter. */
  readonly payload: string;
  /** JSON of its second, without `config`, `now` and the functions. */
  readonly ctx: string;
  /** Of what it looks at. */
  readonly bytes: number;
  /** Why the change cannot be made, which is a `bad_verdict` then; undefined where it can. */
  readonly check?: (change: Change) => string | undefined;
}
export interface StepEnd extends HookEnd {
  readonly plugin: LoadedPlugin;
  readonly hook: Hook;
  /** It decides: false for what is recorded alone (`shadow`, or a failure under `onError: "allow"`). */
  readonly applies: boolean;
}
/** Whose state `kv` is, what the logs are for, and when the clock of the call stands. */
export interface StepsAbout {
  readonly id: string;
  readonly client: string;
  readonly time: number;
}

export interface Plugins {
  /** In the config's order, which is the order of every chain. */
  readonly all: readonly LoadedPlugin[];
  /**
   * One step after another, until one applies that is no `allow`: that one is the last. Never rejects,
   * and settles within the plugins' limits; a step that is cancelled ends as a failure.
   */
  readonly run: (
    steps: readonly Step[],
    about: StepsAbout,
    signal: Cancellation,
  ) => Promise<readonly StepEnd[]>;
}
