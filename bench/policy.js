/**
 * Microseconds that one call costs the policy (decide, shape and judge), with 100 rules, 50 allow
 * patterns and 20 upstreams: `npm run build && node bench/policy.js`.
 */
import * as v from "valibot";
import { configSchema } from "../dist/config/index.js";
import { parseJson } from "../dist/mcp/index.js";
import { createPolicy } from "../dist/policy/index.js";

const upstreams = Array.from({ length: 20 }, (_, i) => `up${i}`);
const verbs = ["get", "set", "list", "delete", "create"];

/** Every tenth rule speaks of every upstream, so that a busy tool meets a dozen of them. */
const rules = Array.from({ length: 100 }, (_, i) => {
  const upstream = i % 10 === 0 ? "*" : upstreams[i % 20];
  const on = i % 3 === 0 ? `${upstream}/${verbs[i % 5]}_*` : `${upstream}/get_item`;
  const name = `rule-${i}`;
  if (i % 5 === 0) return { name, on, unless: { args: { amount: { max: 1_000 } } }, then: "deny" };
  if (i % 5 === 1) return { name, on, set: { region: "eu-west-1" } };
  if (i % 5 === 2) return { name, on, rate: { burst: 5, perSecond: 1, per: "client" } };
  if (i % 5 === 3) return { name, on, when: { args: { path: { glob: "/etc/*" } } }, then: "deny" };
  return { name, on: `${upstream}/secret_*`, then: "deny" };
});
const patterns = Array.from({ length: 40 }, (_, i) => `${upstreams[i % 20]}/${verbs[i % 5]}_*`);
const config = v.parse(configSchema, {
  upstreams: Object.fromEntries(upstreams.map((name) => [name, { url: "http://127.0.0.1/mcp" }])),
  roles: { staff: { allow: { tools: patterns.slice(0, 10) }, until: "2099-12-31" } },
  clients: {
    web: { auth: "anonymous", allow: { tools: [...patterns, "*/get_*"] }, roles: ["staff"] },
  },
  rules,
});
const clock = { now: Date.now, elapsed: () => performance.now() };
const policy = createPolicy(config, { clock, log: console }, () => undefined);

const read = parseJson('{"amount":100,"path":"/data/a","note":"twelve"}');
if (!read.ok) throw new Error("Cannot read the sample");
const subject = { client: "web", subject: undefined, address: "127.0.0.1" };
const call = { args: read.json, annotations: undefined, method: "tools/call" };
const things = upstreams.map((upstream) => ({ kind: "tool", upstream, name: "get_item" }));

let passed = 0;
function once(thing) {
  if (!policy.decide(subject, thing).allowed) return;
  if (policy.shape(subject, thing, call).kind !== "shaped") return;
  if (policy.judge(subject, thing, call).verdict === "pass") passed++;
}

const batch = 100;
const samples = [];
for (let round = 0; round < 3_000; round++) {
  const thing = things[round % things.length];
  const start = performance.now();
  for (let i = 0; i < batch; i++) once(thing);
  samples.push(((performance.now() - start) * 1_000) / batch);
}
const warm = samples.slice(500).sort((a, b) => a - b);
const at = (part) => warm[Math.floor(warm.length * part)].toFixed(2);
console.log(`decide, shape and judge: median ${at(0.5)} µs, p90 ${at(0.9)} µs, p99 ${at(0.99)} µs`);
if (passed !== samples.length * batch) throw new Error("Some calls did not pass");
