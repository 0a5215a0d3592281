/** Turns what a config file says into a `Config`, or into every fault it has at once. */
import * as v from "valibot";
import { crossCheck } from "./checks/index.ts";
import type { CheckContext, LeftOut } from "./checks/index.ts";
import { hasErrors, toFault } from "./fault.ts";
import type { Fault, Finding, PathKey } from "./fault.ts";
import { keepKnownKeys } from "./known-keys.ts";
import type { KnownKeys } from "./known-keys.ts";
import { leaveOut } from "./leave-out.ts";
import { pathOf, reword } from "./reword.ts";
import { configSchema } from "./schema.ts";
import type { Config } from "./schema.ts";
import type { SchemaNode } from "./schema-node.ts";

export type Parsed =
  | { readonly config: Config; readonly faults: readonly Fault[] }
  | { readonly config?: undefined; readonly faults: readonly Fault[] };

/**
 * `input` is the merged config, each secret in it a `Secret`. With a `config` the faults are
 * warnings; without one at least one of them is an error.
 */
export function parseConfig(input: unknown, context: CheckContext): Parsed {
  const { config, findings } = examine(input, context);
  const faults = findings.map((found) => toFault(found));
  return config === undefined ? { faults } : { config, faults };
}

export interface Examined {
  readonly config: Config | undefined;
  readonly findings: readonly Finding[];
}

export function examine(input: unknown, context: CheckContext): Examined {
  const known = keepKnownKeys(configSchema as unknown as SchemaNode, input);
  const parsed = v.safeParse(configSchema, known.input);
  const issues = (parsed.issues ?? []).filter((issue) => !isToldAlready(issue, known));
  const findings = [...known.findings, ...issues.map(reword)];
  const bad = [...known.refused, ...(parsed.issues ?? []).map(pathOf)];
  if (parsed.success && bad.length === 0) {
    findings.push(...crossCheck(parsed.output, nothingLeftOut, context));
  } else {
    const { input: sound, leftOut } = leaveOut(known.input, bad, context.sha256);
    const rest = v.safeParse(configSchema, sound);
    if (rest.success) findings.push(...crossCheck(rest.output, leftOut, context));
  }
  const config = parsed.success && !hasErrors(findings) ? bareNames(parsed.output) : undefined;
  return { config, findings: withoutRepeats(findings) };
}

const nothingLeftOut: LeftOut = {
  upstreams: [],
  clients: [],
  roles: [],
  ruleIndexes: [],
  pluginIndexes: [],
};

/** Names come from requests too: `clients["constructor"]` must find nothing. */
function bareNames(config: Config): Config {
  const bare = <T>(table: Record<string, T>): Record<string, T> =>
    Object.assign(Object.create(null) as Record<string, T>, table);
  const { upstreams, clients, roles, admin } = config;
  return {
    ...config,
    upstreams: bare(upstreams),
    clients: bare(clients),
    roles: bare(roles),
    admin: admin && { ...admin, users: bare(admin.users) },
  };
}

function isToldAlready(issue: v.BaseIssue<unknown>, known: KnownKeys): boolean {
  const path = pathOf(issue);
  if (known.refused.some((start) => startsWith(path, start))) return true;
  const isMissing = issue.type === "strict_object" && issue.input === undefined;
  return (
    isMissing &&
    known.incomplete.some((owner) => owner.length === path.length - 1 && startsWith(path, owner))
  );
}

function startsWith(path: readonly PathKey[], start: readonly PathKey[]): boolean {
  return start.every((key, index) => path[index] === key);
}

/** Two checks of one value may say the same. */
function withoutRepeats(findings: readonly Finding[]): readonly Finding[] {
  const told = new Map(
    findings.map((found) => [JSON.stringify([found.path, found.message]), found]),
  );
  return [...told.values()];
}
