/** What a gateway says of itself when it has started. */
import type { Fault, LoadedConfig } from "../config/index.ts";
import type { OpenGateway } from "../gateway.ts";
import type { UpstreamStatus } from "../upstreams/index.ts";
import { formatFaults } from "./load.ts";
import { toSafeLine } from "./safe-text.ts";
import { toTable } from "./table.ts";

/** A reason may quote what a server said. */
const maxWhy = 80;
/** Names of one upstream. */
const maxShown = 20;

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
  const upstreams = statuses.map(({ name, transport, era, tools, state, why, quarantined }) => [
    name,
    transport,
    era ?? "-",
    tools === undefined ? "-" : toTools(tools, quarantined.length),
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
    ...quarantines(statuses),
    ...warnings(loaded.faults, cwd),
    "",
    foot,
  ].join("\n");
}

function toTools(tools: number, quarantined: number): string {
  return quarantined === 0 ? String(tools) : `${tools} + ${quarantined} quarantined`;
}

function quarantines(statuses: readonly UpstreamStatus[]): string[] {
  const lines = statuses.flatMap(({ name, quarantined }) => {
    if (quarantined.length === 0) return [];
    const shown = quarantined.slice(0, maxShown).join(", ");
    const more = quarantined.length > maxShown ? ", …" : "";
    return [`Quarantined of "${name}": ${toSafeLine(shown, 1_000)}${more}`];
  });
  return lines.length === 0 ? [] : ["", ...lines, "See `mcp-gw lock --check`, then `mcp-gw lock`"];
}

function warnings(faults: readonly Fault[], cwd: string): string[] {
  return faults.length === 0 ? [] : ["", formatFaults(faults, cwd)];
}
