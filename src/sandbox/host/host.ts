/** What a guest may ask of the host, for each plugin and by its grants. */
import { type Cancellation, createComplaint } from "../../core/index.ts";
import type { HostAnswer, HostCall, HostCallName } from "../face.ts";
import { type Act, type HostPlugin, type HostPorts, notGranted } from "./acts.ts";
import { createFetch } from "./fetch.ts";
import { type Kv, createKv } from "./kv.ts";

export interface PluginHost {
  /**
   * For one call of one hook, whose budget it holds: never share one between calls. `signal` ends
   * what is under way.
   */
  readonly forCall: (client: string, signal?: Cancellation) => HostCall;
}
export interface Host {
  /** Throws a `RangeError` where a grant cannot be held to. */
  readonly forPlugin: (plugin: HostPlugin) => PluginHost;
}

const maxCalls = 100;
const maxPending = 16;
/** Of all calls together. */
const maxUnderWay = 1_024;

/**
 * Whatever is asked for is refused unless it was granted, and a fault says nothing of the host. The
 * budget is the thread's to keep; here it is kept once more, should a guest ever get out of its engine.
 */
export function createHost(ports: HostPorts): Host {
  return { forPlugin: (plugin) => createPluginHost(ports, plugin) };
}

function createPluginHost(ports: HostPorts, plugin: HostPlugin): PluginHost {
  const { clock, log } = ports;
  const complain = createComplaint("A plugin cannot fetch", { clock, log });
  const complainOfError = createComplaint("Cannot do what a plugin asks for", { clock, log });
  const { kv, fetch } = plugin.grants;
  const tell = (why: string): void => complain({ plugin: plugin.name, why });
  const acts: Readonly<Record<HostCallName, Act>> = {
    ...(kv === undefined ? noKv : createKv(ports, plugin)),
    fetch: fetch === undefined ? notGranted("fetch") : createFetch(ports, plugin, tell),
  };
  const known = new Map(Object.entries(acts));
  let underWay = 0;

  const run = async (
    name: HostCallName,
    ...[client, args, signal]: Parameters<Act>
  ): Promise<HostAnswer> => {
    try {
      const act = known.get(name);
      return act === undefined
        ? { fault: "The host knows no such thing" }
        : await act(client, args, signal);
    } catch (error) {
      // Its message may hold what the store or a server said.
      const kind = error instanceof Error ? error.name : typeof error;
      complainOfError({ plugin: plugin.name, call: name, error: kind });
      return { fault: `${name} failed` };
    }
  };
  return {
    forCall: (client, signal) => {
      let asked = 0;
      let pending = 0;
      return async (name, args) => {
        if (asked >= maxCalls) return { fault: `A call asks the host at most ${maxCalls} times` };
        if (pending >= maxPending) return { fault: `At most ${maxPending} things are waited for` };
        // Attack: calls that ask for all that they may and end at once, and so never wait for any of it.
        if (underWay >= maxUnderWay)
          return { fault: "The host has too much to do for this plugin" };
        asked++;
        pending++;
        underWay++;
        const answer = await run(name, client, args, signal);
        pending--;
        underWay--;
        return answer;
      };
    },
  };
}

const denied = notGranted("kv");
const noKv: Kv = { "kv.get": denied, "kv.set": denied, "kv.incr": denied, "kv.delete": denied };
