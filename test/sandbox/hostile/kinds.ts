/** A plugin that means harm, and what may become of it. */
import type { FailureCode, Hook, Outcome } from "../../../src/sandbox/index.ts";

/** `load`: it was refused before it could be called. */
export type End = Outcome["action"] | FailureCode | "load";

export interface Hostile {
  readonly name: string;
  readonly source: string;
  /** Default: `onToolCall`. */
  readonly hook?: Hook;
  /** JSON of the hook's first parameter; default: a small call. */
  readonly payload?: string;
  /** One call after another, each of another client; default: one. */
  readonly calls?: number;
  /** What the last call may end as. A verdict's text that starts with `escaped` is never good. */
  readonly ends: readonly End[];
  /** It waits for what does not come, so that the time of its wall counts and not that of its work. */
  readonly waits?: boolean;
  /** Both runtimes hold it in memory for a while. */
  readonly isLarge?: boolean;
}

/** A plugin with one hook, whose body this is; `call` and `ctx` are its parameters. */
export function hook(name: string, body: string, more: Partial<Hostile> = {}): Hostile {
  const { hook: at = "onToolCall", ...rest } = more;
  return {
    name,
    hook: at,
    ends: ["threw"],
    ...rest,
    source: `${prelude}export default definePlugin({ name: "hostile", version: "1.0.0",
  ${at}(call, ctx) { ${body} } });\n`,
  };
}

/** As `hook`, for one that is `async`. */
export function asyncHook(name: string, body: string, more: Partial<Hostile> = {}): Hostile {
  const made = hook(name, body, more);
  return { ...made, source: made.source.replace("onToolCall(call", "async onToolCall(call") };
}

/** A whole file. */
export function file(name: string, source: string, more: Partial<Hostile> = {}): Hostile {
  return { name, ends: ["load"], ...more, source };
}

export const prelude = `import { definePlugin, allow, deny, redact } from "mcp-gw/plugin";\n`;
