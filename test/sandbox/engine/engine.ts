/** An engine on real time, and plugins written in a line. */
import { createHash, randomUUID } from "node:crypto";
import { createEngine } from "../../../src/sandbox/engine/create-engine.ts";
import { defaultLimits } from "../../../src/sandbox/engine/limits.ts";
import type {
  HookCall,
  HostCall,
  Instance,
  LoadFault,
  PluginCode,
  PluginLimits,
} from "../../../src/sandbox/face.ts";

export const engine = await createEngine({
  elapsed: () => performance.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return { cancel: () => clearTimeout(timer) };
  },
  sha256: (data) => createHash("sha256").update(data).digest("hex"),
  randomUUID: () => randomUUID(),
});

export function toCode(source: string, others: Readonly<Record<string, string>> = {}): PluginCode {
  const modules = Object.entries({ "p.js": source, ...others });
  return {
    file: "plugins/p.js",
    sha256: "00",
    modules: modules.map(([name, text]) => ({ name, source: text })),
  };
}

/** `before` stands at the top of the module, `body` inside of the plugin. */
export function toPlugin(body: string, before = ""): PluginCode {
  return toCode(
    `import { definePlugin, allow, deny, redact } from "mcp-gw/plugin";\n${before}\n` +
      `export default definePlugin({ name: "p", version: "1.0.0",\n${body}\n});`,
  );
}

export async function open(
  code: PluginCode,
  settings: { readonly config?: unknown; readonly limits?: Partial<PluginLimits> } = {},
): Promise<Instance> {
  const limits = { ...defaultLimits, ...settings.limits };
  const opened = await engine.open(code, JSON.stringify(settings.config ?? null), limits);
  if ("fault" in opened) throw new Error(opened.fault);
  return opened;
}

export async function faultOf(code: PluginCode, config: unknown = null): Promise<LoadFault> {
  const opened = await engine.open(code, JSON.stringify(config), defaultLimits);
  if (!("fault" in opened)) throw new Error("It was opened");
  return opened;
}

export const ctx = {
  requestId: "r1",
  method: "tools/call",
  protocolVersion: "2026-07-28",
  client: { id: "c1", scopes: [], claims: {} },
  upstream: { name: "files" },
};

export function toCall(given: Partial<HookCall> & { readonly value?: unknown } = {}): HookCall {
  const { value = { name: "read", arguments: { path: "/a" } }, ...rest } = given;
  return {
    hook: "onToolCall",
    payload: JSON.stringify(value),
    ctx: JSON.stringify(ctx),
    now: 1_700_000_000_000,
    seed: 7,
    bytes: 200,
    ...rest,
  };
}

export const noHost: HostCall = async () => ({ fault: "There is no host" });
