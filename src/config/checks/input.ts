/** What servers may ask of clients: kinds that there are, of upstreams that are there and can ask. */
import { compileGlob } from "../../core/index.ts";
import { finding } from "../fault.ts";
import type { Finding, PathKey } from "../fault.ts";
import { inputNames, parseInputGrant } from "../input-grant.ts";
import { suggest } from "../suggest.ts";
import type { Checked } from "./subject.ts";

export function checkInput(checked: Checked): readonly Finding[] {
  const { config, rules } = checked;
  const all = (input: readonly string[], path: readonly PathKey[]): readonly Finding[] =>
    input.flatMap((grant, index) => check(grant, [...path, index], checked));
  return [
    ...(["clients", "roles"] as const).flatMap((key) =>
      Object.entries(config[key]).flatMap(([name, { allow }]) =>
        all(allow.input, [key, name, "allow", "input"]),
      ),
    ),
    ...rules.flatMap(({ rule: { on }, path }) =>
      typeof on === "string" || Array.isArray(on)
        ? []
        : all(on.input ?? [], [...path, "on", "input"]).filter(({ level }) => level === "error"),
    ),
  ];
}

function check(
  grant: string,
  path: readonly PathKey[],
  { config, upstreams }: Checked,
): readonly Finding[] {
  const { upstream, kinds, name } = parseInputGrant(grant);
  const findings: Finding[] = [];
  if (kinds.length === 0) {
    const message = `"${grant}" names the unknown kind of input "${name}"`;
    const hint = suggest(name, inputNames) ?? `it is one of ${inputNames.join(", ")}`;
    findings.push(finding("error", path, message, hint));
  }
  const isNamed = compileGlob(upstream);
  if (grant.includes("/") && ![...upstreams].some(isNamed)) {
    const message = `"${grant}" names the unknown upstream "${upstream}"`;
    findings.push(finding("error", path, message, suggest(upstream, upstreams)));
  }
  if (findings.length > 0) return findings;
  return Object.entries(config.upstreams).flatMap(([shared, each]) => {
    if (!isNamed(shared) || !("isolate" in each) || each.isolate !== "shared") return [];
    const message = `"${shared}" is one process for all, so before 2026-07-28 it can ask nobody for input`;
    return [finding("warning", path, message, 'set isolate: "client"')];
  });
}
