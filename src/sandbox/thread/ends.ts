/** How a step ends, and when it ends its chain. */
import type { FailureCode, HookEnd, Outcome } from "../face.ts";

export interface Standing {
  readonly mode: "enforce" | "shadow";
  readonly onError: "deny" | "allow";
}

/** Whether it decides; what does not is only recorded. */
export function applies({ mode, onError }: Standing, outcome: Outcome): boolean {
  if (mode === "shadow") return false;
  return outcome.action !== "failed" || onError === "deny";
}

/** Whether no later step of the chain is run. */
export function stops(standing: Standing, outcome: Outcome): boolean {
  return outcome.action !== "allow" && applies(standing, outcome);
}

/** A step that came to nothing without its plugin's doing. */
export function toFailedEnd(code: FailureCode, why: string, wallMs = 0): HookEnd {
  return {
    outcome: { action: "failed", code, why },
    ms: 0,
    wallMs,
    fuel: 0,
    memory: 0,
    hostCalls: 0,
    logs: [],
  };
}
