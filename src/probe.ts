/** Finds out at start which upstreams are there, without making anybody wait for a dead one. */
import type { Caller, Clock } from "./core/index.ts";
import { latestModern } from "./mcp/index.ts";
import type { UpstreamStatus, Upstreams } from "./upstreams/index.ts";

const patienceMs = 5_000;

/** The gateway asks for itself: no client stands behind this call. */
const caller: Caller = {
  era: "modern",
  revision: latestModern,
  capabilities: undefined,
  clientInfo: undefined,
  logLevel: undefined,
  session: undefined,
};
const client = { name: "", subject: undefined };

export async function probeUpstreams(
  upstreams: Upstreams,
  clock: Clock,
): Promise<readonly UpstreamStatus[]> {
  const giveUp = new AbortController();
  const timer = clock.after(patienceMs, () => giveUp.abort());
  await Promise.all(
    upstreams.names.map(async (name) => {
      await upstreams.get(name)?.list("tools", { client, caller }, giveUp.signal);
    }),
  );
  timer.cancel();
  return upstreams.status();
}
