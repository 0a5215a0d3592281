import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { createSignals } from "../../src/runtime/signals.ts";

function listen(name: "SIGHUP" | "SIGTERM") {
  const system = new EventEmitter();
  const signals = createSignals(system);
  const heard: string[] = [];
  const on = () => signals.on(name, () => heard.push(name));
  return { heard, on, hand: () => signals.hand(name), signal: () => system.emit(name) };
}

test("signals tell an end once that comes from the system and the supervisor, and the second one of either", () => {
  const { heard, on, hand, signal } = listen("SIGTERM");
  on();
  signal();
  hand();
  expect(heard).toHaveLength(1);
  hand();
  signal();
  expect(heard).toHaveLength(2);
});

test("signals tell each SIGHUP, since none may be lost", () => {
  const { heard, on, hand, signal } = listen("SIGHUP");
  on();
  signal();
  hand();
  hand();
  expect(heard).toHaveLength(3);
});

test("signals keep what a supervisor hands on until somebody listens", () => {
  const { heard, on, hand } = listen("SIGTERM");
  hand();
  expect(heard).toHaveLength(0);
  on();
  expect(heard).toHaveLength(1);
});
