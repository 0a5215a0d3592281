/** The gateway in front of the test server, started for one run of the suite. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { allowAll, runGateway } from "../e2e/gateway.ts";
import type { Setting } from "./exempt.ts";
import { type Running, startServer, stdioCommand } from "./processes.ts";

/** What a run in this setting is judged at: the gateway, or the test server itself. */
export async function startSetting(setting: Setting, isDirect: boolean): Promise<Running> {
  if (setting === "stdio") return startGatewayBefore(stdioCommand("both"));
  const server = await startServer(setting);
  if (isDirect) return server;
  const gateway = await startGatewayBefore({ url: server.url }).catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  return {
    url: gateway.url,
    close: async () => {
      await gateway.close();
      await server.close();
    },
  };
}

/** The endpoint of a gateway whose one upstream is given, for anyone on loopback. */
export async function startGatewayBefore(upstream: object): Promise<Running> {
  const port = await freePort();
  const gateway = await runGateway(
    {
      upstreams: { suite: upstream as { url: string } },
      clients: {
        suite: {
          auth: "anonymous",
          allow: { ...allowAll, input: ["elicitation", "sampling", "roots"] },
          // The suite sends hundreds of requests in a few seconds.
          rate: { burst: 10_000, perSecond: 1_000 },
          origins: [`http://127.0.0.1:${port}`],
        },
      },
    },
    port,
  );
  return { url: `${gateway.url}/mcp/suite`, close: gateway.close };
}

/** The allowed origin has to be known before the gateway listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
