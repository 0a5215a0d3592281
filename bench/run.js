/**
 * CPU microseconds that the gateway's process spends on one `tools/call`, the whole pipeline on
 * (token, bucket, allow-list, schema check, sanitizer, audit to a file), beside a bare proxy in the
 * same run. Linux only: it reads /proc. Needs `npm run build`.
 *
 *     node bench/run.js [--calls 3000] [--rounds 5] [--max-ratio 3]
 */
import { fork, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const options = { calls: "3000", rounds: "5", "max-ratio": "Infinity" };
const { values } = parseArgs({
  options: Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, { type: "string", default: value }]),
  ),
});
const calls = Number(values.calls);
const rounds = Number(values.rounds);
const connections = 16;
const sizes = [200, 10_240];
/** The unit of /proc/<pid>/stat; 100 a second on every Linux that Node runs on. */
const tickMicroseconds = 10_000;

const folder = mkdtempSync(join(tmpdir(), "mcp-gw-bench-"));
const children = [];

function start(file, ...args) {
  const child = fork(new URL(file, import.meta.url), args, { serialization: "json" });
  children.push(child);
  return child;
}
function heard(child) {
  return new Promise((resolve, reject) => {
    const ended = (code) => reject(new Error(`A process ended with ${code}`));
    child.once("exit", ended);
    child.once("message", (message) => {
      child.off("exit", ended);
      resolve(message);
    });
  });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function startGateway(upstreamUrl, token) {
  const port = await freePort();
  const config = {
    listen: { host: "127.0.0.1", port },
    upstreams: { bench: { url: `${upstreamUrl}/mcp` } },
    clients: {
      bench: {
        auth: { tokenSha256: createHash("sha256").update(token).digest("hex") },
        allow: { tools: ["bench/*"] },
        rate: { burst: 1_000_000_000, perSecond: 1_000_000, per: "client" },
        maxConcurrent: 64,
      },
    },
    audit: { file: "./audit.jsonl", arguments: true },
  };
  const file = join(folder, "gateway.config.json");
  writeFileSync(file, JSON.stringify(config));
  const main = new URL("../dist/main.js", import.meta.url).pathname;
  const child = spawn(process.execPath, [main, "start", "--config", file], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  children.push(child);
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 100; tries += 1) {
    if (child.exitCode !== null) break;
    const ready = await fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return { child, url };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("The gateway did not start");
}

function cpuMicroseconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * tickMicroseconds;
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

async function main() {
  const token = randomBytes(32).toString("base64url");
  const upstream = start("./upstream.js");
  const upstreamUrl = `http://127.0.0.1:${(await heard(upstream)).port}`;
  const proxy = start("./proxy.js", upstreamUrl);
  const proxyUrl = `http://127.0.0.1:${(await heard(proxy)).port}`;
  const gateway = await startGateway(upstreamUrl, token);
  const load = start("./load.js");

  const bare = { name: "proxy", pid: proxy.pid, url: proxyUrl, tool: "read", era: "modern" };
  const ours = { pid: gateway.child.pid, url: gateway.url, tool: "bench__read" };
  const contenders = [
    bare,
    { ...ours, name: "gateway, modern caller", era: "modern" },
    { ...ours, name: "gateway, legacy caller", era: "legacy" },
  ];
  const measure = async ({ pid, url, tool, era }, size, count) => {
    const before = cpuMicroseconds(pid);
    load.send({ url, path: "/mcp", tool, era, token, size, calls: count, connections });
    const seen = await heard(load);
    if (seen.error !== undefined) throw new Error(seen.error);
    return { ...seen, cpu: (cpuMicroseconds(pid) - before) / count };
  };

  for (const contender of contenders) {
    for (const size of sizes) await measure(contender, size, Math.max(200, calls / 2));
  }
  const seen = new Map();
  for (let round = 0; round < rounds; round += 1) {
    for (const size of sizes) {
      for (const contender of contenders) {
        const key = `${size} ${contender.name}`;
        seen.set(key, [...(seen.get(key) ?? []), await measure(contender, size, calls)]);
      }
    }
  }
  return report(contenders, seen);
}

/** Prints the medians; gives the worst ratio. */
function report(contenders, seen) {
  let worst = 0;
  console.log(`medians of ${rounds} rounds, ${calls} calls each, ${connections} connections\n`);
  console.log("answer  process                  CPU µs/call   ratio   calls/s   p50 ms   p99 ms");
  for (const size of sizes) {
    const of = (name, what) => median(seen.get(`${size} ${name}`).map((one) => one[what]));
    for (const { name } of contenders) {
      const ratio = of(name, "cpu") / of("proxy", "cpu");
      worst = Math.max(worst, ratio);
      const cells = [
        `${size} B`.padStart(8),
        name.padEnd(23),
        of(name, "cpu").toFixed(0).padStart(11),
        ratio.toFixed(2).padStart(6),
        of(name, "perSecond").toFixed(0).padStart(8),
        of(name, "p50").toFixed(2).padStart(7),
        of(name, "p99").toFixed(2).padStart(7),
      ];
      console.log(cells.join("  "));
    }
  }
  return worst;
}

try {
  const worst = await main();
  process.exitCode = worst <= Number(values["max-ratio"]) ? 0 : 1;
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
