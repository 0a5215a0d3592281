/** Plugins that run in process: the road sees of them what it sees of those in the sandbox. */
import type {
  Allow,
  Deny,
  ModifyCall,
  ModifyResult,
  ModifyTools,
  Redact,
} from "../../src/plugin.ts";
import type {
  Hook,
  LoadedPlugin,
  Outcome,
  Plugins,
  Step,
  StepEnd,
} from "../../src/sandbox/index.ts";

export type Said = Allow | Deny | ModifyCall | ModifyResult | ModifyTools | Redact;
/** Payload and ctx are parsed; what is thrown is a failure, and a text is one of that code. */
export type HookFunction = (payload: never, ctx: never) => unknown;

export interface FakePlugin {
  readonly name?: string;
  readonly hooks: Readonly<Partial<Record<Hook, HookFunction>>>;
  readonly mode?: "enforce" | "shadow";
  readonly onError?: "deny" | "allow";
  readonly seesKeys?: boolean;
  readonly fits?: LoadedPlugin["fits"];
}
export interface FakePlugins extends Plugins {
  /** Each chain that was asked, as it came. */
  readonly chains: (readonly Step[])[];
}

export function fakePlugins(...given: readonly FakePlugin[]): FakePlugins {
  const functions = new Map<LoadedPlugin, FakePlugin["hooks"]>();
  const all = given.map(
    ({ name = "p", hooks, mode = "enforce", onError = "deny", seesKeys = false, fits }, index) => {
      const plugin: LoadedPlugin = {
        name,
        version: "1.0.0",
        file: `./${name}.ts`,
        sha256: String(index).repeat(64),
        hooks: new Set(Object.keys(hooks) as Hook[]),
        mode,
        onError,
        seesKeys,
        fits: fits ?? (() => true),
      };
      functions.set(plugin, hooks);
      return plugin;
    },
  );
  const chains: (readonly Step[])[] = [];
  return {
    all,
    chains,
    run: async (steps) => {
      chains.push(steps);
      const ends: StepEnd[] = [];
      for (const step of steps) {
        const said = await call(functions.get(step.plugin)?.[step.hook], step);
        const outcome = toChecked(step, said);
        const { plugin, hook } = step;
        const applies =
          plugin.mode === "enforce" && (outcome.action !== "failed" || plugin.onError === "deny");
        const cost = { ms: 0.5, wallMs: 0.5, fuel: 1, memory: 1, hostCalls: 0, logs: [] };
        ends.push({ plugin, hook, applies, outcome, ...cost });
        // As the thread does, which knows nothing of what comes of a change.
        if (plugin.mode === "enforce" && (applies || said !== outcome) && said.action !== "allow")
          break;
      }
      return ends;
    },
  };
}

function toChecked({ check }: Step, said: Outcome): Outcome {
  if (said.action !== "modify" && said.action !== "redact") return said;
  const why = check?.(said);
  return why === undefined ? said : { action: "failed", code: "bad_verdict", why };
}

async function call(act: HookFunction | undefined, step: Step): Promise<Outcome> {
  try {
    const said = (await act?.(JSON.parse(step.payload) as never, JSON.parse(step.ctx) as never)) as
      | Said
      | undefined;
    return toOutcome(said ?? { action: "allow" });
  } catch (error) {
    return { action: "failed", code: "threw", why: String(error) };
  }
}

function toOutcome(said: Said): Outcome {
  switch (said.action) {
    case "allow":
      return said;
    case "deny":
      return { action: "deny", reason: said.reason, code: said.code ?? "policy" };
    case "redact": {
      const spans = said.spans.map(([start, end, replacement = ""]) => ({
        start,
        end,
        replacement,
      }));
      return { action: "redact", spans };
    }
    case "modify": {
      const value =
        "arguments" in said ? said.arguments : "result" in said ? said.result : said.tools;
      return { action: "modify", json: JSON.stringify(value) };
    }
  }
}
