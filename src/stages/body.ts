/** Reads a request body under a cap and a deadline, both enforced while it arrives. */
import { type Body, type Clock, type Deny, deny } from "../core/index.ts";

export interface BodyLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/**
 * The body as text, or the refusal. UTF-8 is decoded strictly and a byte order mark is kept, so
 * that it is refused as the malformed JSON it is.
 */
export async function readBody(
  body: Body | undefined,
  { maxBytes, timeoutMs }: BodyLimits,
  clock: Clock,
): Promise<string | Deny> {
  if (body === undefined) return deny("MESSAGE_MALFORMED", "There is no body", { number: -32700 });
  let isLate = false;
  const timer = clock.after(timeoutMs, () => {
    isLate = true;
    body.cancel();
  });
  try {
    const bytes = await body.read(maxBytes);
    return bytes === undefined
      ? deny("BODY_TOO_LARGE", `The body exceeds ${maxBytes} bytes`)
      : decode(bytes);
  } catch {
    return isLate
      ? deny("BODY_TIMEOUT", `The body took more than ${timeoutMs} ms`)
      : deny("MESSAGE_MALFORMED", "The body broke off", { number: -32700 });
  } finally {
    timer.cancel();
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string | Deny {
  try {
    return utf8.decode(bytes);
  } catch {
    return deny("MESSAGE_MALFORMED", "The body is not UTF-8", { number: -32700 });
  }
}
