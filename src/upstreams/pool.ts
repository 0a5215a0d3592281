/** The MCP servers behind this process: configs that are open at the same time share those that both name. */
import type { Config, UpstreamConfig } from "../config/index.ts";
import { compileLinear } from "../core/index.ts";
import type { Era, InputKind, compileSchema } from "../mcp/index.ts";
import type { Upstream, UpstreamStatus } from "./face.ts";
import type { ListChange } from "./link.ts";
import {
  type OwnUpstream,
  type UpstreamPorts,
  type UpstreamsAbout,
  openUpstream,
} from "./open-upstream.ts";
import { openListNews } from "./list-news.ts";
import { MAX_LIST_BYTES } from "./pages.ts";
import { createRemote } from "./remote/index.ts";
import { toSettingsDigest } from "./settings-digest.ts";

/** What an upstream may ask of a client. */
export type UpstreamGrants = (client: string, upstream: string) => ReadonlySet<InputKind>;

export interface UpstreamPool {
  /**
   * The upstreams of a config. One that is open already with the same settings is kept with its
   * connections, processes, sessions and lists, and from now on may ask for what `grants` says; one
   * whose settings differ is another upstream beside it. Throws where the pool is closed.
   */
  readonly open: (config: Config, grants: UpstreamGrants) => Upstreams;
  /** The bus was away: each list may have changed, as far as other instances know. */
  readonly missed: () => void;
  /** Ends every process, session and call. */
  readonly close: () => Promise<void>;
}

export interface Upstreams {
  /** In the order of the config. */
  readonly names: readonly string[];
  readonly get: (name: string) => Upstream | undefined;
  /** The era last found out; undefined before the first word with it. */
  readonly era: (name: string) => Era | undefined;
  readonly status: () => readonly UpstreamStatus[];
  /** Gives the upstreams back; those that no other config uses end with their processes and calls. */
  readonly close: () => Promise<void>;
}

/** One opening of the pool. */
interface User {
  readonly grants: UpstreamGrants;
}

/** One upstream and who uses it. */
interface Shared {
  readonly upstream: OwnUpstream;
  /** The newest last: its grants hold, and those before it hold again when it goes. */
  readonly users: Set<User>;
}

const nothing: ReadonlySet<InputKind> = new Set();

export function createUpstreamPool(
  about: UpstreamsAbout,
  ports: UpstreamPorts,
  compilePattern: Parameters<typeof compileSchema>[1] = compileLinear,
): UpstreamPool {
  /** By name and settings. */
  const shared = new Map<string, Shared>();
  /** Those that nobody uses any more, while they end. */
  const ending = new Set<Promise<void>>();
  let isClosed = false;
  const remote = createRemote(ports, about.instance);
  const all = (): OwnUpstream[] => [...shared.values()].map(({ upstream }) => upstream);
  const news = openListNews(
    {
      instance: about.instance,
      upstreams: () => new Set(all().map(({ name }) => name)),
      hear: (name, list) => {
        for (const upstream of all()) if (upstream.name === name) upstream.doubt(list);
      },
    },
    ports,
  );

  function start(name: string, config: UpstreamConfig, maxLineBytes: number): Shared {
    const users = new Set<User>();
    const grants = (client: string): ReadonlySet<InputKind> =>
      [...users].at(-1)?.grants(client, name) ?? nothing;
    const onListChange = (list: ListChange): void => news.tell(name, list);
    const one = { name, config, maxLineBytes, grants, onListChange, remote };
    return { upstream: openUpstream(one, about, ports, compilePattern), users };
  }

  function take(key: string, user: User, open: () => Shared): OwnUpstream {
    const one = shared.get(key) ?? open();
    shared.set(key, one);
    one.users.add(user);
    return one.upstream;
  }

  function giveBack(key: string, user: User): void {
    const one = shared.get(key);
    if (one?.users.delete(user) !== true || one.users.size > 0) return;
    shared.delete(key);
    const ended = one.upstream.close().finally(() => ending.delete(ended));
    ending.add(ended);
  }

  async function ended(): Promise<void> {
    while (ending.size > 0) await Promise.all(ending);
  }

  return {
    open: (config, grants) => {
      if (isClosed) throw new Error("The upstreams are closed");
      const user: User = { grants };
      const caps = Object.values(config.clients).map((client) => client.maxResponseBytes);
      const maxLineBytes = Math.max(MAX_LIST_BYTES, ...caps);
      const taken = Object.entries(config.upstreams).map(([name, settings]) => {
        const key = `${name} ${toSettingsDigest(settings, maxLineBytes, ports.crypto)}`;
        return { key, upstream: take(key, user, () => start(name, settings, maxLineBytes)) };
      });
      const upstreams = new Map(taken.map(({ upstream }) => [upstream.name, upstream]));
      return {
        names: [...upstreams.keys()],
        get: (name) => upstreams.get(name),
        era: (name) => upstreams.get(name)?.status().era,
        status: () => [...upstreams.values()].map((upstream) => upstream.status()),
        close: async () => {
          for (const { key } of taken) giveBack(key, user);
          await ended();
        },
      };
    },
    missed: news.missed,
    close: async () => {
      isClosed = true;
      news.close();
      for (const [key, { users }] of shared) for (const user of users) giveBack(key, user);
      await ended();
      remote.close();
    },
  };
}
