/** A gateway that is killed under load: what was answered is in the record. */
import { EventEmitter, once } from "node:events";
import { appendFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Program, folderWith, start } from "../cli/processes.ts";
import { type EchoServer, startEchoServer } from "./echo-server.ts";
import { allowAll, modernRequest, post } from "./gateway.ts";

const perSecond = 200;
const killAfter = 500;

let server: EchoServer;
let folder: string;
let file: string;
const programs: Program[] = [];

beforeEach(async () => {
  server = await startEchoServer();
  const plenty = { burst: 1_000_000, perSecond: 1_000_000 };
  ({ folder, file } = await folderWith({
    listen: { port: 0 },
    upstreams: { x: { url: server.url } },
    clients: { local: { auth: "anonymous", allow: allowAll, rate: plenty } },
  }));
});
afterEach(async () => {
  for (const { child, exited } of programs.splice(0)) {
    child.kill("SIGKILL");
    await exited;
  }
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function run(...words: readonly string[]): Program {
  const program = start(...words, "--config", file);
  programs.push(program);
  return program;
}

async function startGateway(): Promise<{ readonly program: Program; readonly url: string }> {
  const program = run("start");
  await program.says("Listening on ");
  const url = `${/Listening on (\S+)/.exec(program.output())?.[1]}/x`;
  return { program, url };
}

/** One call; the id that its answer bore once that was there to its end. */
async function call(url: string): Promise<string> {
  const { status, headers, json } = await post(
    url,
    modernRequest("tools/call", { name: "echo", arguments: { text: "é".repeat(200) } }),
    null,
  );
  expect(status).toBe(200);
  expect(json().result?.content).toEqual([{ type: "text", text: "ok" }]);
  return headers.get("x-request-id") ?? "";
}

interface Load {
  /** The ids of the calls that were answered. */
  readonly ids: readonly string[];
  readonly answered: (count: number) => Promise<void>;
  /** Waits for the calls that are under way. */
  readonly stop: () => Promise<void>;
}

/** Calls at a steady rate until `stop`. */
function load(url: string): Load {
  const ids: string[] = [];
  const calls: Promise<void>[] = [];
  const answers = new EventEmitter();
  const note = (id: string): void => {
    ids.push(id);
    answers.emit(String(ids.length));
  };
  const from = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - from) / 1_000) * perSecond;
    // A call that the kill broke off has no answer, and may have a record or none.
    while (calls.length < due) calls.push(call(url).then(note, () => undefined));
  }, 2);
  return {
    ids,
    answered: async (count) => void (await once(answers, String(count))),
    stop: async () => {
      clearInterval(timer);
      await Promise.all(calls);
    },
  };
}

async function verify(): Promise<{ readonly code: number | null; readonly output: string }> {
  const program = run("audit", "verify");
  const code = await program.exited;
  return { code, output: program.output() };
}

/** The ids of the records; those of a start and the like have none. */
async function recordedIds(): Promise<readonly (string | undefined)[]> {
  const text = await readFile(join(folder, "audit.jsonl"), "utf8");
  const whole = text.split("\n").filter((line) => line.endsWith("}"));
  return whole.map((line) => (JSON.parse(line) as { id?: string }).id);
}

test("a gateway that is killed under load leaves a record of each call that was answered", async () => {
  const { program, url } = await startGateway();
  const calls = load(url);
  await calls.answered(50);
  const enough = calls.answered(killAfter);
  // Reading the file of a gateway that writes it takes no lock and finds nothing wrong.
  const during = await verify();
  expect(during).toMatchObject({
    code: 0,
    output: expect.stringContaining("none changed") as string,
  });
  await enough;
  program.child.kill("SIGKILL");
  await program.exited;
  await calls.stop();

  const recorded = new Set(await recordedIds());
  expect(calls.ids.length).toBeGreaterThanOrEqual(killAfter);
  expect(calls.ids.filter((id) => !recorded.has(id))).toEqual([]);
  const after = await verify();
  expect(after.code).toBe(0);
  expect(after.output).toContain("none changed, none missing");
  expect(after.output).toContain('The last record is no "stop"');
}, 60_000);

test("a gateway that was killed in the middle of a record starts again, and the chain goes on", async () => {
  const first = await startGateway();
  const before = await call(first.url);
  first.program.child.kill("SIGKILL");
  await first.program.exited;
  const seq = (await recordedIds()).length + 1;
  await appendFile(
    join(folder, "audit.jsonl"),
    `{"v":1,"seq":${seq},"kind":"exchange","why":"\u00e9`,
  );
  expect((await verify()).output).toContain("The last line is cut short");

  const second = await startGateway();
  const after = await call(second.url);
  second.program.signal("SIGTERM");
  expect(await second.program.exited).toBe(0);
  const ids = await recordedIds();
  expect(ids).toEqual(expect.arrayContaining([before, after]));
  const { code, output } = await verify();
  expect(code).toBe(0);
  expect(output).toContain(`${ids.length} records`);
  expect(output).toContain("1 line cut short by a crash");
  expect(output).toContain('1 run ended without its "stop" record');
}, 60_000);
