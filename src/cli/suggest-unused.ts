/** Grants of a config that no recorded call needed. */
import type { Config, RoleConfig } from "../config/index.ts";
import { type Clock, compileGlob, globsOverlap, templateToGlob } from "../core/index.ts";
import type { TargetKind } from "../mcp/index.ts";
import { createPolicy } from "../policy/index.ts";
import { withoutEnds } from "./replay-config.ts";
import type { Used } from "./suggest-collect.ts";

export interface Unused {
  /** Whose grant it is: one of both. */
  readonly client?: string;
  readonly role?: string;
  readonly kind: "tools" | "resources" | "prompts";
  readonly pattern: string;
}

const lists = { tool: "tools", resource: "resources", prompt: "prompts" } as const;
const noLog = { debug: ignore, info: ignore, warn: ignore, error: ignore };
function ignore(): void {
  // Nothing is decided here that somebody waits for.
}

export function findUnused(
  given: Config,
  used: ReadonlyMap<string, Used>,
  clock: Clock,
): readonly Unused[] {
  const config = withoutEnds(given, clock.now());
  const policy = createPolicy(config, { clock, log: noLog }, () => undefined);
  const needed = new Set<string>();
  const keyOf = (holder: string, kind: TargetKind, pattern: string): string =>
    JSON.stringify([holder, kind, pattern]);

  for (const [client, { names, templates }] of used) {
    for (const [upstream, found] of templates) {
      for (const template of found.keys()) {
        for (const { pattern, role } of templateAllows(config, client, upstream, template)) {
          needed.add(keyOf(toHolder({ client, role }), "resource", pattern));
        }
      }
    }
    for (const kind of ["tool", "resource", "prompt"] as const) {
      for (const [upstream, found] of names[kind]) {
        for (const name of found) {
          for (const { pattern, role } of allowsOf(client, kind, upstream, name)) {
            needed.add(keyOf(toHolder({ client, role }), kind, pattern));
          }
        }
      }
    }
  }
  return holders(config).flatMap(({ holder, allow }) =>
    (["tool", "resource", "prompt"] as const).flatMap((kind) =>
      [...new Set(allow[lists[kind]])]
        .filter((pattern) => !needed.has(keyOf(toHolder(holder), kind, pattern)))
        .map((pattern): Unused => ({ ...holder, kind: lists[kind], pattern })),
    ),
  );

  function allowsOf(client: string, kind: TargetKind, upstream: string, name: string) {
    const subject = { client, subject: undefined, address: undefined };
    const call = { args: undefined, annotations: undefined, method: "" };
    return policy.explain(subject, { kind, upstream, name }, call).allows;
  }
}

interface Allow {
  readonly pattern: string;
  readonly role?: string | undefined;
}

/** A completion of a template needs a pattern that meets what it can expand to. */
function templateAllows(
  config: Config,
  client: string,
  upstream: string,
  template: string,
): readonly Allow[] {
  const held = Object.hasOwn(config.clients, client) ? config.clients[client] : undefined;
  if (held === undefined) return [];
  const own = held.allow.resources.map((pattern): Allow => ({ pattern }));
  const ofRoles = held.roles.flatMap((role) =>
    (config.roles[role]?.allow.resources ?? []).map((pattern): Allow => ({ pattern, role })),
  );
  const glob = templateToGlob(template);
  return [...own, ...ofRoles].filter(({ pattern }) => {
    if (pattern === "*") return true;
    const slash = pattern.indexOf("/");
    return (
      compileGlob(pattern.slice(0, slash))(upstream) && globsOverlap(pattern.slice(slash + 1), glob)
    );
  });
}

type Holder = Pick<Unused, "client" | "role">;

function toHolder({ client, role }: { client?: string; role?: string | undefined }): string {
  return role === undefined ? `client ${client}` : `role ${role}`;
}

function holders(config: Config): readonly { holder: Holder; allow: RoleConfig["allow"] }[] {
  const clients = Object.entries(config.clients);
  const roles = Object.entries(config.roles);
  return [
    ...clients.map(([client, { allow }]) => ({ holder: { client }, allow })),
    ...roles.map(([role, { allow }]) => ({ holder: { role }, allow })),
  ];
}
