import { expect, test } from "vitest";
import { createLog } from "../../src/runtime/log.ts";

function open(isTTY: boolean, env: Record<string, string> = {}) {
  const written: string[] = [];
  const stream = {
    isTTY,
    columns: 80,
    write: (text: string) => {
      written.push(text);
      return true;
    },
  };
  const log = createLog({ env, stream: stream as unknown as NodeJS.WriteStream });
  return { log, text: () => written.join("") };
}

test("log writes one JSON object per line where nobody watches", () => {
  const { log, text } = open(false);
  log.info("Listening", { port: 8080, tls: false, none: undefined });
  log.warn("b");
  const lines = text().trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
    { time: expect.any(String), level: "info", message: "Listening", port: 8080, tls: false },
    { time: expect.any(String), level: "warn", message: "b" },
  ]);
});

test("log writes a repeated line each time", () => {
  const { log, text } = open(false);
  for (let count = 0; count < 20; count += 1) log.error("a");
  expect(text().split("\n")).toHaveLength(21);
});

test("log is for people on a terminal, unless LOG_FORMAT says json", () => {
  const pretty = open(true);
  pretty.log.info("Listening", { port: 8080 });
  expect(pretty.text()).toContain("Listening port=8080");
  expect(pretty.text()).not.toContain("{");
  const json = open(true, { LOG_FORMAT: "json" });
  json.log.info("a");
  expect(JSON.parse(json.text())).toMatchObject({ message: "a" });
});

test("log says what LOG_LEVEL asks for, and info where it asks for nothing", () => {
  const say = (env: Record<string, string>) => {
    const { log, text } = open(false, env);
    log.debug("1");
    log.info("2");
    log.warn("3");
    log.error("4");
    return text()
      .match(/"message":"(\d)"/g)
      ?.join("")
      .replaceAll(/\D/g, "");
  };
  expect(say({})).toBe("234");
  expect(say({ LOG_LEVEL: "debug" })).toBe("1234");
  expect(say({ LOG_LEVEL: "error" })).toBe("4");
  expect(say({ LOG_LEVEL: "loud" })).toBe("234");
});

test.each([true, false])(
  "log lets no name move the cursor or start a line (terminal: %s)",
  (tty) => {
    const { log, text } = open(tty);
    log.info("a\u001b[2Jb", { name: 'x\r\n{"level":"error"}\u009b31m\u2028y' });
    const own = text().replace(/\n$/, "");
    expect(own).toContain(String.raw`a\u001b[2Jb`);
    expect(own).not.toContain("\u001b[2J");
    expect(own).not.toMatch(/[\r\u009b\u2028]/);
    expect(own.split("\n")).toHaveLength(1);
  },
);
