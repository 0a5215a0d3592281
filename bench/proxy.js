/** The measure: what Hono and undici cost when they hand a call on and do nothing else. */
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { Pool } from "undici";

const upstream = new Pool(process.argv[2], { connections: 64 });
const app = new Hono();
app.post("/mcp", async (context) => {
  const body = await context.req.text();
  const answer = await upstream.request({
    method: "POST",
    path: "/mcp",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
    body,
  });
  const text = await answer.body.text();
  return context.body(text, answer.statusCode, { "content-type": "application/json" });
});
serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => process.send({ port }));
