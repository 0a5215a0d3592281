/** A modern server by hand that acknowledges its subscriptions when it is told to. */
import { startPlainServer } from "./plain-server.ts";

export async function startSlowServer() {
  const encoder = new TextEncoder();
  const tools: string[] = [];
  let followed: unknown;
  let listens = 0;
  let open = 0;
  let acknowledge: () => void = () => undefined;
  const told = new Set<(uri: string) => void>();
  const server = await startPlainServer(
    { tools: { listChanged: true }, resources: { subscribe: true } },
    ({ id, method, params }) => {
      if (method === "tools/list") {
        const inputSchema = { type: "object" };
        return { tools: tools.map((name) => ({ name, inputSchema })), ttlMs: 60_000 };
      }
      if (method !== "subscriptions/listen") return undefined;
      const notifications = params["notifications"] as Record<string, unknown>;
      followed = notifications["resourceSubscriptions"];
      listens++;
      const _meta = { "io.modelcontextprotocol/subscriptionId": id };
      const body = new ReadableStream<Uint8Array>({
        cancel: () => void open--,
        start: (controller) => {
          open++;
          const say = (name: string, more: object): void => {
            const message = {
              jsonrpc: "2.0",
              method: `notifications/${name}`,
              params: { ...more, _meta },
            };
            controller.enqueue(encoder.encode(`data: ${JSON.stringify(message)}\n\n`));
          };
          const tell = (uri: string): void => {
            try {
              say("resources/updated", { uri });
            } catch {
              told.delete(tell);
            }
          };
          acknowledge = () => {
            say("subscriptions/acknowledged", { notifications });
            told.add(tell);
          };
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  );
  return {
    server,
    /** What it lists; clients may keep that for a minute. */
    tools,
    listens: () => listens,
    /** Subscriptions that nobody has left. */
    open: () => open,
    /** The resources of the last subscription. */
    followed: () => followed,
    /** On each subscription that is acknowledged. */
    tell: (uri: string) => told.forEach((tell) => tell(uri)),
    /** Acknowledges the last subscription. */
    acknowledge: () => acknowledge(),
  };
}
