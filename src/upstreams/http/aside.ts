/** What is sent to an upstream without a wait for its answer. */
import type { EgressResponse, Failure } from "../../core/index.ts";
import type { HttpContext } from "./exchange.ts";
import { post, remove } from "./post.ts";
import { isFailure } from "../link.ts";
import { type Watch, openWatch } from "../watch.ts";

const ASIDE_MS = 2_000;

type Headers = Readonly<Record<string, string>>;

export interface Aside {
  /** Settles when it was taken or given up; never rejects. */
  readonly send: (headers: Headers, text: string) => Promise<void>;
  /** `DELETE`, by which a session ends. */
  readonly remove: (headers: Headers) => Promise<void>;
  /** Settles when nothing is on its way. */
  readonly idle: () => Promise<void>;
}

export function createAside({ endpoint, clock, notice }: HttpContext): Aside {
  const sent = new Set<Promise<void>>();

  function run(ask: (watch: Watch) => Promise<EgressResponse | Failure>): Promise<void> {
    const asking = async (): Promise<void> => {
      const watch = openWatch(clock, { timeoutMs: ASIDE_MS, deadlineMs: ASIDE_MS });
      const response = await ask(watch);
      watch.close();
      if (isFailure(response)) notice("An upstream did not take what was sent to it");
      else response.cancel();
    };
    const one = asking().finally(() => sent.delete(one));
    sent.add(one);
    return one;
  }

  return {
    send: (headers, text) => run(({ signal }) => post(endpoint, text, headers, signal, ASIDE_MS)),
    remove: (headers) => run(({ signal }) => remove(endpoint, headers, signal, ASIDE_MS)),
    idle: async () => {
      await Promise.all(sent);
    },
  };
}
