/** What a gateway says of itself when it has started. */
import type { Fault, LoadedConfig } from "../config/index.ts";
import type { OpenGateway } from "../gateway.ts";
import { formatFaults } from "./load.ts";
import { toSafeLine } from "./safe-text.ts";
import { toTable } from "./table.ts";

/** A reason may quote what a server said. */
const maxWhy = 80;

export interface Described {
  readonly loaded: LoadedConfig;
  readonly gateway: Pick<OpenGateway, "probe">;
  /** The first line, and the last one. */
  readonly head: string;
  readonly foot: string;
  readonly cwd: string;
}

/** The upstreams with their state, the clients, and the warnings; waits for the upstreams a few seconds. */
export async function describe({ loaded, gateway, head, foot, cwd }: Described): Promise<string> {
  const statuses = await gateway.probe();
  const upstreams = statuses.map(({ name, transport, era, tools, state, why }) => [
    name,
    transport,
    era ?? "-",
    tools === undefined ? "-" : String(tools),
    transport === "http" ? "-" : "none",
    state === "down" && why !== undefined ? `down: ${toSafeLine(why, maxWhy)}` : state,
  ]);
  const clients = Object.entries(loaded.config.clients).map(([name, { auth, allow, rate }]) => [
    name,
    typeof auth === "string" ? auth : "token",
    String(allow.tools.length),
    String(allow.resources.length),
    String(allow.prompts.length),
    rate.map(({ perSecond, burst }) => `${perSecond}/s, burst ${burst}`).join("; "),
  ]);
  return [
    head,
    "",
    toTable(["upstream", "transport", "era", "tools", "contained", "state"], upstreams),
    "",
    toTable(["client", "auth", "tools", "resources", "prompts", "rate"], clients),
    ...warnings(loaded.faults, cwd),
    "",
    foot,
  ].join("\n");
}

function warnings(faults: readonly Fault[], cwd: string): string[] {
  return faults.length === 0 ? [] : ["", formatFaults(faults, cwd)];
}
