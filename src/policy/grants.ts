/** What each upstream may ask of each client, worked out once. */
import { type Config, parseInputGrant } from "../config/index.ts";
import { compileGlob } from "../core/index.ts";
import type { InputKind } from "../mcp/index.ts";

type Granted = ReadonlySet<InputKind>;

const nothing: Granted = new Set();

export function toGrants(config: Config): (client: string, upstream: string) => Granted {
  const upstreams = Object.keys(config.upstreams);
  const granted = new Map(
    Object.entries(config.clients).map(([client, { allow }]) => {
      const grants = allow.input.map((text) => {
        const { upstream, kinds } = parseInputGrant(text);
        return { speaksOf: compileGlob(upstream), kinds };
      });
      const byUpstream = upstreams.map((upstream): readonly [string, Granted] => {
        const reaching = grants.filter(({ speaksOf }) => speaksOf(upstream));
        return [upstream, new Set(reaching.flatMap(({ kinds }) => kinds))];
      });
      return [client, new Map(byUpstream)] as const;
    }),
  );
  return (client, upstream) => granted.get(client)?.get(upstream) ?? nothing;
}
