/** The operator's log: always on standard error, which leaves standard output to the protocol. */
import { createConsola } from "consola";
import type { ConsolaReporter } from "consola";
import { type Log, type LogFields, escapeControls } from "../core/index.ts";

export interface LogSettings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stream: NodeJS.WriteStream;
}

const levels = new Map([
  ["error", 0],
  ["warn", 1],
  ["info", 3],
  ["debug", 4],
]);

/** Pretty on a terminal; JSON lines elsewhere and with `LOG_FORMAT=json`. `LOG_LEVEL`: info. */
export function createLog({ env, stream }: LogSettings): Log {
  const json = env["LOG_FORMAT"] === "json" || !stream.isTTY;
  const consola = createConsola({
    level: levels.get(env["LOG_LEVEL"] ?? "info") ?? 3,
    stdout: stream,
    stderr: stream,
    fancy: !json,
    // A repeated line is a fact of its own for whoever counts lines.
    ...(json ? { reporters: [toJsonReporter(stream)], throttle: 0 } : {}),
  });
  const say =
    (level: "debug" | "info" | "warn" | "error") => (message: string, fields?: LogFields) => {
      if (json) consola[level](message, fields ?? {});
      else consola[level](toPlain(message, fields));
    };
  return { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
}

function toJsonReporter(stream: NodeJS.WriteStream): ConsolaReporter {
  return {
    log: ({ args, date, type }) => {
      const [message, fields] = args as [string, LogFields];
      const line = JSON.stringify({ time: date.toISOString(), level: type, message, ...fields });
      stream.write(`${escapeControls(line)}\n`);
    },
  };
}

function toPlain(message: string, fields: LogFields = {}): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${String(value)}`);
  return escapeControls([message, ...pairs].join(" "));
}
