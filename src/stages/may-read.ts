/** What a caller may read is what it is told of. */
import type { Identified, McpInput } from "../core/index.ts";
import type { Policy } from "../policy/index.ts";
import { subjectOf } from "./subject.ts";

/** Whether the caller may read a resource of an upstream. */
export type MayRead = (upstream: string, uri: string) => boolean;

interface Listener extends Pick<Identified, "address" | "client"> {
  readonly input: McpInput;
}

export function toMayRead(policy: Pick<Policy, "decide" | "judge">, listener: Listener): MayRead {
  const subject = subjectOf(listener);
  const { input } = listener;
  const method = input.kind === "request" ? input.method : "resources/subscribe";
  const call = { args: undefined, annotations: undefined, method };
  return (upstream, uri) => {
    const thing = { kind: "resource", upstream, name: uri } as const;
    return (
      policy.decide(subject, thing).allowed && policy.judge(subject, thing, call).verdict === "pass"
    );
  };
}
