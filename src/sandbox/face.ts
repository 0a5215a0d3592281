/** What the rooms and the plugins' thread say to each other of plugins: plain data, JSON where it is a text. */

/** Every hook that a plugin may have, but for `setup`. */
export const hooks = [
  "onRequest",
  "onToolCall",
  "onToolResult",
  "onText",
  "onToolList",
  "onResourceRead",
  "onPromptGet",
  "onInputRequest",
  "onAudit",
] as const;
export type Hook = (typeof hooks)[number];

/** What a plugin may spend; all but the first four hold for one call of one hook. */
export interface PluginLimits {
  /** Above the engine's own 16 MB. */
  readonly memoryMb: number;
  readonly stackKb: number;
  /** Evaluating the module and `setup` together. */
  readonly loadMs: number;
  /** How many calls of hooks that wait may be under way in one thread. */
  readonly maxInstances: number;
  /** The guest's own time, summed over what it waits in between. */
  readonly cpuMs: number;
  /** From the first line to the verdict, waiting included. */
  readonly wallMs: number;
  readonly maxInputKb: number;
  readonly maxOutputKb: number;
}

/** A plugin's files, ready for the engine. */
export interface PluginCode {
  /** As the config names it; for messages. */
  readonly file: string;
  /** JavaScript by the names that the modules import each other by; the entry comes first. */
  readonly modules: readonly { readonly name: string; readonly source: string }[];
  /** Lower-case hex, of all files together as they stand on the disk. */
  readonly sha256: string;
}

/** What a plugin says of itself once its module is evaluated; checked by shape, and by nothing else. */
export interface PluginTraits {
  readonly name: string;
  readonly version: string;
  readonly hooks: readonly Hook[];
  readonly hasSetup: boolean;
  readonly permissions: {
    readonly kv?: "client" | "shared";
    readonly fetch?: readonly string[];
  };
  readonly match: {
    readonly methods?: readonly string[];
    readonly on?: readonly string[];
    readonly keys?: boolean;
  };
  /** JSON. */
  readonly configSchema: string | undefined;
}

/** Why code is no plugin: one line, with the place in the file where the engine knows it. */
export interface LoadFault {
  readonly fault: string;
  readonly line?: number | undefined;
  /** The module of `PluginCode` that the line is of, where the engine knows it. */
  readonly module?: string | undefined;
}

export type FailureCode =
  | "timeout"
  | "wall_timeout"
  | "memory"
  | "crash"
  | "threw"
  | "bad_verdict"
  | "never_settles"
  | "too_many_jobs"
  | "output_too_large"
  | "input_too_large"
  | "input_unreadable"
  | "load_error"
  | "worker_lost"
  | "quarantined";

/** UTF-16 units of the text that the hook got; inside of it, in order, none over another. */
export interface TextSpan {
  readonly start: number;
  readonly end: number;
  /** Default: nothing. */
  readonly replacement: string;
}

/** What a hook came to; `note` and `tags` are for the record. */
export type Outcome =
  | {
      readonly action: "allow";
      readonly note?: string;
      readonly tags?: Readonly<Record<string, string>>;
    }
  | {
      readonly action: "deny";
      /** For the client; empty where the plugin gave none. */
      readonly reason: string;
      readonly code: "policy" | "rate_limit" | "invalid";
    }
  /** `json` is the value of `arguments`, `result` or `tools`, by hook. */
  | { readonly action: "modify"; readonly json: string; readonly note?: string }
  | {
      readonly action: "redact";
      readonly spans: readonly TextSpan[];
      readonly tags?: Readonly<Record<string, string>>;
    }
  /** `why` is for the operator alone: it may hold what the guest wrote. */
  | { readonly action: "failed"; readonly code: FailureCode; readonly why: string };

export interface HookCall {
  readonly hook: Hook;
  /** JSON of the hook's first parameter. */
  readonly payload: string;
  /** JSON of its second, without `config` and the functions. */
  readonly ctx: string;
  /** What the guest's clock shows, in milliseconds since the epoch. */
  readonly now: number;
  /** Of `Math.random`; the same seed gives the same numbers. */
  readonly seed: number;
  /** The size of what it looks at in bytes: text hooks get time by it. */
  readonly bytes: number;
}

export interface GuestLog {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly text: string;
}

/** A hook's end, with what it cost. */
export interface HookEnd {
  readonly outcome: Outcome;
  /** The guest's own time. */
  readonly ms: number;
  readonly wallMs: number;
  /** Loop turns. */
  readonly fuel: number;
  /** The most linear memory that it had, in bytes. */
  readonly memory: number;
  readonly hostCalls: number;
  readonly logs: readonly GuestLog[];
}

/** What a guest may ask of the host and waits for. */
export type HostCallName = "kv.get" | "kv.set" | "kv.incr" | "kv.delete" | "fetch";
/** `value` is JSON. A `fault` is told to the guest, so it says nothing that the guest may not know. */
export type HostAnswer = { readonly value: string } | { readonly fault: string };
/** `args` is the JSON of an array. Never rejects. */
export type HostCall = (name: HostCallName, args: string) => Promise<HostAnswer>;

/** A plugin in the engine, between calls exactly as it was when it had been loaded. */
export interface Instance {
  /**
   * One call at a time; settles within the limits, whatever the guest does, and at once where it
   * waits for nothing. Neither throws nor rejects.
   */
  readonly call: (call: HookCall, host: HostCall) => HookEnd | Promise<HookEnd>;
  /**
   * Puts it back to what it was when it had been loaded, unless a call is under way. The next call
   * does it otherwise: this is for whoever has an answer to send first.
   */
  readonly reset: () => void;
  /**
   * Another one of the same plugin, as this one was when it had been loaded, whatever became of it;
   * none of the plugin's code runs for it. Throws where there is no memory for it.
   */
  readonly twin: () => Instance;
  /** False once the engine under it is broken: it takes no more calls. */
  readonly isGood: () => boolean;
  readonly drop: () => void;
}
/** QuickJS; one per thread. */
export interface Engine {
  /** Evaluates the module in an instance of its own, which is dropped. */
  readonly inspect: (code: PluginCode, limits: PluginLimits) => Promise<PluginTraits | LoadFault>;
  /** `config` is JSON, and `setup` gets it. */
  readonly open: (
    code: PluginCode,
    config: string,
    limits: PluginLimits,
  ) => Promise<Instance | LoadFault>;
}
