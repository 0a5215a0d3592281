/**
 * CPU microseconds per message of the sanitizer, and milliseconds per megabyte of hostile shapes:
 * `node --import jiti/register bench/sanitize.ts`.
 */
import { parseJson, isObject } from "../src/mcp/index.ts";
import { cleanMessage, resolveSettings } from "../src/sanitize/index.ts";
import { hostile } from "./hostile.ts";

const settings = resolveSettings();
const prose =
  "The forecast for Bergen says rain in the morning, 12 degrees, wind from the west; take a coat. ";
const records = JSON.stringify(
  Array.from({ length: 80 }, (_, id) => ({
    id,
    city: "Bergen",
    temperature: 12.5,
    rain: true,
    wind: "west",
    at: "2026-07-28T10:00:00Z",
  })),
);
const identifiers = Array.from(
  { length: 120 },
  (_, id) =>
    `https://example.com/reports/2026/${id} 8d3c4f9e-11aa-4b6e-9a2f-0c9d8e7f6a5b "done" 100%\n`,
).join("");
const texts: readonly (readonly [string, string])[] = [
  ["200 bytes of prose", prose.repeat(3).slice(0, 200)],
  ["10 KB of prose", prose.repeat(120).slice(0, 10_240)],
  ["10 KB of JSON in text", records.slice(0, 10_240)],
  ["10 KB of links and UUIDs", identifiers.slice(0, 10_240)],
  [
    "10 KB of Chinese",
    "卑尔根的天气预报说，早上有雨，气温十二度，西风。".repeat(500).slice(0, 10_240),
  ],
  [
    "10 KB of base64",
    "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4".repeat(200).slice(0, 10_240),
  ],
];

for (const [name, text] of texts) {
  const read = parseJson(JSON.stringify({ content: [{ type: "text", text }], isError: false }));
  if (!read.ok || !isObject(read.json)) throw new Error("Cannot read the sample");
  const message = { kind: "result", result: read.json } as const;
  const rounds = Math.ceil(40_000_000 / (text.length + 2_000));
  let found = 0;
  for (let i = 0; i < rounds / 4; i++)
    found += cleanMessage(message, settings, { method: "tools/call" }).redactions.length;
  const start = process.cpuUsage().user;
  for (let i = 0; i < rounds; i++)
    found += cleanMessage(message, settings, { method: "tools/call" }).redactions.length;
  const micros = (process.cpuUsage().user - start) / rounds;
  console.log(`${name}: ${micros.toFixed(2)} µs${found > 0 ? " (found something)" : ""}`);
}

const rows = hostile.map(([name, make]) => {
  const source = JSON.stringify({ content: [], structuredContent: { x: make(1_000_000) } });
  const read = parseJson(source);
  if (!read.ok || !isObject(read.json)) throw new Error("Cannot read the sample");
  const message = { kind: "result", result: read.json } as const;
  let least = Infinity;
  for (let i = 0; i < 3; i++) {
    const start = process.cpuUsage().user;
    cleanMessage(message, settings, { method: "tools/call" });
    least = Math.min(least, process.cpuUsage().user - start);
  }
  return { name, perMegabyte: least / 1_000 / (Buffer.byteLength(source) / 1_000_000) };
});
rows.sort((a, b) => b.perMegabyte - a.perMegabyte);
for (const { name, perMegabyte } of rows) console.log(`${name}: ${perMegabyte.toFixed(1)} ms/MB`);
