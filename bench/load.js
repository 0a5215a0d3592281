/** The caller, in a process of its own: so many calls over so many connections, then it says how long they took. */
import { Pool } from "undici";

const revisions = { modern: "2026-07-28", legacy: "2025-11-25" };
const deadlineMs = 60_000;

process.on("message", async (job) => {
  try {
    process.send(await run(job));
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) });
  }
});

async function run({ url, path, tool, era, token, size, calls, connections }) {
  const pool = new Pool(url, { connections, pipelining: 1 });
  const call = caller(pool, { path, tool, era, token, size });
  await call.open();
  const times = new Float64Array(calls);
  const start = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < calls) {
      const mine = next++;
      if (performance.now() - start > deadlineMs) throw new Error("The load took too long");
      const began = performance.now();
      await call.send(mine);
      times[mine] = performance.now() - began;
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const ms = performance.now() - start;
  await pool.close();
  times.sort();
  return {
    perSecond: calls / (ms / 1_000),
    p50: times[calls >> 1],
    p99: times[Math.floor(calls * 0.99)],
  };
}

function caller(pool, { path, tool, era, token, size }) {
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": revisions[era],
    authorization: `Bearer ${token}`,
  };
  const meta = {
    "io.modelcontextprotocol/protocolVersion": revisions.modern,
    "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const post = async (message, extra) => {
    const answer = await pool.request({
      method: "POST",
      path,
      headers: { ...headers, ...extra },
      body: JSON.stringify({ jsonrpc: "2.0", ...message }),
    });
    return { ...answer, text: await answer.body.text() };
  };
  const callHeaders = era === "modern" ? { "mcp-method": "tools/call", "mcp-name": tool } : {};
  const open = async () => {
    if (era === "modern") return;
    const clientInfo = { name: "bench", version: "1" };
    const params = { protocolVersion: revisions.legacy, capabilities: {}, clientInfo };
    const hello = await post({ id: 0, method: "initialize", params });
    callHeaders["mcp-session-id"] = hello.headers["mcp-session-id"];
    await post({ method: "notifications/initialized" }, callHeaders);
  };
  const send = async (id) => {
    const args = { size, path: `/reports/${id % 97}.txt`, tags: ["daily", "north"] };
    const params = { name: tool, arguments: args, ...(era === "modern" ? { _meta: meta } : {}) };
    const answer = await post({ id, method: "tools/call", params }, callHeaders);
    const isGood =
      answer.statusCode === 200 && answer.text.length > size && answer.text.includes(`"id":${id}`);
    if (!isGood)
      throw new Error(`Call ${id} got ${answer.statusCode} ${answer.text.slice(0, 300)}`);
  };
  return { open, send };
}
