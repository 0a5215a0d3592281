/** Cleans one message of an answer: notification, result or error. */
import { type Budget, withinBudget } from "./budget.ts";
import type { Redaction } from "../core/index.ts";
import { type McpMessage, isObject, reread } from "../mcp/index.ts";
import { cleanAt } from "./json.ts";
import { type Ledger, openLedger, tooCostly } from "./ledger.ts";
import { errorDataPlace, paramsPlace, resultPlace } from "./places.ts";
import type { SanitizeSettings } from "./settings.ts";
import { WITHHELD, applyEdits, findAll, toEdits } from "./text.ts";

export interface CleanedMessage {
  /** The same object where nothing was found. */
  readonly message: McpMessage;
  readonly redactions: readonly Redaction[];
  /**
   * Why the message must be withheld: by `deny`, or in any mode because searching it is too costly.
   * The message is clean all the same; of one that is too costly nothing is left.
   */
  readonly denied: string | undefined;
}

/**
 * `context.method` is the method of the request that is answered; it says where a result has
 * cursors, schemas and blobs. Pointers in the redactions start at the JSON-RPC message:
 * `/result/content/0/text`, `/error/message`, `/params/data`.
 */
export function cleanMessage(
  message: McpMessage,
  settings: SanitizeSettings,
  context: { readonly method: string },
): CleanedMessage {
  const cleaned = withinBudget((budget) => {
    const ledger = openLedger(settings, budget);
    const clean = cleanParts(message, { settings, ledger, budget }, context.method);
    return { message: clean, ...ledger.close() };
  });
  return cleaned ?? { message: toEmpty(message), ...tooCostly };
}

function toEmpty(message: McpMessage): McpMessage {
  switch (message.kind) {
    case "result": {
      const result = reread("{}");
      return isObject(result) ? { ...message, result } : message;
    }
    case "notification":
      return { ...message, params: undefined };
    case "error":
      return { ...message, message: WITHHELD, data: undefined };
  }
}

function cleanParts(
  message: McpMessage,
  tools: { settings: SanitizeSettings; ledger: Ledger; budget: Budget },
  method: string,
): McpMessage {
  const { settings, ledger, budget } = tools;
  switch (message.kind) {
    case "result": {
      const result = cleanAt(message.result, resultPlace(method), tools, ["result"]);
      return result === message.result || !isObject(result) ? message : { ...message, result };
    }
    case "notification": {
      if (message.params === undefined) return message;
      const place = paramsPlace(message.method);
      const params = cleanAt(message.params, place, tools, ["params"]);
      return params === message.params || !isObject(params) ? message : { ...message, params };
    }
    case "error": {
      const findings = findAll(message.message, settings, "text", budget);
      ledger.note(findings, ["error", "message"]);
      const text = applyEdits(message.message, toEdits(message.message, findings, settings));
      const data = message.data && cleanAt(message.data, errorDataPlace, tools, ["error", "data"]);
      if (text === message.message && data === message.data) return message;
      return { ...message, message: text, data };
    }
  }
}
