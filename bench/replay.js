/**
 * Seconds and memory that `mcp-gw replay` takes for a recording, by default of 1,000,000 calls:
 * one under a config whose rules look at who calls what, one under a config with rules that look at
 * arguments. Linux only: it reads /proc. Needs `npm run build`.
 *
 *     node bench/replay.js [--records 1000000] [--dist ../dist] [--max-seconds 60] [--max-mib 300]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  createWriteStream,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const options = { records: "1000000", dist: "../dist", "max-seconds": "60", "max-mib": "300" };
const { values } = parseArgs({
  options: Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, { type: "string", default: value }]),
  ),
});
const records = Number(values.records);
const clients = Array.from({ length: 20 }, (_, i) => `client-${i}`);
const upstreams = Array.from({ length: 10 }, (_, i) => `up${i}`);
const verbs = ["get", "list", "create", "delete", "search"];
const hex = "0123456789abcdef".repeat(4);

const folder = mkdtempSync(join(tmpdir(), "mcp-gw-replay-"));
const file = join(folder, "audit.jsonl");

/** Two in a hundred name something that no other record names. */
function toLine(seq) {
  const odd = seq % 50 === 0;
  const upstream = upstreams[seq % upstreams.length];
  const target = odd ? `file:///data/${seq}.txt` : `${verbs[seq % 5]}_item_${seq % 40}`;
  const value = { path: `/data/${seq}`, amount: seq % 2_000, note: "some words of a usual length" };
  const record = {
    v: 1,
    seq,
    kind: "exchange",
    time: new Date(1_772_000_000_000 + seq * 10).toISOString(),
    id: `01JQ${String(seq).padStart(22, "0")}`,
    instance: "one",
    config: hex,
    client: clients[seq % clients.length],
    subject: "somebody@example.com",
    address: "192.0.2.7",
    transport: "http",
    eras: { client: "modern", upstream: "modern" },
    method: odd ? "resources/read" : "tools/call",
    upstream,
    target,
    ...(!odd && { args: { digest: hex, bytes: JSON.stringify(value).length, value } }),
    decision: "allowed",
    stage: "respond",
    rules: [],
    status: 200,
    ms: 12.345,
    upstreamMs: 11.234,
    bytesIn: 421,
    bytesOut: 1_234,
    salt: hex.slice(0, 32),
    personal: hex,
    prev: hex,
    hash: hex,
  };
  return `${JSON.stringify(record)}\n`;
}

async function writeRecording() {
  const out = createWriteStream(file);
  for (let seq = 1; seq <= records;) {
    let text = "";
    for (; seq <= records && text.length < 1_000_000; seq++) text += toLine(seq);
    if (!out.write(text)) await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
}

function toConfig(rules) {
  const allow = { tools: ["*/get_*", "*/list_*", "*/search_*", "*/create_*"], resources: ["*"] };
  return {
    upstreams: Object.fromEntries(upstreams.map((name) => [name, { url: "http://127.0.0.1/mcp" }])),
    clients: Object.fromEntries(
      clients.map((name, i) => [name, { auth: { tokenSha256: `${i}`.padStart(64, "0") }, allow }]),
    ),
    rules,
  };
}
const plain = Array.from({ length: 50 }, (_, i) => ({
  name: `rule-${i}`,
  on: `${upstreams[i % 10]}/${verbs[i % 5]}_${i < 2 ? "item" : "thing"}_${i}`,
  then: "deny",
}));
const looking = [
  ...plain,
  { name: "small", on: "*", when: { args: { amount: { min: 1_990 } } }, then: "deny" },
  { name: "inside", on: "*/get_*", unless: { args: { path: { glob: "/data/*" } } }, then: "deny" },
];

async function measure(name, rules) {
  const config = join(folder, "gateway.config.json");
  writeFileSync(config, JSON.stringify(toConfig(rules)));
  const main = new URL(`${values.dist}/main.js`, import.meta.url).pathname;
  const start = performance.now();
  const child = spawn(process.execPath, [main, "replay", file, "--config", config, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  let peak = 0;
  child.stdout.on("data", (data) => (text += data));
  const look = () => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024);
    } catch {
      // It has ended.
    }
  };
  const timer = setInterval(look, 50);
  await once(child, "close");
  clearInterval(timer);
  const seconds = (performance.now() - start) / 1_000;
  const { decided, same, changed, undecidable } = JSON.parse(text);
  if (decided !== records) throw new Error(`Only ${decided} of ${records} were decided`);
  const counts = `${same} the same, ${changed} would change, ${undecidable} cannot be told`;
  console.log(`${name}: ${seconds.toFixed(1)} s, at most ${peak.toFixed(0)} MiB; ${counts}`);
  return seconds <= Number(values["max-seconds"]) && peak <= Number(values["max-mib"]);
}

try {
  await writeRecording();
  console.log(`${records} records, ${(statSync(file).size / 1_048_576).toFixed(0)} MiB`);
  const isFast = [
    await measure("rules on who calls what", plain),
    await measure("rules on arguments too", looking),
  ];
  process.exitCode = isFast.every(Boolean) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
