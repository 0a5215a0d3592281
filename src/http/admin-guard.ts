/** What the admin door refuses before it asks who is there. */
import { type Deny, deny } from "../core/index.ts";
import type { HeaderView } from "../mcp/index.ts";
import { withoutPort } from "../stages/index.ts";

export interface GuardSettings {
  /** Whether a name is one of ours: without port, in lower case; IPv6 in brackets. */
  readonly hosts: (name: string) => boolean;
}

/** Not `same-site`: a page of the same site may be another program on another port of this machine. */
const ownSites = new Set(["same-origin", "none"]);

/**
 * A web page can make its visitor's browser send requests to a local port, under a name of its own
 * that resolves there (DNS rebinding) or from its own origin (CSRF). So the Host must be one of the
 * names of the admin listener, and a request that says it comes from a page must come from one that
 * this listener served. `admin.hosts` widens the first; nothing widens the second.
 */
export function guardAdmin(
  request: Pick<Request, "url">,
  headers: HeaderView,
  { hosts }: GuardSettings,
): Deny | undefined {
  const host = headers.get("host");
  if (host === null || !hosts(withoutPort(host))) {
    return deny("HOST_FORBIDDEN", "The Host is not one of the admin listener's");
  }
  const origin = headers.get("origin");
  const scheme = request.url.startsWith("https:") ? "https" : "http";
  if (origin !== null && origin !== `${scheme}://${host.toLowerCase()}`) {
    return deny("ORIGIN_FORBIDDEN", "The Origin is not the admin listener's own");
  }
  const site = headers.get("sec-fetch-site");
  if (site !== null && !ownSites.has(site.toLowerCase())) {
    return deny("ORIGIN_FORBIDDEN", "A page of another origin sent the request");
  }
  return undefined;
}
