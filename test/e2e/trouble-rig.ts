/** Gateways with one store that is put into trouble, and a steady load on them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigInput, parseConfig } from "../../src/config/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { type Started, startGateway } from "../../src/serve.ts";
import { type JsonAnswer, modernRequest, post } from "./gateway.ts";

export interface TroubledGateway {
  readonly url: string;
  readonly adminUrl: string;
  readonly instance: Started["instance"];
  /** What it logged, a line each. */
  readonly lines: readonly string[];
  /** Timers that it has set and that have neither fired nor been cancelled. */
  readonly timers: () => number;
  readonly close: () => Promise<void>;
}

export const adminToken = "an-admin-token-that-is-long-enough-for-this";

export async function openTroubled(input: ConfigInput): Promise<TroubledGateway> {
  const folder = await mkdtemp(join(tmpdir(), "trouble-"));
  const runtime = await openRuntime();
  const { config, faults } = parseConfig(input, { ...runtime.crypto, now: Date.now() });
  if (config === undefined) throw new Error(JSON.stringify(faults));
  const lines: string[] = [];
  const writer =
    (level: string) =>
    (message: string, fields: object = {}): void =>
      void lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  const log = {
    debug: () => undefined,
    info: writer("info"),
    warn: writer("warn"),
    error: writer("error"),
  };
  let timers = 0;
  const clock: typeof runtime.clock = {
    ...runtime.clock,
    after: (ms, act) => {
      let isSet = true;
      const end = (): void => {
        if (isSet) timers--;
        isSet = false;
      };
      timers++;
      const timer = runtime.clock.after(ms, () => {
        end();
        act();
      });
      return {
        ...timer,
        cancel: () => {
          end();
          timer.cancel();
        },
      };
    },
  };
  const watched = { secrets: [], sources: [] };
  const loaded = { config, folder, file: "", digest: "test", faults: [], watched };
  let reloads = 0;
  const started = await startGateway({
    loaded,
    reload: {
      load: async () => {
        reloads++;
        const drain = { ...config.drain, deadlineMs: config.drain.deadlineMs + reloads };
        return { ...loaded, config: { ...config, drain }, digest: `test-${reloads}` };
      },
      explain: (found) => found.map(({ message }) => message),
    },
    runtime: { ...runtime, log, clock },
    port: 0,
    adminToken,
    isAdministered: true,
  });
  return {
    url: started.url,
    adminUrl: started.adminUrl ?? "",
    instance: started.instance,
    lines,
    timers: () => timers,
    close: async () => {
      await started.close(500);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function isUp({ instance }: TroubledGateway): boolean {
  return instance.operations.state().store.state === "up";
}

/** Asks the admin listener; the code of a refusal. */
export async function admin(
  { adminUrl }: TroubledGateway,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; code: string | undefined; id: string | undefined }> {
  const response = await fetch(`${adminUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = (text === "" ? {} : JSON.parse(text)) as { code?: string; id?: string };
  return { status: response.status, code: json.code, id: json.id };
}

/** One answer: when it was asked for and how long it took, in milliseconds. */
export interface Sample {
  readonly at: number;
  readonly ms: number;
  readonly status: number;
  readonly code: string;
}
export interface Load {
  readonly samples: readonly Sample[];
  /** For how long the test itself could do nothing, all together, since its machine was busy. */
  readonly lagMs: () => number;
  /** The most calls that waited at once. */
  readonly mostWaiting: () => number;
  /** Waits for the calls that are under way. */
  readonly stop: () => Promise<readonly Sample[]>;
}

/** One call of the tool `x__echo`. */
export async function askOnce(url: string, token: string): Promise<Sample> {
  const at = performance.now();
  const request = modernRequest("tools/call", { name: "x__echo", arguments: {} });
  const answer = await post(`${url}/mcp`, request, token).catch((error: unknown) => String(error));
  const ms = performance.now() - at;
  if (typeof answer === "string") return { at, ms, status: 0, code: answer };
  const { error, code = error?.data.code ?? "" } = JSON.parse(answer.text) as JsonAnswer;
  return { at, ms, status: answer.status, code };
}

/** Calls at a steady rate, each gateway in its turn. */
export function load(urls: readonly string[], token: string, perSecond = 100): Load {
  const samples: Sample[] = [];
  const calls: Promise<void>[] = [];
  let most = 0;
  let lagMs = 0;
  let last = performance.now();
  const from = performance.now();
  const timer = setInterval(() => {
    lagMs += Math.max(0, performance.now() - last - 20);
    last = performance.now();
    const due = ((performance.now() - from) / 1_000) * perSecond;
    while (calls.length < due) {
      const url = urls[calls.length % urls.length] ?? "";
      calls.push(askOnce(url, token).then((sample) => void samples.push(sample)));
    }
    most = Math.max(most, calls.length - samples.length);
  }, 5);
  return {
    samples,
    lagMs: () => lagMs,
    mostWaiting: () => most,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(calls);
      return samples;
    },
  };
}
