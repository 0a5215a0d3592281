/**
 * The two messages of every call, as flat lists: an object is copied between threads with the names of
 * its members, and a call of one step took 10 µs longer for it, of some 55 that the way takes in all.
 * All other messages pass as they are.
 */
import type { HookEnd } from "../face.ts";
import type { Order, Packed, PackedRest, Report, ThreadStep } from "./messages.ts";

type Run = Extract<Order, { readonly type: "run" }>;
type Ended = Extract<Report, { readonly type: "ended" }>;

export function packOrder(order: Order): Order | Packed {
  if (order.type !== "run") return order;
  const packed: Packed[number][] = [order.id];
  for (const [index, step] of order.steps.entries()) {
    const { plugin, mode, onError, hook, now, seed, bytes } = step;
    const [payload, ctx] = [pick(order.steps, index, "payload"), pick(order.steps, index, "ctx")];
    packed.push(plugin, mode, onError, hook, payload, ctx, now, seed, bytes);
  }
  return packed;
}

/** Below it a text is copied in less time than it is compared with others. */
const sharedLength = 1_024;

/**
 * The text, or the number of the step before that has the same. Attack: a call of some megabytes, which
 * is copied for each plugin in the config while all other clients wait.
 */
function pick(steps: readonly ThreadStep[], index: number, key: "ctx" | "payload") {
  const text = steps[index]![key];
  if (index === 0 || text.length < sharedLength) return text;
  const first = steps.findIndex((step) => step[key] === text);
  return first < index ? first : text;
}

export function unpackOrder(order: Order | Packed): Order {
  if (!isPacked(order)) return order;
  const steps: ThreadStep[] = [];
  for (let at = 1; at < order.length; at += 9) {
    const [plugin, mode, onError, hook, payload, ctx, now, seed, bytes] = order.slice(at, at + 9);
    const texts = {
      payload: typeof payload === "number" ? steps[payload]!.payload : payload,
      ctx: typeof ctx === "number" ? steps[ctx]!.ctx : ctx,
    };
    steps.push({ plugin, mode, onError, hook, now, seed, bytes, ...texts } as ThreadStep);
  }
  return { type: "run", id: order[0] as Run["id"], steps };
}

export function packReport(report: Report): Report | Packed {
  if (report.type !== "ended") return report;
  const packed: Packed[number][] = [report.id];
  for (const { ms, wallMs, fuel, memory, ...rest } of report.ends)
    packed.push(ms, wallMs, fuel, memory, isPlain(rest) ? undefined : rest);
  return packed;
}

export function unpackReport(report: Report | Packed): Report {
  if (!isPacked(report)) return report;
  const ends: HookEnd[] = [];
  for (let at = 1; at < report.length; at += 5) {
    const [ms, wallMs, fuel, memory, rest = plain] = report.slice(at, at + 5);
    const { outcome, hostCalls, logs } = rest as PackedRest;
    ends.push({ outcome, ms, wallMs, fuel, memory, hostCalls, logs } as HookEnd);
  }
  return { type: "ended", id: report[0] as Ended["id"], ends };
}

/** What most steps come to. */
const plain: PackedRest = { outcome: { action: "allow" }, hostCalls: 0, logs: [] };

function isPlain({ outcome, hostCalls, logs }: PackedRest): boolean {
  if (outcome.action !== "allow" || hostCalls > 0 || logs.length > 0) return false;
  return outcome.note === undefined && outcome.tags === undefined;
}

/** No other message is a list. */
function isPacked(message: Order | Report | Packed): message is Packed {
  return Array.isArray(message);
}
