/** A gateway with rules between clients and recording servers of either era. */
import type { ConfigInput } from "../../src/config/index.ts";
import { type Era, at, reread, textOf } from "../../src/mcp/index.ts";
import {
  type RunningGateway,
  allowAll,
  authA,
  authB,
  runGateway,
  tokenA,
  tokenB,
} from "./gateway.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import {
  type Call,
  type Plan,
  type RecordingServer,
  type Wording,
  startHttpRecorder,
  startPipeRecorder,
} from "./recording-server.ts";

export type Rules = NonNullable<ConfigInput["rules"]>;
export type Transport = "http" | "stdio";

/** What tests look at in an answer. */
export interface Heard {
  readonly text: string;
  readonly result?: {
    readonly isError?: boolean;
    readonly content?: readonly { readonly text?: string }[];
    readonly _meta?: object;
    readonly [member: string]: unknown;
  };
  readonly error?: { readonly code: number; readonly data?: { readonly code?: string } };
  /** Of a refusal, in whichever form it came. */
  readonly code: string | undefined;
}

export interface RulesRig {
  readonly server: RecordingServer;
  readonly gateway: RunningGateway;
  /** One request; `members` are JSON members of its parameters. */
  readonly ask: (
    method: string,
    members?: string,
    how?: { readonly name?: string; readonly as?: "a" | "b"; readonly reply?: string },
  ) => Promise<Heard>;
  readonly call: (tool: string, args?: string, as?: "a" | "b") => Promise<Heard>;
  /** The arguments of the last call that came to the server, as it got them. */
  readonly got: () => string | undefined;
  readonly client: (as: "a" | "b") => Promise<RawClient>;
  readonly close: () => Promise<void>;
}
export interface RigSettings {
  readonly transport?: Transport;
  readonly server?: Era;
  readonly client?: Era;
  readonly rules: Rules;
  readonly lists?: Wording["lists"];
  readonly answer?: (call: Call) => Plan;
  readonly config?: Partial<ConfigInput>;
}

export const anything = (name: string, schema = '{"type":"object"}'): string =>
  `{"name":"${name}","inputSchema":${schema}}`;
export const ok: Plan = { end: '"result":{"resultType":"complete","content":[]}' };

export async function openRulesRig(settings: RigSettings): Promise<RulesRig> {
  const {
    transport = "http",
    server: serverEra = "modern",
    client: clientEra = "modern",
  } = settings;
  const { lists = {}, answer = () => ok } = settings;
  const wording = { era: serverEra, answer, lists };
  const http = transport === "http" ? await startHttpRecorder(wording) : undefined;
  const pipe = transport === "stdio" ? await startPipeRecorder(wording) : undefined;
  const server = (http ?? pipe) as RecordingServer;
  const x =
    http === undefined
      ? { command: pipe?.command ?? "", args: [...(pipe?.args ?? [])] }
      : { url: http.url };
  const gateway = await runGateway({
    upstreams: { x },
    clients: {
      a: { auth: authA, allow: allowAll },
      b: { auth: authB, allow: allowAll },
    },
    rules: settings.rules,
    ...settings.config,
  });
  const clients = new Map<string, Promise<RawClient>>();
  const client = (as: "a" | "b"): Promise<RawClient> => {
    const opened =
      clients.get(as) ??
      openRawClient(clientEra, `${gateway.url}/mcp/x`, as === "a" ? tokenA : tokenB);
    clients.set(as, opened);
    return opened;
  };
  const ask: RulesRig["ask"] = async (method, members = "", { name, as = "a", reply } = {}) => {
    const raw = await client(as);
    const params = [members, ...(raw.meta === "" ? [] : [`"_meta":{${raw.meta}}`])];
    const texts = await raw.ask({
      method,
      params: `{${params.filter((each) => each !== "").join(",")}}`,
      ...(name === undefined ? {} : { name }),
      ...(reply === undefined ? {} : { reply }),
    });
    return toHeard(texts.at(-1) ?? "");
  };
  return {
    server,
    gateway,
    ask,
    client,
    call: (tool, args = "{}", as = "a") =>
      ask("tools/call", `"name":"${tool}","arguments":${args}`, { name: tool, as }),
    got: () => {
      const last = server.calls.at(-1);
      const args = last && at(reread(last.text), "params", "arguments");
      return args && textOf(args);
    },
    close: async () => {
      await gateway.close();
      await server.close();
    },
  };
}

/** The code stands in an error's data, and in what `_meta` says of a tool's result. */
export function toHeard(text: string): Heard {
  const message = JSON.parse(text) as Omit<Heard, "text" | "code">;
  const { error, result } = message;
  const said = result?.isError === true ? /"mcp-gw\/code":"([A-Z_]+)"/.exec(text)?.[1] : undefined;
  return { ...message, text, code: error?.data?.code ?? said };
}
