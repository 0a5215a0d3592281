/** Clients of both eras that send given bytes and keep the bytes of what they are answered. */
import type { Era } from "../../src/mcp/index.ts";
import { tokenA } from "./gateway.ts";

export interface Ask {
  readonly method: string;
  /** JSON text; the modern era's own `_meta` members stand in it already. */
  readonly params: string;
  /** What `Mcp-Name` says. */
  readonly name?: string;
  /** The result that answers a legacy server's question, as JSON text. */
  readonly reply?: string;
}
export interface RawClient {
  readonly era: Era;
  /** What each request says in `_meta`: JSON members, without braces. */
  readonly meta: string;
  /** The text of each message of the answer, in order. */
  readonly ask: (ask: Ask) => Promise<readonly string[]>;
  /** Sends a notification, and gives what is said to it. */
  readonly notify: (method: string) => Promise<readonly string[]>;
  /** The first message that answers a request whose stream stays open, which is then left. */
  readonly first: (method: string, members: string) => Promise<readonly string[]>;
  /** The messages of an open stream; a request where the era has no other. */
  readonly listen: (uri: string) => Promise<OpenStream>;
}
export interface OpenStream {
  readonly next: () => Promise<string>;
  readonly close: () => void;
}

const accept = "application/json, text/event-stream";
const elicits = '{"elicitation":{"form":{}}}';
const meta = "io.modelcontextprotocol";
const metaOf = (capabilities: string): string =>
  `"${meta}/protocolVersion":"2026-07-28","${meta}/clientCapabilities":${capabilities},"${meta}/clientInfo":{"name":"raw","version":"1"},"${meta}/logLevel":"debug"`;
export const modernMeta = metaOf(elicits);

/** `capabilities` is JSON text. */
export async function openRawClient(
  era: Era,
  url: string,
  token = tokenA,
  capabilities = elicits,
): Promise<RawClient> {
  const basic = { authorization: `Bearer ${token}`, "content-type": "application/json", accept };
  let session: Record<string, string> = {};
  let lastId = 0;

  function post(body: string, { method, name }: Pick<Ask, "method" | "name">): Promise<Response> {
    const modern = {
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(name === undefined ? {} : { "mcp-name": name }),
    };
    const headers = { ...basic, ...(era === "modern" ? modern : session) };
    return fetch(url, { method: "POST", headers, body });
  }

  const toBody = (method: string, params: string): string =>
    `{"jsonrpc":"2.0","id":"${++lastId}","method":"${method}","params":${params}}`;

  async function ask({ method, params, name, reply }: Ask): Promise<readonly string[]> {
    const about = { method, ...(name === undefined ? {} : { name }) };
    const response = await post(toBody(method, params), about);
    if (!isStream(response)) return [await response.text()];
    const messages: string[] = [];
    for await (const text of events(response)) {
      messages.push(text);
      const id = /^\{"jsonrpc":"2\.0","id":("mcp-gw[^"]*"),"method"/.exec(text)?.[1];
      if (id === undefined || reply === undefined) continue;
      await post(`{"jsonrpc":"2.0","id":${id},"result":${reply}}`, { method: "" });
    }
    return messages;
  }

  async function listen(uri: string): Promise<OpenStream> {
    const stop = new AbortController();
    const wish = `{"notifications":{"resourceSubscriptions":["${uri}"]},"_meta":{${modernMeta}}}`;
    const method = "subscriptions/listen";
    const opening =
      era === "legacy"
        ? fetch(url, { headers: { ...basic, ...session }, signal: stop.signal })
        : fetch(url, {
            method: "POST",
            headers: { ...basic, "mcp-protocol-version": "2026-07-28", "mcp-method": method },
            body: toBody(method, wish),
            signal: stop.signal,
          });
    if (era === "legacy") await ask({ method: "resources/subscribe", params: `{"uri":"${uri}"}` });
    const texts = events(await opening);
    if (era === "modern") await texts.next();
    return {
      next: async () => String((await texts.next()).value),
      close: () => stop.abort(),
    };
  }

  async function notify(method: string): Promise<readonly string[]> {
    const params = method.endsWith("cancelled") ? '{"requestId":"none"}' : "{}";
    const response = await post(`{"jsonrpc":"2.0","method":"${method}","params":${params}}`, {
      method,
    });
    return [await response.text()];
  }

  async function first(method: string, members: string): Promise<readonly string[]> {
    const stop = new AbortController();
    const response = await fetch(url, {
      method: "POST",
      headers: { ...basic, "mcp-protocol-version": "2026-07-28", "mcp-method": method },
      body: toBody(method, `{${members},"_meta":{${modernMeta}}}`),
      signal: stop.signal,
    });
    if (!isStream(response)) return [await response.text()];
    const { value } = await events(response).next();
    stop.abort();
    return [String(value)];
  }

  if (era === "legacy") {
    const info = '{"name":"raw","version":"1"}';
    const params = `{"protocolVersion":"2025-11-25","capabilities":${capabilities},"clientInfo":${info}}`;
    const opened = await post(toBody("initialize", params), { method: "initialize" });
    session = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
    await opened.text();
  }
  return { era, meta: era === "modern" ? metaOf(capabilities) : "", ask, notify, first, listen };
}

function isStream(response: Response): boolean {
  return response.headers.get("content-type")?.startsWith("text/event-stream") === true;
}

/** The data of each event; the gateway writes one line for each. */
async function* events(response: Response): AsyncGenerator<string> {
  let pending = "";
  const decoder = new TextDecoder();
  for await (const piece of response.body ?? []) {
    const parts = (pending + decoder.decode(piece as Uint8Array, { stream: true })).split("\n\n");
    pending = parts.pop() ?? "";
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data !== undefined && data !== "") yield data;
    }
  }
}
