/** What each upstream may ask of each client, worked out once. */
import { type Config, parseInputGrant } from "../config/index.ts";
import { compileGlob } from "../core/index.ts";
import type { InputKind } from "../mcp/index.ts";
import type { Standing } from "./standing.ts";

type Granted = ReadonlySet<InputKind>;

const nothing: Granted = new Set();

/** What clients and their roles allow, less what rules deny. */
export function toGrants(
  config: Config,
  { roles, rules }: Standing,
): (client: string, upstream: string) => Granted {
  const denials = rules.flatMap((rule) => {
    const input = inputOf(rule.on);
    return input.length > 0 && rule.denies && rule.enforced
      ? [{ rule, speaks: input.map(compileInput) }]
      : [];
  });
  const upstreams = Object.keys(config.upstreams);
  const granted = new Map(
    Object.entries(config.clients).map(([client, { allow }]) => {
      const held = (roles.get(client) ?? []).flatMap((role) => role.allow.input);
      const allows = [...allow.input, ...held].map(compileInput);
      const denies = denials
        .filter(({ rule: { callers } }) => callers?.has(client) ?? true)
        .flatMap(({ speaks }) => speaks);
      const byUpstream = upstreams.map((upstream): readonly [string, Granted] => {
        const denied = new Set(denies.flatMap((speaks) => speaks(upstream)));
        const kinds = allows.flatMap((speaks) => speaks(upstream));
        return [upstream, new Set(kinds.filter((kind) => !denied.has(kind)))];
      });
      return [client, new Map(byUpstream)] as const;
    }),
  );
  return (client, upstream) => granted.get(client)?.get(upstream) ?? nothing;
}

/** The kinds that an entry speaks of with one upstream. */
function compileInput(text: string): (upstream: string) => readonly InputKind[] {
  const { upstream, kinds } = parseInputGrant(text);
  const speaksOf = compileGlob(upstream);
  return (name) => (speaksOf(name) ? kinds : []);
}

function inputOf(on: Standing["rules"][number]["on"]): readonly string[] {
  return typeof on === "string" || Array.isArray(on) ? [] : (on.input ?? []);
}
