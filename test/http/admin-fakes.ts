/** Operations that a test can look into, and the admin door before them. */
import type { Hono } from "hono";
import {
  type Block,
  type BlockWish,
  type OperationRecord,
  type Operations,
  type Operator,
  type ReloadOutcome,
  type Right,
  deny,
} from "../../src/core/index.ts";
import { type Connection, createAdminApp } from "../../src/http/index.ts";
import { createFakeClock, createFakeLog } from "./fakes.ts";

export const adminTokens = {
  all: "a-token-of-an-operator-who-may-do-everything",
  reader: "a-token-of-an-operator-who-may-look-alone",
} as const;
const rights: Readonly<Record<keyof typeof adminTokens, readonly Right[]>> = {
  all: ["read", "approve", "operate"],
  reader: ["read"],
};

export interface FakeOperations extends Operations {
  readonly records: OperationRecord[];
  readonly refusals: { readonly code: string; readonly address: string | undefined }[];
  /** What was done, in its order. */
  readonly steps: string[];
}
export interface FakeOperationsSettings extends Partial<Operations> {
  readonly outcome?: ReloadOutcome;
}

export const goodOutcome: ReloadOutcome = { result: "reloaded", digest: "abc", faults: [] };

export function createFakeOperations(settings: FakeOperationsSettings = {}): FakeOperations {
  const { outcome = goodOutcome, ...parts } = settings;
  const steps: string[] = [];
  const records: OperationRecord[] = [];
  const refusals: FakeOperations["refusals"] = [];
  let blocks: readonly Block[] = [];
  let count = 0;
  return {
    records,
    refusals,
    steps,
    authenticate: (authorization) => {
      steps.push("authenticate");
      const headers = { "WWW-Authenticate": "Bearer" };
      if (authorization === null) {
        return Promise.resolve(deny("TOKEN_MISSING", "none", { headers }));
      }
      for (const name of ["all", "reader"] as const) {
        if (authorization !== `Bearer ${adminTokens[name]}`) continue;
        return Promise.resolve<Operator>({ name, can: new Set(rights[name]), is: ["a/ada"] });
      }
      return Promise.resolve(deny("TOKEN_INVALID", "not one of ours", { headers }));
    },
    refused: (code, address) => void refusals.push({ code, address }),
    reserve: () => {
      steps.push("reserve");
      return {
        write: (record) => {
          steps.push("write");
          records.push(record);
          return Promise.resolve();
        },
        release: () => void steps.push("release"),
      };
    },
    state: () => ({
      instance: "i1",
      version: "1.2.3",
      ready: true,
      config: "abc",
      startedAt: 1,
      store: { kind: "memory", state: "up" },
      sessions: 0,
      plugins: [],
      blocks: blocks.length,
      upstreams: [],
    }),
    metrics: () =>
      Promise.resolve({ contentType: "text/plain; version=0.0.4; charset=utf-8", text: "up 1\n" }),
    reload: () => {
      steps.push("reload");
      return Promise.resolve(outcome);
    },
    approvals: { list: () => Promise.resolve([]), decide: () => Promise.resolve("unknown") },
    blocks: {
      list: () => blocks,
      add: (wish: BlockWish) => {
        steps.push("add");
        const block = { id: `b${++count}`, at: 1_000, ...wish };
        blocks = [...blocks, block];
        return Promise.resolve(block);
      },
      remove: (id) => {
        steps.push("remove");
        const before = blocks.length;
        blocks = blocks.filter((each) => each.id !== id);
        return Promise.resolve(blocks.length < before);
      },
    },
    explain: () => ({ verdict: "allowed" }),
    doubts: () => [],
    ...parts,
  };
}

export interface FakeAdminDoor {
  readonly operations: FakeOperations;
  readonly app: Hono;
  readonly logged: string[];
  readonly advance: (ms: number) => void;
  readonly timers: () => number;
}

/** Serves `127.0.0.1`, `localhost` and `admin.test`. */
export function openFakeAdminDoor(settings: FakeOperationsSettings = {}): FakeAdminDoor {
  const operations = createFakeOperations(settings);
  const logged: string[] = [];
  const { clock, advance, timers } = createFakeClock();
  const hosts = new Set(["127.0.0.1", "localhost", "admin.test"]);
  const app = createAdminApp(operations, {
    hosts: (name) => hosts.has(name),
    peer: (context) => (context.env as { address?: string } | undefined)?.address,
    connection: (context) => {
      const { gone, body, headers } = (context.env ?? {}) as Partial<Connection>;
      return gone && body && headers && { gone, body, headers };
    },
    address: (peer, forwardedFor) => (forwardedFor === null ? peer : `${peer} for ${forwardedFor}`),
    ports: {
      clock,
      log: createFakeLog(logged),
      crypto: {
        sha256: () => "",
        hmacSha256: () => "",
        randomBytes: (length) => new Uint8Array(length).fill(0xab),
        equal: () => false,
      },
    },
  });
  return { operations, app, logged, advance, timers };
}
