/** An engine whose plugins do what the payload of the call says. */
import type {
  Engine,
  FailureCode,
  HookCall,
  HookEnd,
  HostCall,
  Instance,
  Outcome,
} from "../../../src/sandbox/index.ts";

/** What a call does; `hang` never gives the thread back, `wait` asks the host and goes on with its answer. */
export type Deed =
  | { readonly do: "allow" | "deny" | "modify" | "hang" | "stay" | "wait" | "break" }
  | { readonly do: "fail"; readonly code: FailureCode }
  | { readonly do: "log"; readonly text: string };

export interface FakeEngine extends Engine {
  readonly opened: () => number;
  readonly dropped: () => number;
  readonly calls: HookCall[];
}

/** `hang` must see to it that nothing in the thread goes on. */
export function createFakeEngine(hang: () => void): FakeEngine {
  const calls: HookCall[] = [];
  let opened = 0;
  let dropped = 0;
  const open = (): Instance => {
    opened++;
    let isGood = true;
    return {
      call: async (call, host) => {
        calls.push(call);
        const deed = JSON.parse(call.payload) as Deed;
        if (deed.do === "hang") {
          hang();
          return await new Promise<never>(() => undefined);
        }
        if (deed.do === "stay") return await new Promise<never>(() => undefined);
        if (deed.do === "break") isGood = false;
        return toEnd(deed, deed.do === "wait" ? await ask(host) : undefined);
      },
      reset: () => undefined,
      twin: open,
      isGood: () => isGood,
      drop: () => void dropped++,
    };
  };
  return {
    opened: () => opened,
    dropped: () => dropped,
    calls,
    inspect: async (code) =>
      code.modules[0]?.source === "bad" ? { fault: "No plugin", line: 3 } : traits,
    open: async (code) => {
      if (code.modules[0]?.source === "bad") return { fault: "No plugin", line: 3 };
      return open();
    },
  };
}

const traits = {
  name: "a",
  version: "1.0.0",
  hooks: ["onToolCall"] as const,
  hasSetup: false,
  permissions: {},
  match: {},
  configSchema: undefined,
};

async function ask(host: HostCall): Promise<string> {
  const answer = await host("kv.get", '["key"]');
  return "value" in answer ? answer.value : answer.fault;
}

function toEnd(deed: Deed, said: string | undefined): HookEnd {
  const logs = deed.do === "log" ? [{ level: "info" as const, text: deed.text }] : [];
  return {
    outcome: toOutcome(deed, said),
    ms: 2,
    wallMs: 3,
    fuel: 10,
    memory: 1000,
    hostCalls: said === undefined ? 0 : 1,
    logs,
  };
}

function toOutcome(deed: Deed, said: string | undefined): Outcome {
  if (deed.do === "deny") return { action: "deny", reason: "no", code: "policy" };
  if (deed.do === "modify") return { action: "modify", json: "{}" };
  if (deed.do === "fail") return { action: "failed", code: deed.code, why: "told to" };
  if (deed.do === "break") return { action: "failed", code: "crash", why: "broken" };
  return said === undefined ? { action: "allow" } : { action: "allow", note: said };
}
