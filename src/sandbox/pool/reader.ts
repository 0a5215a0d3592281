/** Takes the types out of TypeScript in a thread of its own, which is given up where that does not end. */
import type { Clock, Crypto, Log, Threads } from "../../core/index.ts";
import type { StripFault, Stripped } from "../load/strip.ts";
import { type Link, openLink } from "./link.ts";

export interface Reader {
  /** One after the other, so that it can be said which one does not end. Never rejects. */
  readonly strip: (source: string) => Promise<Stripped>;
  readonly close: () => void;
}
export interface ReaderPorts {
  readonly threads: Threads;
  readonly clock: Clock;
  readonly log: Log;
  readonly crypto: Pick<Crypto, "sha256">;
}

/** Files come one after another, and a thread takes a quarter of a second until it reads. */
const idleMs = 2_000;
const endless: StripFault = {
  fault: "Cannot be read as TypeScript within some seconds",
  hint: "write it as JavaScript, in a .js file",
};
const closed: StripFault = { fault: "The gateway is closing" };

/**
 * Attack: a line of TypeScript whose reading takes twice as long with each further `<T>(`, which would
 * hold up every client as soon as the file is saved, and before anybody has looked at its hash.
 */
export function createReader({ threads, clock, log, crypto }: ReaderPorts): Reader {
  /** Digests; on Deno a thread that is given up still burns, so that one try has to do. */
  const given = new Set<string>();
  let link: Link | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let ids = 0;
  let rest: { readonly cancel: () => void } | undefined;
  let isClosed = false;

  const end = (): void => {
    link?.end();
    link = undefined;
  };
  const start = (): Link =>
    openLink({
      threads,
      clock,
      reopened: () => undefined,
      lost: ({ why }) => {
        link = undefined;
        log.error("The thread that reads TypeScript is lost", { why });
      },
    });
  const read = async (source: string): Promise<Stripped> => {
    const digest = crypto.sha256(source);
    if (given.has(digest)) return endless;
    if (isClosed) return closed;
    rest?.cancel();
    const taken = (link ??= start());
    const said = await new Promise<Stripped>((resolve) => {
      taken.order(
        { type: "strip", id: ++ids, source },
        {
          ended: (report) => resolve(report.type === "stripped" ? report.said : endless),
          lost: () => resolve(isClosed ? closed : endless),
        },
      );
    });
    if (said === endless) given.add(digest);
    // What was nested too deeply has broken the parser of its thread.
    if ("fault" in said) end();
    else rest = clock.after(idleMs, end);
    return said;
  };

  return {
    strip: (source) => {
      const said = last.then(() => read(source));
      last = said;
      return said;
    },
    close: () => {
      isClosed = true;
      rest?.cancel();
      end();
    },
  };
}
