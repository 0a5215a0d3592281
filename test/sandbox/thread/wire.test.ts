import { expect, test } from "vitest";
import type { HookEnd } from "../../../src/sandbox/face.ts";
import type { Order, Report, ThreadStep } from "../../../src/sandbox/thread/messages.ts";
import {
  packOrder,
  packReport,
  unpackOrder,
  unpackReport,
} from "../../../src/sandbox/thread/wire.ts";

const step: ThreadStep = {
  plugin: 3,
  mode: "shadow",
  onError: "allow",
  hook: "onText",
  payload: '"ä"',
  ctx: '{"method":"m"}',
  now: 1.5,
  seed: 7,
  bytes: 2,
};
const end: HookEnd = {
  outcome: { action: "allow" },
  ms: 1,
  wallMs: 2,
  fuel: 3,
  memory: 4,
  hostCalls: 0,
  logs: [],
};

test.each<Order>([
  { type: "run", id: 1, steps: [] },
  { type: "run", id: 2, steps: [step, { ...step, plugin: 4, hook: "onToolCall" }] },
  { type: "cancel", id: 3 },
])("an order comes out of the line as it went in", (order) => {
  expect(unpackOrder(structuredClone(packOrder(order)))).toEqual(order);
});

test.each<Report>([
  { type: "ended", id: 1, ends: [] },
  { type: "ended", id: 2, ends: [end, { ...end, hostCalls: 1 }, { ...end, ms: 9 }] },
  { type: "ended", id: 3, ends: [{ ...end, logs: [{ level: "info", text: "a" }] }] },
  { type: "ended", id: 4, ends: [{ ...end, outcome: { action: "allow", note: "" } }] },
  { type: "ended", id: 5, ends: [{ ...end, outcome: { action: "allow", tags: { a: "b" } } }] },
  {
    type: "ended",
    id: 6,
    ends: [end, { ...end, outcome: { action: "deny", reason: "", code: "policy" } }],
  },
  { type: "reopened", plugin: 1 },
])("a report comes out of the line as it went in", (report) => {
  expect(unpackReport(structuredClone(packReport(report)))).toEqual(report);
});
