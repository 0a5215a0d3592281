/** A real `redis-server` of the test's own, in a temporary folder, on a free port. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { eventually } from "./eventually.ts";

export interface RedisServer {
  readonly port: number;
  readonly folder: string;
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  readonly signal: (name: "SIGSTOP" | "SIGCONT") => void;
  /** As `kill -9`: what was not saved is gone. */
  readonly kill: () => Promise<void>;
  /** On the same port, with these settings as well. */
  readonly start: (settings?: readonly string[]) => Promise<void>;
  /** Ends it, with its folder. */
  readonly close: () => Promise<void>;
}

const isThere = spawnSync("redis-server", ["-v"]).status === 0;

/** Skips, and says so, where there is no `redis-server`; in CI that is a failure. */
export function describeRedis(name: string, act: () => void): void {
  if (isThere) {
    describe(name, act);
  } else if (process.env["CI"] === "true") {
    test(`${name}: redis-server is installed`, () => {
      throw new Error("Cannot test the Redis store: install redis-server");
    });
  } else {
    console.warn(`SKIPPED: "${name}" needs redis-server, which is not installed`);
    describe.skip(name, act);
  }
}

/**
 * As `describeRedis`, on Node alone: what these need several processes and their exact times for is the
 * same program on Deno, and what differs there (signals, listeners, Redis) has tests of its own.
 */
export function describeRedisOnNode(name: string, act: () => void): void {
  if ("Deno" in globalThis) describe.skip(name, act);
  else describeRedis(name, act);
}

export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "mcp-gw-redis-"));
  const port = await freePort();
  let child: ChildProcess | undefined;
  // A run that is broken off closes nothing.
  const abandon = (): void => void (child && signal(child, "SIGKILL"));
  process.once("exit", abandon);
  const start = async (more: readonly string[] = []): Promise<void> => {
    const fixed = `--port ${port} --bind 127.0.0.1 --dir ${folder} --save --appendonly no`;
    const all = [...fixed.split(" "), ...settings, ...more];
    // `--save` without a value would take the next option for one.
    all.splice(all.indexOf("--save") + 1, 0, "");
    child = spawn("redis-server", all, { stdio: "ignore" });
    await eventually(() => isListening(port));
  };
  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exited = new Promise((resolve) => running.once("exit", resolve));
    signal(running, "SIGKILL");
    await exited;
  };
  await start();
  return {
    port,
    folder,
    url: `redis://127.0.0.1:${port}`,
    signal: (name) => child && signal(child, name),
    kill,
    start,
    close: async () => {
      await kill();
      process.off("exit", abandon);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** By its number: on Deno a child takes but one signal through its own `kill`. */
function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(pid, name);
}

/** A key and a certificate for 127.0.0.1 that signs itself; returns the paths. */
export function makeCertificate(folder: string): { readonly cert: string; readonly key: string } {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1";
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", [...options.split(" "), ...subject, "-keyout", key, "-out", cert], {
    stdio: "ignore",
  });
  return { cert, key };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
