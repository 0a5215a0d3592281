/** What is served where: exact paths, neither decoded nor normalized. */

export type Place = "mcp" | "live" | "ready" | "none";

const upstreamPath = /^\/mcp\/[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function toPlace(path: string): Place {
  switch (path) {
    case "/mcp":
      return "mcp";
    case "/livez":
    case "/healthz":
      return "live";
    case "/readyz":
      return "ready";
    default:
      return upstreamPath.test(path) ? "mcp" : "none";
  }
}
