/** A refusal that the listener gives itself, before the gateway sees anything. */
import { problemReply } from "../core/index.ts";
import type { Crypto, Log, Reply } from "../core/index.ts";
import type { Finding } from "./screen.ts";

export interface ServePorts {
  readonly crypto: Crypto;
  readonly log: Log;
}

export function toRefusal({ code, ...extra }: Finding, { crypto }: ServePorts): Reply {
  return problemReply(code, Buffer.from(crypto.randomBytes(16)).toString("hex"), extra);
}

export function toRefusalResponse(finding: Finding, ports: ServePorts): Response {
  const { status, headers, body } = toRefusal(finding, ports);
  return new Response(body as string, { status, headers: { ...headers, connection: "close" } });
}
