/** A modern server by hand, for extensions that the official SDKs do not have. */
import { type Listening, listen } from "./changing-server.ts";

export interface PlainRequest {
  readonly id: number;
  readonly method: string;
  readonly params: Record<string, unknown>;
  readonly headers: Headers;
  /** What the client said that it can do. */
  readonly capabilities: Record<string, unknown>;
}
export interface PlainServer extends Listening {
  /** Every request, the oldest first. */
  readonly requests: PlainRequest[];
}
/** A result without `resultType` is complete; undefined is "Invalid params". */
export type Answer = (request: PlainRequest) => object | Response | undefined;

export function startPlainServer(capabilities: object, answer: Answer): Promise<PlainServer> {
  const requests: PlainRequest[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    const { id, method, params } = (await request.json()) as {
      id: number;
      method: string;
      params: Record<string, unknown> & { _meta: Record<string, Record<string, unknown>> };
    };
    const declared = params._meta["io.modelcontextprotocol/clientCapabilities"] ?? {};
    const seen = { id, method, params, headers: request.headers, capabilities: declared };
    requests.push(seen);
    const cached = { ttlMs: 0, cacheScope: "public" };
    const result =
      method === "server/discover"
        ? { supportedVersions: ["2026-07-28"], capabilities, ...cached }
        : answer(seen);
    if (result instanceof Response) return result;
    if (result === undefined) {
      const error = { code: -32_602, message: "Invalid params" };
      return Response.json({ jsonrpc: "2.0", id, error });
    }
    return Response.json({ jsonrpc: "2.0", id, result: { resultType: "complete", ...result } });
  };
  return listen(fetch).then((listening) => ({ ...listening, requests }));
}
