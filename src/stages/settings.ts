/** What each stage needs to know of the config. */
import type { Config } from "../config/index.ts";
import type { Log, RuleHit } from "../core/index.ts";
import { isLoopback } from "../identity/index.ts";
import { strictest } from "../policy/index.ts";
import { cleanJson, credentialsOf, resolveSettings } from "../sanitize/index.ts";
import type { Admission } from "./admit.ts";
import type { ApproveSettings } from "./approve.ts";
import { isWithheld } from "./clean-lists.ts";
import type { IsWithheld } from "./existence.ts";
import type { ForwardSettings } from "./forward.ts";
import type { JudgeSettings } from "./judge.ts";
import type { ReadSettings } from "./read.ts";
import type { SanitizeRules } from "./sanitize.ts";

export interface RoadSettings {
  readonly admission: Admission;
  readonly read: ReadSettings;
  readonly shape: { readonly isWithheld: IsWithheld };
  readonly judge: JudgeSettings;
  readonly approve: ApproveSettings;
  readonly forward: ForwardSettings;
  readonly sanitize: SanitizeRules;
  /** The gateway's own version, for those who ask who it is. */
  readonly version: string;
}

const bodyTimeoutMs = 30_000;

/** `digest` is that of the config; `credentials` are those that no config names. */
export function toRoadSettings(
  { config, digest }: { readonly config: Config; readonly digest: string },
  log: Log,
  version: string,
  credentials: readonly string[] = [],
): RoadSettings {
  const clients = Object.entries(config.clients);
  const requestCaps = new Map(clients.map(([name, client]) => [name, client.maxRequestBytes]));
  const responseCaps = new Map(clients.map(([name, client]) => [name, client.maxResponseBytes]));
  const clientRules = new Map(clients.map(([name, client]) => [name, client.sanitize]));
  const upstreams = Object.entries(config.upstreams);
  const upstreamRules = new Map(upstreams.map(([name, upstream]) => [name, upstream.sanitize]));
  const reporting = new Set(
    upstreams.filter(([, each]) => each.arguments === "report").map(([name]) => name),
  );
  const cleaners = new Map(
    config.rules.flatMap(({ name, mode, sanitize }) =>
      mode === "enforce" && sanitize !== undefined ? [[name, sanitize] as const] : [],
    ),
  );
  const literals = credentialsOf(config, credentials);
  const cleanSettings: SanitizeRules["settings"] = (client, upstream, ofRules = []) => {
    const own = upstream === undefined ? undefined : upstreamRules.get(upstream);
    const resolved = resolveSettings(...ofRules, clientRules.get(client), own, config.sanitize);
    return literals === undefined ? resolved : { ...resolved, literals };
  };
  const shownToPeople = {
    ...resolveSettings({ secrets: "redact", hidden: "show" }),
    ...(literals && { literals }),
  };
  const maxResponseBytes = (client: string): number => responseCaps.get(client) ?? 0;
  return {
    admission: {
      hosts: toHosts(config),
      origins: new Set(clients.flatMap(([, client]) => client.origins)),
      maxBodyBytes: Math.max(0, ...requestCaps.values()),
    },
    read: {
      maxRequestBytes: (client) => requestCaps.get(client) ?? 0,
      timeoutMs: bodyTimeoutMs,
    },
    shape: {
      isWithheld: (client, upstream, kind, item) =>
        isWithheld(kind, item, cleanSettings(client, upstream)),
    },
    judge: {
      reportsArguments: (upstream) => reporting.has(upstream),
      report: (upstream, tool, fault) =>
        log.warn("Arguments do not fit the tool's schema", { upstream, tool, fault }),
      cleaningOf: (rules) => [strictest(rules.flatMap((name) => cleaners.get(name) ?? []))],
    },
    approve: {
      config: digest,
      // Whoever approves sees what no model was meant to hide, whatever the answers are cleaned of.
      clean: (json) => cleanJson(json, shownToPeople).json,
    },
    forward: {
      maxResponseBytes,
      cleaning: (hits) =>
        hits.filter(({ name, mode }) => mode === "enforce" && cleaners.has(name)).map(toName),
    },
    sanitize: { maxResponseBytes, settings: cleanSettings },
    version,
  };
}

function toName({ name }: RuleHit): string {
  return name;
}

/** The names under which this gateway is reached: what it listens on, and what the config adds. */
function toHosts(config: Config): ReadonlySet<string> {
  const { host, hosts } = config.listen;
  const own = host.includes(":") ? `[${host}]` : host;
  const names = [own, ...hosts];
  if (isLoopback(host) || host === "localhost" || isUnspecified(host)) {
    names.push("localhost", "127.0.0.1", "[::1]");
  }
  if (config.publicUrl !== undefined) names.push(new URL(config.publicUrl).hostname);
  return new Set(names.map((name) => name.toLowerCase()));
}

function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
