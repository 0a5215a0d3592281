/** The body of an admin request: nothing, or one JSON object that is read in one way only. */
import { type Body, type Clock, type Deny, deny } from "../core/index.ts";
import { type HeaderView, type JsonObject, isObject, parseJson } from "../mcp/index.ts";
import { isJsonBody, readBody } from "../stages/index.ts";

const limits = { maxBytes: 65_536, timeoutMs: 30_000 };
const jsonLimits = { maxDepth: 8, maxNodes: 1_000, strict: true };

/** Undefined where the body is empty. */
export async function readAdminBody(
  body: Body,
  headers: HeaderView,
  clock: Clock,
): Promise<JsonObject | undefined | Deny> {
  const isUndeclared = headers.get("content-type") === null;
  const unsupported = deny("MEDIA_UNSUPPORTED", "The body is not declared as JSON");
  if (!isUndeclared && !isJsonBody(headers)) return unsupported;
  const text = await readBody(body, limits, clock);
  if (typeof text !== "string") {
    return text.code === "MESSAGE_MALFORMED" ? deny("BODY_INVALID", text.why) : text;
  }
  if (text === "") return undefined;
  if (isUndeclared) return unsupported;
  const parsed = parseJson(text, jsonLimits);
  if (!parsed.ok) {
    return deny("BODY_INVALID", `The JSON has a fault at ${parsed.at}: ${parsed.fault}`);
  }
  return isObject(parsed.json) ? parsed.json : deny("BODY_INVALID", "The body is no JSON object");
}
