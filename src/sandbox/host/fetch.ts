/** What plugins ask of other servers, and of granted ones alone. */
import { EgressError, type EgressResponse, Secret, createCanceller } from "../../core/index.ts";
import type { HostAnswer } from "../face.ts";
import { type Act, type HostPlugin, type HostPorts, isFault } from "./acts.ts";
import { readGrantHeaders, toShownHeaders } from "./fetch-headers.ts";
import {
  type FetchRequest,
  type Granted,
  maxBodyBytes,
  readFetchRequest,
} from "./fetch-request.ts";
import { type FetchGrant, isFetchOrigin } from "./grants.ts";
import { readArgs } from "./read-args.ts";

/** Hears why a request failed, which the guest does not. */
export type Complain = (why: string) => void;

const over: HostAnswer = { fault: "The call is over" };
/** A body of which each character is escaped, with a URL and headers. */
const maxArgsLength = 3 * maxBodyBytes;

/**
 * Attack: a plugin that reads what only the gateway can reach, or carries off what it has seen. So it
 * reaches the granted origins alone, by GET and POST; a name never leads to an address that is not
 * public, nor a redirect anywhere; and what comes back is small, in time, and without cookies. To
 * widen it, grant an origin more; one of the own network is granted by its address.
 *
 * Throws a `RangeError` where a grant is none.
 */
export function createFetch(
  { clock, egress }: Pick<HostPorts, "clock" | "egress">,
  { grants, wallMs }: HostPlugin,
  complain: Complain,
): Act {
  const granted = new Map((grants.fetch ?? []).map((each) => [each.origin, toGranted(each)]));

  return async (_, args, signal) => {
    const list = readArgs(args, maxArgsLength);
    const request = isFault(list) ? list : readFetchRequest(list, granted, wallMs);
    if (isFault(request)) return request;
    const isOver = (): boolean => signal?.aborted === true;
    if (isOver()) return over;
    const canceller = createCanceller();
    signal?.addEventListener("abort", canceller.abort, { once: true });
    let isLate = false;
    const timer = clock.after(request.timeoutMs, () => {
      isLate = true;
      canceller.abort();
    });
    const { origin } = request.granted;
    const { url, method, headers, body, timeoutMs } = request;
    try {
      const response = await egress.request({
        url,
        method,
        headers,
        ...(body !== undefined && { body }),
        signal: canceller.signal,
        headersTimeoutMs: timeoutMs,
        publicOnly: true,
      });
      return await readReply(response, request);
    } catch (error) {
      if (isOver()) return over;
      if (!(error instanceof EgressError)) throw error;
      if (isLate || error.reason === "timeout")
        return { fault: `"${origin}" is too slow for fetch` };
      complain(error.message);
      return { fault: `fetch cannot reach "${origin}"` };
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", canceller.abort);
    }
  };
}

async function readReply(response: EgressResponse, request: FetchRequest): Promise<HostAnswer> {
  const { origin, credentials } = request.granted;
  const { status } = response;
  const give = (fault: string): HostAnswer => {
    response.cancel();
    return { fault };
  };
  if (status >= 300 && status < 400 && status !== 304) {
    return give(`"${origin}" answers with a redirect, and fetch follows none`);
  }
  const encoding = response.headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    return give(`"${origin}" packs its answer, which fetch does not take`);
  }
  const bytes = await response.read(maxBodyBytes);
  if (bytes === undefined) {
    return { fault: `"${origin}" answers with more than ${maxBodyBytes} bytes` };
  }
  const headers = toShownHeaders(response.headers);
  const body = new TextDecoder().decode(bytes);
  const told = [body, ...Object.values(headers)];
  if (credentials.some((each) => told.some((text) => text.includes(each)))) {
    return { fault: `"${origin}" answers with a credential that it was sent` };
  }
  return { value: JSON.stringify({ status, headers, body }) };
}

/** Shorter than this it may stand in an answer by chance. */
const minCredentialLength = 8;
const credentialName = /auth|cookie|key|password|secret|token/i;

function toGranted({ origin, headers = {} }: FetchGrant): Granted {
  if (!isFetchOrigin(origin)) {
    throw new RangeError(
      `Cannot grant ${JSON.stringify(origin)} to a plugin: it is no https origin`,
    );
  }
  const fields = readGrantHeaders(headers);
  const credentials = Object.entries(headers).flatMap(([name, value]) => {
    const text = value instanceof Secret ? value.reveal() : value;
    return value instanceof Secret || credentialName.test(name) ? [text, ...text.split(" ")] : [];
  });
  return {
    origin,
    headers: fields,
    credentials: credentials.filter(({ length }) => length >= minCredentialLength),
  };
}
