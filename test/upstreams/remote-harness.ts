/** Several processes on one bus, and a legacy server that asks in the middle of its calls. */
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import {
  type AnswerMessage,
  type Bus,
  type Clock,
  type Seals,
  StoreLost,
  createKeyring,
} from "../../src/core/index.ts";
import { type JsonObject, at, member, stringOf, textOf } from "../../src/mcp/index.ts";
import {
  type Upstream,
  type UpstreamRequest,
  createUpstreamPool,
} from "../../src/upstreams/index.ts";
import {
  type Asked,
  type FakeServer,
  legacy,
  sendJson,
  startEvents,
  startFake,
} from "./fake-server.ts";
import { ask, callTool, caller, json, request, runtime, shown, toConfig } from "./harness.ts";

export const keyring = createKeyring([new Uint8Array(32).fill(7)], runtime.crypto.randomBytes);

export interface Sent {
  readonly channel: string;
  readonly text: string;
}
export interface TestBus extends Bus {
  readonly sent: readonly Sent[];
  /** Decides what becomes of a text; at first each is delivered once. */
  through: (sent: Sent) => readonly Sent[] | "lost";
  readonly deliver: (channel: string, text: string) => void;
}

export function createTestBus(): TestBus {
  const acts = new Set<{ readonly channel: string; readonly act: (text: string) => void }>();
  const sent: Sent[] = [];
  const deliver = (channel: string, text: string): void => {
    for (const each of acts) if (each.channel === channel) each.act(text);
  };
  const bus: TestBus = {
    sent,
    through: (one) => [one],
    deliver,
    publish: async (channel, text) => {
      if (text.length > 1024 * 1024) throw new RangeError("Too large");
      const one = { channel, text };
      sent.push(one);
      const passed = bus.through(one);
      if (passed === "lost") throw new StoreLost("unreachable", "lost");
      queueMicrotask(() => {
        for (const each of passed) deliver(each.channel, each.text);
      });
    },
    subscribe: async (channel, act) => {
      const one = { channel, act };
      acts.add(one);
      return () => acts.delete(one);
    },
  };
  return bus;
}

export interface Process {
  readonly it: Upstream;
  readonly other: Upstream;
  readonly logged: readonly string[];
  readonly close: () => Promise<void>;
}

export interface ProcessSettings {
  readonly url: string;
  readonly instance: string;
  readonly bus?: Bus | undefined;
  readonly clock?: Clock;
  readonly seals?: Seals;
}

/** Everything one gateway has of upstreams; `other` is a second one at the same server. */
export function openProcess({ url, instance, bus, ...more }: ProcessSettings): Process {
  const logged: string[] = [];
  const write = (message: string, fields?: object) => logged.push(message + JSON.stringify(fields));
  const log = { debug: write, info: write, warn: write, error: write };
  const clock = more.clock ?? runtime.clock;
  const about = { folder: tmpdir(), version: "1.2.3", env: {}, instance };
  const pool = createUpstreamPool(about, {
    ...runtime,
    seals: keyring.seals,
    log,
    bus,
    ...more,
    clock,
  });
  const config = toConfig({ upstreams: { it: { url }, other: { url } } });
  const upstreams = pool.open(config, () => new Set(["elicitation:form"]));
  const the = (name: string): Upstream => {
    const upstream = upstreams.get(name);
    if (upstream === undefined) throw new Error(`No upstream "${name}"`);
    return upstream;
  };
  return { it: the("it"), other: the("other"), logged, close: pool.close };
}

/** What the server does when its question is answered, by the tool's name. */
export type Scripts = Readonly<Record<string, (call: ServerCall, answer: string) => void>>;
export interface ServerCall {
  readonly id: number;
  /** Its progress token as JSON text. */
  readonly token: string;
  readonly ask: (question: string) => void;
  readonly notify: (method: string, params: string) => void;
  readonly end: (result: string) => void;
}
export interface AskingServer extends FakeServer {
  /** The answers to its questions, as they were written. */
  readonly answers: readonly string[];
  /** Calls that were cancelled. */
  readonly cancelled: () => number;
}

/** Each tool asks one question first; the script of its name says how it goes on. */
export async function startAsking(scripts: Scripts): Promise<AskingServer> {
  const answers: string[] = [];
  const waiting = new Map<string, (answer: string) => void>();
  let cancelled = 0;
  const start = ({ id, params }: Asked, response: ServerResponse): void => {
    const write = (text: string) => response.write(`data: {"jsonrpc":"2.0",${text}}\n\n`);
    const name = stringOf(member(json(params), "name")) ?? "";
    const token = at(json(params), "_meta", "progressToken");
    let questions = 0;
    const call: ServerCall = {
      id,
      token: token === undefined ? "null" : textOf(token),
      ask: (question) => {
        const key = `q-${id}-${++questions}`;
        waiting.set(key, (answer) => scripts[name]?.(call, answer));
        write(`"id":"${key}","method":"elicitation/create","params":${question}`);
      },
      notify: (method, params) => write(`"method":"notifications/${method}","params":${params}`),
      end: (result) => {
        write(`"id":${id},"result":${result}`);
        response.end();
      },
    };
    startEvents(response);
    call.ask('{"message":"First?","requestedSchema":{"type":"object","properties":{}}}');
  };
  const answerer = legacy((asked, response) => {
    if (asked.method === "tools/list") {
      const tools = Object.keys(scripts).map((name) => `{"name":"${name}","inputSchema":{}}`);
      sendJson(response, `{"jsonrpc":"2.0","id":${asked.id},"result":{"tools":[${tools}]}}`);
    } else if (asked.method === "tools/call") {
      start(asked, response);
    } else {
      response.writeHead(202).end();
      answers.push(asked.body);
      waiting.get(String(asked.id))?.(asked.body);
    }
  });
  const server = await startFake((asked, response) => {
    if (asked.method === "notifications/cancelled") cancelled++;
    answerer(asked, response);
  });
  return { ...server, answers, cancelled: () => cancelled };
}

export const capabilities = json('{"elicitation":{"form":{}}}');

export function from(subject = "ann", more: Partial<UpstreamRequest> = {}) {
  return { ...caller("web", { capabilities }, subject), ...more };
}

/** Calls a tool, and gives the state that comes with its question. */
export async function openHeld(upstream: Upstream, tool: string): Promise<string> {
  return stateOf(await ask(upstream, callTool(tool, "{}", from("ann", { maxBytes: 10_000_000 }))));
}

export function stateOf(message: AnswerMessage): string {
  const result = message.kind === "result" ? message.result : undefined;
  const state = stringOf(member(result, "requestState"));
  if (state === undefined) throw new Error(`Nothing is asked: ${shown(message)}`);
  return state;
}

/** The request that answers the first question. */
export function retry(
  state: string,
  {
    answer = '{"action":"accept","content":{"n":1.0}}',
    token,
    ...more
  }: Partial<UpstreamRequest> & { readonly answer?: string; readonly token?: string } = {},
): UpstreamRequest {
  const meta = token === undefined ? "" : `"_meta":{"progressToken":${token}},`;
  const given = `"inputResponses":{"input-1":${answer}},"requestState":${JSON.stringify(state)}`;
  return request("tools/call", `{"name":"x",${meta}"arguments":{},${given}}`, from("ann", more));
}

export function resultText(message: AnswerMessage | undefined): string {
  if (message?.kind !== "result") throw new Error(message ? shown(message) : "Nothing came");
  return textOf(message.result satisfies JsonObject);
}
