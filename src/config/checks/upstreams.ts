/** Upstreams: shown names that read in one way, credentials where they belong, containment. */
import { isLoopbackHost } from "../address.ts";
import { finding } from "../fault.ts";
import type { Finding } from "../fault.ts";
import { isPackageName, parsePackageName, splitPackageName } from "../package-name.ts";
import type { HttpUpstreamConfig, PackageUpstreamConfig } from "../schema.ts";
import { checkHeader } from "./headers.ts";
import type { Checked } from "./subject.ts";
import { Secret } from "../../core/index.ts";

/** Headers of the gateway's own hop; a config that sets them breaks the protocol. */
const ownHeaders =
  /^(accept|connection|content-(length|type)|te|trailer|transfer-encoding|upgrade|mcp-.*)$/i;

export function checkUpstreams({ config }: Checked): readonly Finding[] {
  const findings: Finding[] = [];
  const prefixes = new Map<string, string>();
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    const path = ["upstreams", name];
    const prefix = upstream.expose.prefix ?? name;
    const other = prefixes.get(prefix);
    if (other === undefined) prefixes.set(prefix, name);
    else {
      const at = upstream.expose.prefix === undefined ? path : [...path, "expose", "prefix"];
      findings.push(
        finding(
          "error",
          at,
          `"${name}" and "${other}" show their names under one prefix, "${prefix}"`,
        ),
      );
    }
    if ("url" in upstream) findings.push(...checkHttp(name, upstream));
    else {
      if ("package" in upstream) findings.push(...checkPackage([...path, "package"], upstream));
      const message = `"${name}" runs without containment, with all rights of the gateway's user`;
      findings.push(
        finding("warning", path, message, "start only servers that you trust this way"),
      );
    }
  }
  return findings;
}

/** A range or a tag would run what somebody publishes tomorrow. */
function checkPackage(
  path: readonly string[],
  { package: text }: PackageUpstreamConfig,
): readonly Finding[] {
  if (parsePackageName(text) !== undefined) return [];
  const { name, version } = splitPackageName(text);
  if (!isPackageName(name)) {
    const message = "Must be a package of the registry with its version";
    return [
      finding("error", path, message, 'such as "some-server@1.2.3" or "@scope/server@1.2.3"'),
    ];
  }
  const inside = /[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?/.exec(version)?.[0];
  const exact = `${name}@${inside ?? ""}`;
  const message =
    version === ""
      ? "Must name an exact version"
      : "Must name an exact version, no range and no tag";
  const isNear = inside !== undefined && parsePackageName(exact) !== undefined;
  const hint = isNear ? `write "${exact}"` : `\`npm view ${name} version\` prints the newest one`;
  return [finding("error", path, message, hint)];
}

function checkHttp(name: string, upstream: HttpUpstreamConfig): readonly Finding[] {
  const findings: Finding[] = [];
  const path = ["upstreams", name];
  const { protocol, hostname, username, password } = new URL(upstream.url);
  if (username !== "" || password !== "") {
    const message = "Must not hold a user name or a password";
    findings.push(
      finding(
        "error",
        [...path, "url"],
        message,
        'write headers: { authorization: secret("NAME") }',
      ),
    );
  }
  for (const [header, value] of Object.entries(upstream.headers)) {
    findings.push(...checkHeader(header, value, ownHeaders, [...path, "headers", header]));
  }
  const hasSecret = Object.values(upstream.headers).some((value) => value instanceof Secret);
  if (hasSecret && protocol === "http:" && !isLoopbackHost(hostname)) {
    const message = `The secrets in the headers of "${name}" travel unencrypted`;
    findings.push(finding("warning", [...path, "url"], message, "write https://"));
  }
  return findings;
}
