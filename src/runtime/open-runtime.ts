/** Finds out where it runs and opens everything outside the process. */
import process from "node:process";
import { createClock } from "./clock.ts";
import { createConfigFiles } from "./config-files.ts";
import { createCrypto } from "./crypto.ts";
import { denoGlobal } from "./deno-global.ts";
import { createFiles } from "./files.ts";
import { fingerprint } from "./fingerprint.ts";
import { createLog } from "./log.ts";
import { lockFile, lockHolder } from "./lock.ts";
import { type Guard, createGuard } from "./spawn-guard.ts";
import { createPackages } from "./packages.ts";
import { progress } from "./progress.ts";
import { type Signals, createSignals } from "./signals.ts";
import { createSpawn } from "./spawn.ts";
import { createThreads } from "./threads.ts";
import { readStdin, terminal, writeStdout } from "./standard-streams.ts";
import type { Runtime, Workers } from "./runtime.ts";

export async function openRuntime(): Promise<Runtime> {
  const clock = createClock();
  const crypto = createCrypto();
  const signals = createSignals();
  const log = createLog({ env: process.env, stream: process.stderr });
  const spawn = createSpawn(clock, openGuard());
  return {
    ...(await openNetwork({ clock, crypto, log })),
    clock,
    log,
    crypto,
    spawn,
    packages: createPackages({ spawn, env: process.env }),
    files: createFiles(),
    threads: createThreads(),
    config: createConfigFiles(crypto),
    fingerprint,
    env: process.env,
    cwd: () => process.cwd(),
    readInput,
    stdin: readStdin,
    stdout: writeStdout,
    terminal,
    progress,
    lock: lockFile,
    lockHolder,
    pid: process.pid,
    onSignal: signals.on,
    openWorkers: () => openWorkers(signals),
    exit: (code) => process.exit(code),
  };
}

/** Deno would have to be granted the shell, and Windows has none. */
function openGuard(): Guard | undefined {
  return denoGlobal() === undefined && process.platform !== "win32" ? createGuard() : undefined;
}

const maxInputLength = 65_536;

async function readInput(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) {
    text += String(chunk);
    if (text.length > maxInputLength) throw new RangeError("Standard input is too long");
  }
  return text;
}

type Network = Pick<Runtime, "name" | "egress" | "serve">;

/** Each side is loaded alone: neither runtime pays for the other's HTTP. */
async function openNetwork(ports: Pick<Runtime, "clock" | "crypto" | "log">): Promise<Network> {
  const deno = denoGlobal();
  if (deno === undefined) {
    const { createNodeEgress } = await import("./egress-node.ts");
    const { createNodeServe } = await import("./serve-node.ts");
    return { name: "node", egress: createNodeEgress(), serve: createNodeServe(ports) };
  }
  const { createDenoEgress } = await import("./egress-deno.ts");
  const { createDenoServe } = await import("./serve-deno.ts");
  return {
    name: "deno",
    egress: createDenoEgress(ports.clock),
    serve: createDenoServe(deno, ports),
  };
}

async function openWorkers(signals: Signals): Promise<Workers> {
  const deno = denoGlobal();
  if (deno === undefined) return (await import("./workers-node.ts")).openNodeWorkers(signals);
  return (await import("./workers-deno.ts")).openDenoWorkers(signals, deno);
}
