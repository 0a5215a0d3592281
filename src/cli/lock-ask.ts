/** What the upstreams of a config list now, as it would be locked. */
import type { LoadedConfig } from "../config/index.ts";
import { createLockCleaner } from "../gateway.ts";
import { member, stringOf } from "../mcp/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { type Definition, type LockedTools, toDefinition } from "../upstreams/index.ts";
import { everyCapability, openDirectServer } from "./tool-direct.ts";
import type { Tool } from "./tool-server.ts";

/** By upstream; a text says why that is not known. */
export type Listed = ReadonlyMap<string, LockedTools | string>;

export async function askUpstreams(
  loaded: LoadedConfig,
  names: readonly string[],
  runtime: Runtime,
): Promise<Listed> {
  const clean = createLockCleaner(loaded.config);
  const servers = names.map((name) => openDirectServer(loaded, name, runtime, everyCapability));
  try {
    const asked = servers.map(async (server, index): Promise<[string, LockedTools | string]> => {
      const found = await server.list();
      const name = names[index] ?? "";
      if ("kind" in found) return [name, `${found.code}: ${found.message}`];
      return [name, new Map(found.flatMap(toDefined))];
    });
    return new Map(await Promise.all(asked));
  } finally {
    for (const server of servers) await server.close();
  }

  /** Nothing for one whose name holds a credential: it cannot be locked. */
  function toDefined({ name, definition }: Tool): (readonly [string, Definition])[] {
    const cleaned = clean(definition);
    const isNamed = cleaned !== undefined && stringOf(member(cleaned, "name")) === name;
    return isNamed ? [[name, toDefinition(cleaned, runtime.crypto)]] : [];
  }
}
