/** One upstream of a config by itself, without a gateway: what it really says. */
import type { LoadedConfig } from "../config/index.ts";
import { type AnswerMessage, createCanceller, createKeyring } from "../core/index.ts";
import {
  type JsonObject,
  type NotificationMessage,
  inputKinds,
  isObject,
  parseJson,
  reread,
  toParamHeaders,
  member,
  toWire,
} from "../mcp/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { type Upstream, type UpstreamCaller, createUpstreamPool } from "../upstreams/index.ts";
import { version } from "../version.ts";
import {
  type Ended,
  type Tool,
  type ToolServer,
  ownCapabilities,
  ownRevision,
} from "./tool-server.ts";

type Refused = Ended & { readonly kind: "refused" };

/** All that clients of any kind can do: some tools are listed to those alone that can be asked. */
export const everyCapability = {
  elicitation: { form: {}, url: {} },
  sampling: { tools: {} },
  roots: {},
};

const maxBytes = 64 * 1024 * 1024;

/** It tells of its prompts as well. */
export interface DirectServer extends ToolServer {
  /** Every page; none where it has none. */
  readonly prompts: () => ReturnType<ToolServer["list"]>;
}

/** `name` is an upstream of the config; `capabilities` are what it is told that this client can do. */
export function openDirectServer(
  { config, folder }: LoadedConfig,
  name: string,
  runtime: Runtime,
  capabilities: object = ownCapabilities,
): DirectServer {
  const upstreams = Object.fromEntries(
    Object.entries(config.upstreams).filter(([each]) => each === name),
  );
  const granted = new Set(inputKinds);
  const about = { folder, version, env: runtime.env, instance: "direct" };
  const { seals } = createKeyring([], runtime.crypto.randomBytes);
  const pool = createUpstreamPool(about, { ...runtime, seals });
  const upstream = pool.open({ ...config, upstreams }, () => granted).get(name);
  if (upstream === undefined) throw new Error(`There is no upstream "${name}"`);
  const caller: UpstreamCaller = {
    client: { name: "mcp-gw", subject: undefined },
    caller: {
      era: "modern",
      revision: ownRevision,
      capabilities: reread(JSON.stringify(capabilities)) as JsonObject,
      clientInfo: undefined,
      logLevel: "info",
      session: undefined,
    },
  };
  const forever = createCanceller().signal;
  const list = async (kind: "tools" | "prompts"): Promise<readonly Tool[] | Refused> => {
    const found = await upstream.list(kind, caller, forever);
    if ("kind" in found) return { kind: "refused", code: found.code, message: found.why };
    return found.items.map(({ key, json }) => ({ name: key, definition: json }));
  };

  return {
    list: () => list("tools"),
    prompts: () => list("prompts"),
    call: async ({ tool, name: called, args, more, deadlineMs, hear }) => {
      const schema = member(tool?.definition, "inputSchema");
      const declared = isObject(schema) ? toParamHeaders(schema) : { headers: [] };
      const meta = '"_meta":{"progressToken":1}';
      const text = `{"name":${JSON.stringify(called)},"arguments":${args}${more},${meta}}`;
      const late = createCanceller();
      const timer = runtime.clock.after(deadlineMs, () => late.abort());
      const answer = send(upstream, {
        ...caller,
        method: "tools/call",
        params: reread(text) as JsonObject,
        headers: {},
        paramHeaders: "headers" in declared ? declared.headers : [],
        maxBytes,
        asks: true,
        refused: undefined,
      });
      try {
        for await (const message of answer(late.signal)) {
          if (message.kind === "notification") hear(toJson(message));
          else return toEnded(message);
        }
        return {
          kind: "refused",
          code: "UPSTREAM_TIMEOUT",
          message: `No answer in ${deadlineMs} ms`,
        };
      } finally {
        timer.cancel();
      }
    },
    close: async () => {
      await pool.close();
      await runtime.egress.close();
    },
  };
}

function send(upstream: Upstream, request: Parameters<Upstream["send"]>[0]) {
  return (signal: Parameters<Upstream["send"]>[1]) => upstream.send(request, signal);
}

function toJson(message: NotificationMessage): JsonObject {
  const parsed = parseJson(toWire(message, "0"));
  if (!parsed.ok || !isObject(parsed.json)) throw new Error("A notification is no object");
  return parsed.json;
}

function toEnded(message: AnswerMessage): Ended {
  if (message.kind === "result") return { kind: "result", result: message.result };
  if (message.kind === "error") {
    return { kind: "refused", code: String(message.code), message: message.message };
  }
  if (message.kind === "failure") {
    return { kind: "refused", code: message.code, message: message.why };
  }
  return { kind: "refused", code: "INTERNAL", message: "The answer had no end" };
}
