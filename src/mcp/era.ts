/** The two eras of MCP and the revisions this house speaks in each. */

/**
 * `modern` is stateless: each request carries its revision and capabilities (2026-07-28 on).
 * `legacy` opens with `initialize` (2024-11-05 to 2025-11-25).
 */
export type Era = "modern" | "legacy";

export const modernRevisions: readonly string[] = ["2026-07-28"];
export const legacyRevisions: readonly string[] = [
  "2025-11-25",
  "2025-06-18",
  "2025-03-26",
  "2024-11-05",
];
export const latestModern = "2026-07-28";
export const latestLegacy = "2025-11-25";

export function eraOf(revision: string): Era | undefined {
  if (modernRevisions.includes(revision)) return "modern";
  return legacyRevisions.includes(revision) ? "legacy" : undefined;
}

/** Keys of `_meta` that the specification gives a request (2026-07-28, basic, per-request fields). */
export const metaKeys = {
  protocolVersion: "io.modelcontextprotocol/protocolVersion",
  clientInfo: "io.modelcontextprotocol/clientInfo",
  clientCapabilities: "io.modelcontextprotocol/clientCapabilities",
  logLevel: "io.modelcontextprotocol/logLevel",
  serverInfo: "io.modelcontextprotocol/serverInfo",
  subscriptionId: "io.modelcontextprotocol/subscriptionId",
  progressToken: "progressToken",
} as const;
