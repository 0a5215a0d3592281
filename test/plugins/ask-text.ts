/** Asks a shipped plugin on the host: for tables and properties, which are too many for the sandbox. */
import type { Allow, Ctx, Deny, Plugin, Redact } from "../../src/plugin.ts";

export type Verdict = Allow | Deny | Redact;
type TextCtx<C> = Parameters<NonNullable<Plugin<C>["onText"]>>[1];

const never = (): never => {
  throw new Error("It asks the host for nothing");
};

export function askText<C>(
  plugin: Plugin<C>,
  config: C,
  text: string,
  source: TextCtx<C>["source"] = "tool_result",
): Verdict {
  const silent = () => undefined;
  const ctx: Ctx<C> = {
    requestId: "1",
    method: "tools/call",
    protocolVersion: "2026-07-28",
    now: 0,
    client: { id: "client", scopes: [], claims: {} },
    upstream: { name: "upstream" },
    config,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    kv: { get: never, set: never, incr: never, delete: never },
    fetch: never,
    sha256: never,
    randomUUID: () => "00000000-0000-4000-8000-000000000000",
  };
  plugin.setup?.(config);
  const direction = source === "tool_arguments" ? "to_server" : "to_client";
  const verdict = plugin.onText?.(text, { ...ctx, direction, source });
  if (verdict === undefined || "then" in verdict) throw new Error("It has to answer at once");
  return verdict;
}
