/** The resources that one legacy session is subscribed to, each once however many follow it. */

/** Of one session. */
const MAX_FOLLOWED = 1_000;
/** Requests on their way at once. */
const AT_ONCE = 8;

export interface Following {
  /** How many of the resources the upstream lets us follow. */
  readonly reached: Promise<number>;
  readonly leave: () => void;
}

export interface Follows {
  readonly follow: (uris: readonly string[]) => Following;
}

interface Followed {
  count: number;
  /** The last thing said of it to the upstream: whether it is subscribed then. */
  said: Promise<boolean>;
}

/** `say` subscribes or unsubscribes, and is true where the upstream does so; it never rejects. */
export function createFollows(say: (starts: boolean, uri: string) => Promise<boolean>): Follows {
  const followed = new Map<string, Followed>();

  /** Undefined where there are too many. */
  function join(uri: string): Followed | undefined {
    const known = followed.get(uri);
    if (known === undefined && followed.size >= MAX_FOLLOWED) return undefined;
    const one = known ?? { count: 0, said: Promise.resolve(false) };
    followed.set(uri, one);
    one.count++;
    one.said = one.said.then((isSubscribed) => isSubscribed || say(true, uri));
    return one;
  }

  function part(uri: string, one: Followed): void {
    one.count--;
    if (one.count > 0) return;
    one.said = one.said.then(async (isSubscribed) => {
      // Somebody may have come back for it meanwhile.
      if (one.count > 0) return isSubscribed;
      if (isSubscribed) await say(false, uri);
      if (one.count === 0) followed.delete(uri);
      return false;
    });
  }

  return {
    follow: (uris) => {
      const joined: (() => void)[] = [];
      let isLeft = false;
      const joinOne = async (uri: string): Promise<number> => {
        const one = isLeft ? undefined : join(uri);
        if (one === undefined) return 0;
        joined.push(() => part(uri, one));
        return (await one.said) ? 1 : 0;
      };
      const joinAll = async (): Promise<number> => {
        let reached = 0;
        for (let at = 0; at < uris.length; at += AT_ONCE) {
          const said = await Promise.all(uris.slice(at, at + AT_ONCE).map(joinOne));
          reached += said.reduce((sum, each) => sum + each, 0);
        }
        return reached;
      };
      return {
        reached: joinAll(),
        leave: () => {
          isLeft = true;
          for (const leave of joined.splice(0)) leave();
        },
      };
    },
  };
}
