/** A policy on a clock that is set by hand and a log that can be read. */
import type { Config } from "../../src/config/index.ts";
import type { Log, LogFields } from "../../src/core/index.ts";
import { type Blocked, type Policy, createPolicy } from "../../src/policy/index.ts";
import { type HandClock, handClock } from "../stores/ports.ts";

export interface OpenedPolicy {
  readonly policy: Policy;
  readonly clock: HandClock;
  /** `warn: message {"field":…}` */
  readonly lines: readonly string[];
}

export function openPolicy(
  config: Config,
  clock: HandClock = handClock(),
  blocked: Blocked = () => undefined,
): OpenedPolicy {
  const lines: string[] = [];
  const line = (level: string) => (message: string, fields?: LogFields) => {
    lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  };
  const log: Log = {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
  };
  return { policy: createPolicy(config, { clock, log }, blocked), clock, lines };
}
