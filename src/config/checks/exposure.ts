/** Law 3: an anonymous client exists only on loopback; and what stands open unencrypted. */
import { isLoopbackHost } from "../address.ts";
import { finding } from "../fault.ts";
import type { Finding } from "../fault.ts";
import type { Config } from "../schema.ts";
import type { Checked } from "./subject.ts";

export function checkExposure({ config, clients }: Checked): readonly Finding[] {
  const findings: Finding[] = [];
  const { listen, publicUrl } = config;
  if (!isLoopbackHost(listen.host) && listen.tls === undefined && publicUrl === undefined) {
    const message = `"${listen.host}" is reached from other machines, and tokens travel unencrypted`;
    findings.push(finding("warning", ["listen", "host"], message, "set listen.tls or publicUrl"));
  }
  findings.push(...checkAnonymous(config));
  if (clients.size === 0) {
    findings.push(finding("warning", ["clients"], "No client is named: every call is refused"));
  }
  for (const [name, { allow, roles }] of Object.entries(config.clients)) {
    if (roles.length > 0) continue;
    if (allow.tools.length + allow.resources.length + allow.prompts.length > 0) continue;
    const message = `"${name}" may do nothing: its "allow" is empty`;
    findings.push(finding("warning", ["clients", name], message));
  }
  return findings;
}

function checkAnonymous(config: Config): readonly Finding[] {
  const names = Object.entries(config.clients).flatMap(([name, { auth }]) =>
    auth === "anonymous" ? [name] : [],
  );
  const [first, ...others] = names;
  if (first === undefined) return [];
  const findings = others.map((name) =>
    finding("error", ["clients", name, "auth"], `"${name}" and "${first}" are both anonymous`),
  );
  const reached = whyReached(config);
  for (const name of names) {
    if (reached === undefined) break;
    const message = `An anonymous client exists only on loopback, and ${reached}`;
    findings.push(finding("error", ["clients", name, "auth"], message, "give it a token"));
  }
  const foreign = config.listen.hosts.filter((host) => !isLoopbackHost(withoutPort(host)));
  if (reached === undefined && foreign.length > 0) {
    const message = `"${first}" needs no token, and "${foreign[0]}" is accepted as Host`;
    findings.push(finding("warning", ["listen", "hosts"], message));
  }
  return findings;
}

/** Why others could reach an anonymous client of this config; undefined where they cannot. */
export function whyReached(
  config: Pick<Config, "listen" | "publicUrl" | "trustedProxies">,
): string | undefined {
  if (!isLoopbackHost(config.listen.host)) return `listen.host is "${config.listen.host}"`;
  if (config.publicUrl !== undefined) return "publicUrl is set";
  return config.trustedProxies.length > 0 ? "trustedProxies is set" : undefined;
}

function withoutPort(host: string): string {
  return host.replace(/(?<=^[^:]*|\]):\d+$/, "");
}
