/** A legacy client whose person answers what is asked on the stream of a call. */
import { tokenA } from "./gateway.ts";

export interface Message {
  readonly id?: string;
  readonly method?: string;
  readonly params?: { readonly message?: string; readonly mode?: string };
  readonly result?: { readonly content?: readonly { readonly text?: string }[] };
  readonly error?: { readonly code: number; readonly data?: Record<string, unknown> };
}
export interface LegacyClient {
  readonly send: (body: object, accept?: string, url?: string) => Promise<Response>;
  /** Answers each question by `reply`; undefined says nothing. */
  readonly call: (
    name: string,
    reply: (message: Message) => object | undefined,
    how?: { readonly accept?: string; readonly args?: object },
  ) => Promise<readonly Message[]>;
}
export interface LegacySettings {
  readonly capabilities?: object;
  readonly revision?: string;
  readonly token?: string;
  /** Where its answers are posted. */
  readonly answersTo?: string;
}

const both = "application/json, text/event-stream";

export const elicitsLegacy = { elicitation: {} };
export const accepts = (): object => ({ result: { action: "accept", content: {} } });

/** Opens a session. */
export async function openLegacy(
  url: string,
  settings: LegacySettings = {},
): Promise<LegacyClient> {
  const { capabilities = elicitsLegacy, revision = "2025-11-25", token = tokenA } = settings;
  const basic = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const clientInfo = { name: "t", version: "1" };
  const params = { protocolVersion: revision, capabilities, clientInfo };
  const opened = await fetch(url, {
    method: "POST",
    headers: { ...basic, accept: both },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params }),
  });
  await opened.text();
  const session = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
  const send: LegacyClient["send"] = (body, accept = both, to = url) =>
    fetch(to, {
      method: "POST",
      headers: { ...basic, ...session, accept },
      body: JSON.stringify({ jsonrpc: "2.0", ...body }),
    });
  return {
    send,
    call: async (name, reply, { accept = both, args = { amount: 500 } } = {}) => {
      const request = { id: 2, method: "tools/call", params: { name, arguments: args } };
      const response = await send(request, accept);
      return collect(response, async (message) => {
        const answer = message.method === undefined ? undefined : reply(message);
        if (answer === undefined) return;
        await (await send({ id: message.id, ...answer }, both, settings.answersTo ?? url)).text();
      });
    },
  };
}

async function collect(
  response: Response,
  act: (message: Message) => Promise<void>,
): Promise<readonly Message[]> {
  if (response.headers.get("content-type")?.startsWith("text/event-stream") !== true) {
    return [(await response.json()) as Message];
  }
  const messages: Message[] = [];
  const decoder = new TextDecoder();
  let pending = "";
  for await (const piece of response.body ?? []) {
    const parts = (pending + decoder.decode(piece as Uint8Array, { stream: true })).split("\n\n");
    pending = parts.pop() ?? "";
    for (const part of parts) {
      const data = /^data: (.+)$/m.exec(part)?.[1];
      if (data === undefined) continue;
      const message = JSON.parse(data) as Message;
      messages.push(message);
      await act(message);
    }
  }
  return messages;
}
