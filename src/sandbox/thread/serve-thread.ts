/** A plugins' thread: does what the pool orders, and knows nothing of MCP. */
import { patience } from "../engine/limits.ts";
import type { Engine, HostAnswer, Instance } from "../face.ts";
import { stripTypes } from "../load/strip.ts";
import { type ChainContext, type Found, type OpenPlugin, runChain } from "./chain.ts";
import type { Order, Packed, Report, ThreadPorts } from "./messages.ts";
import { type PulseWriter, createPulseMemory, createPulseWriter } from "./pulse.ts";
import { createStock } from "./stock.ts";
import { createVigil } from "./vigil.ts";
import { packReport, unpackOrder } from "./wire.ts";

interface Asked {
  readonly chain: number;
  readonly settle: (answer: HostAnswer) => void;
}
type OrderOf<Type> = Extract<Order, { readonly type: Type }>;

/** The largest file that is read takes half a second, and a machine that has much to do more. */
const stripMs = 5_000;
const engineMs = 10_000;
const cancelled: HostAnswer = { fault: "The call was cancelled" };

/**
 * Gives what takes each order; it is told once that the thread is ready. The engine takes a tenth of a
 * second to open, so that a thread that has none to ask opens none.
 */
export function serveThread(
  openEngine: () => Promise<Engine>,
  ports: ThreadPorts,
): (message: Order | Packed) => void {
  let vigil = createVigil(ports, 0);
  const post = (report: Report): void => {
    ports.post(packReport(report));
    vigil.begin();
  };
  const plugins = new Map<number, Found>();
  let lastOpened: Promise<unknown> = Promise.resolve();
  const chains = new Set<number>();
  const asked = new Map<number, Asked>();
  let pulse: PulseWriter = createPulseWriter(createPulseMemory());
  let asks = 0;

  let engine: Promise<Engine> | undefined;
  const needEngine = async (): Promise<Engine> => {
    if (engine === undefined) {
      pulse.enter(0, engineMs);
      engine = openEngine();
    }
    return await engine;
  };

  const inspect = async ({ id, code, limits }: OrderOf<"inspect">): Promise<void> => {
    const { inspect: look } = await needEngine();
    pulse.enter(0, limits.loadMs * patience);
    post({ type: "inspected", id, said: await look(code, limits) });
    pulse.leave();
  };

  const strip = async ({ id, source }: OrderOf<"strip">): Promise<void> => {
    pulse.enter(0, stripMs);
    post({ type: "stripped", id, said: await stripTypes(source) });
    pulse.leave();
  };

  const open = async (order: OrderOf<"open">): Promise<OpenPlugin | undefined> => {
    const { id, plugin, code, config, limits } = order;
    const { open: make } = await needEngine();
    pulse.enter(plugin, limits.loadMs * patience);
    const first = await make(code, config, limits);
    pulse.leave();
    post("fault" in first ? { type: "opened", id, fault: first } : { type: "opened", id });
    if ("fault" in first) return undefined;
    const reopened = (): void => post({ type: "reopened", plugin });
    const { maxInstances } = limits;
    const stock = createStock({ first, maxInstances, reopened, after: ports.after });
    return { limits, stock };
  };
  /** One after the other, so that it can be seen which one hangs; calls wait for theirs. */
  const queueOpen = async (order: OrderOf<"open">): Promise<void> => {
    const { plugin } = order;
    const opened = lastOpened.then(() => open(order));
    lastOpened = opened;
    plugins.set(plugin, opened);
    const made = await opened;
    if (plugins.get(plugin) !== opened) made?.stock.drop();
    else if (made === undefined) plugins.delete(plugin);
    else plugins.set(plugin, made);
  };

  const ask = (chain: number): ChainContext["ask"] => {
    return (step, name, args) => {
      if (!chains.has(chain)) return Promise.resolve(cancelled);
      const number = ++asks;
      post({ type: "ask", ask: number, id: chain, step, name, args });
      return new Promise((settle) => {
        asked.set(number, { chain, settle });
      });
    };
  };

  const answer = ({ ask: number, answer: said }: OrderOf<"answer">): void => {
    const one = asked.get(number);
    asked.delete(number);
    one?.settle(said);
  };

  const run = async ({ id, steps }: OrderOf<"run">): Promise<void> => {
    chains.add(id);
    const isCancelled = (): boolean => !chains.has(id);
    const find = (plugin: number): Found | undefined => plugins.get(plugin);
    const entered: Instance[] = [];
    const used = (instance: Instance): void => void entered.push(instance);
    const ends = await runChain(steps, { ports, pulse, find, ask: ask(id), isCancelled, used });
    post({ type: "ended", id, ends });
    for (const instance of entered) instance.reset();
    forget(id);
  };

  /** Nothing is asked for it any more. */
  const forget = (id: number): void => {
    chains.delete(id);
    for (const [number, one] of asked) {
      if (one.chain === id) answer({ type: "answer", ask: number, answer: cancelled });
    }
  };

  const drop = ({ plugin }: OrderOf<"drop">): void => {
    const found = plugins.get(plugin);
    plugins.delete(plugin);
    if (found !== undefined && "stock" in found) found.stock.drop();
  };

  const ready: Report = { type: "ready" };
  post(ready);
  const begin = (order: OrderOf<"begin">): void => {
    pulse = createPulseWriter(order.pulse);
    vigil = createVigil(ports, order.momentMs);
  };

  return (message) => {
    vigil.end();
    const order = unpackOrder(message);
    // Whoever takes an order is in no guest.
    pulse.leave();
    pulse.taken();
    if (order.type === "run") void run(order);
    else if (order.type === "answer") answer(order);
    else if (order.type === "cancel") forget(order.id);
    else if (order.type === "open") void queueOpen(order);
    else if (order.type === "inspect") void inspect(order);
    else if (order.type === "strip") void strip(order);
    else if (order.type === "drop") drop(order);
    else begin(order);
  };
}
