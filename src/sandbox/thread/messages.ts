/** What the pool and a plugins' thread say to each other: plain data, and every payload a string. */
import type {
  HookCall,
  HookEnd,
  HostAnswer,
  HostCallName,
  LoadFault,
  PluginCode,
  PluginLimits,
  PluginTraits,
} from "../face.ts";
import type { Stripped } from "../load/strip.ts";

/** A step of a chain, with all that the thread needs to know of when to stop. */
export interface ThreadStep extends HookCall {
  /** The number that the plugin was opened under. */
  readonly plugin: number;
  readonly mode: "enforce" | "shadow";
  readonly onError: "deny" | "allow";
}

/** To the thread. `id` is the pool's own and names what is answered. */
export type Order =
  /** The first order of all: where the thread writes what it is at, and how long it stays awake. */
  | { readonly type: "begin"; readonly pulse: SharedArrayBuffer; readonly momentMs: number }
  | {
      readonly type: "inspect";
      readonly id: number;
      readonly code: PluginCode;
      readonly limits: PluginLimits;
    }
  | {
      readonly type: "open";
      readonly id: number;
      readonly plugin: number;
      readonly code: PluginCode;
      readonly config: string;
      readonly limits: PluginLimits;
    }
  | { readonly type: "drop"; readonly plugin: number }
  /** TypeScript. */
  | { readonly type: "strip"; readonly id: number; readonly source: string }
  | { readonly type: "run"; readonly id: number; readonly steps: readonly ThreadStep[] }
  | { readonly type: "cancel"; readonly id: number }
  | { readonly type: "answer"; readonly ask: number; readonly answer: HostAnswer };

/** From the thread. */
export type Report =
  | { readonly type: "ready" }
  | { readonly type: "inspected"; readonly id: number; readonly said: PluginTraits | LoadFault }
  | { readonly type: "opened"; readonly id: number; readonly fault?: LoadFault }
  | { readonly type: "stripped"; readonly id: number; readonly said: Stripped }
  | { readonly type: "ended"; readonly id: number; readonly ends: readonly HookEnd[] }
  | {
      readonly type: "ask";
      readonly ask: number;
      readonly id: number;
      /** Of the chain, from 0. */
      readonly step: number;
      readonly name: HostCallName;
      readonly args: string;
    }
  /** An instance was broken, and another one stands in its place. */
  | { readonly type: "reopened"; readonly plugin: number };

/** An order to run, or its end, as a flat list; `wire.ts` knows what stands where. */
export type Packed = readonly (string | number | PackedRest | undefined)[];
/** What an end has beside its numbers. */
export type PackedRest = Pick<HookEnd, "outcome" | "hostCalls" | "logs">;

/** The thread's end of the line, and its time. */
export interface ThreadPorts {
  readonly post: (report: Report | Packed) => void;
  /** Milliseconds that only grow. */
  readonly elapsed: () => number;
  readonly after: (ms: number, act: () => void) => { readonly cancel: () => void };
  /** Acts once the event loop has done what there is to do, and does not let it sleep before. */
  readonly turn: (act: () => void) => void;
}
