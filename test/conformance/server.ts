/**
 * The test server as a process: `server.ts http ERAS PORT` or `server.ts stdio [ERAS]`, where ERAS is
 * `both`, `legacy` or `modern`. Over HTTP it prints its URL when it listens; port 0 takes a free one.
 */
import { serve } from "@hono/node-server";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { createChanges } from "./server/changes.ts";
import { createTestServer } from "./server/create.ts";
import { type Eras, createFetch } from "./server/http.ts";

const [transport, eras = "both", port = "0"] = process.argv.slice(2);

function parseEras(text: string): Eras {
  if (text === "both" || text === "legacy" || text === "modern") return text;
  throw new Error(`Cannot serve the eras "${text}": they are "both", "legacy" or "modern"`);
}

async function speakOnStdio(chosen: Eras): Promise<void> {
  const create = () => createTestServer(createChanges(), true);
  if (chosen === "legacy") await create().connect(new StdioServerTransport());
  else serveStdio(create, { legacy: chosen === "modern" ? "reject" : "serve" });
}

if (transport === "stdio") await speakOnStdio(parseEras(eras));
else {
  // Without this, a server would outlive the process that forked it.
  process.once("disconnect", () => process.exit(0));
  const options = {
    fetch: createFetch(parseEras(eras)),
    hostname: "127.0.0.1",
    port: Number(port),
  };
  serve(options, ({ port }) => console.log(`http://127.0.0.1:${port}/mcp`));
}
