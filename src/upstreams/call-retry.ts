/** Whether a call that was refused is sent once more. */
import type { Cancellation } from "../core/index.ts";
import type { ParamHeader } from "../mcp/index.ts";
import type { UpstreamRequest } from "./face.ts";
import type { Link, LinkEnd, Transport } from "./link.ts";
import { Aborted } from "./watch.ts";

/** The parameter headers of a tool, as its upstream lists it now. */
export type FetchParamHeaders = (
  tool: string,
  request: UpstreamRequest,
  signal: Cancellation,
) => Promise<readonly ParamHeader[] | undefined>;

/**
 * The parameter headers to try again with; undefined where the call must not be sent twice: only
 * what a refusal of the protocol, or of a server of the other era, has surely not done.
 */
export type Retry = (
  link: Link,
  last: LinkEnd,
  request: UpstreamRequest,
  signal: Cancellation,
) => Promise<readonly ParamHeader[] | undefined>;

export function createRetry(
  transport: Pick<Transport, "recheckEra">,
  paramHeaders: FetchParamHeaders,
): Retry {
  return async (link, last, request, signal) => {
    const isRefused = last.kind === "error" && last.code === -32022;
    if (last.kind === "stale" || isRefused) {
      const era = await transport.recheckEra(signal).catch(ignoreAborted);
      const isOther = era !== undefined && era !== link.era;
      return isRefused || isOther ? request.paramHeaders : undefined;
    }
    const mismatch = last.kind === "error" && last.code === -32020 && link.era === "modern";
    const named = request.method === "tools/call" && request.params?.node.members;
    const node = named && named.find(({ key }) => key === "name")?.value;
    if (!mismatch || !node || node.type !== "string") return undefined;
    return paramHeaders(node.value, request, signal).catch(ignoreAborted);
  };
}

function ignoreAborted(error: unknown): undefined {
  if (!(error instanceof Aborted)) throw error;
}
