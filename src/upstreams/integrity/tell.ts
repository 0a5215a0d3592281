/** What the record and the log are told of tools and plugins: each thing once, and never enough to fill a disk. */
import type { Clock, Log } from "../../core/index.ts";
import { quote } from "../foreign.ts";

/** What has become of one tool, or of one plugin: that is never quarantined, since it runs or does not. */
export interface IntegrityEvent {
  /**
   * `seen`: locked at first sight. `quarantined`: hidden and refused from here on. `changed`: not as
   * it is locked, and served since the mode only reports. `released`: as it is locked again.
   */
  readonly what: "seen" | "quarantined" | "changed" | "released";
  /** Absent for a plugin. */
  readonly upstream?: string | undefined;
  /** Absent for a plugin, and where it speaks of several. */
  readonly tool?: string | undefined;
  /** The file, as the lock names it. */
  readonly plugin?: string | undefined;
  readonly why: string;
}
export type Tell = (event: IntegrityEvent) => void;

interface Seen {
  readonly tool: string;
  readonly why: string;
  readonly isFlagged: boolean;
}
interface Strange {
  readonly tool: string;
  readonly hash: string;
  readonly why: string;
  readonly isHeld: boolean;
}
export interface Teller {
  readonly to: (tell: Tell) => void;
  readonly seen: (upstream: string, tools: readonly Seen[]) => void;
  readonly strange: (upstream: string, tool: Strange) => void;
  /** These are as they are locked. */
  readonly fine: (upstream: string, tools: readonly string[]) => void;
  /** Told each time: they change when an operator has them taken up. */
  readonly plugin: (what: keyof typeof pluginTexts, file: string, why: string) => void;
}

const pluginTexts = {
  seen: "A plugin is seen for the first time, and locked",
  changed: "A plugin is not as it is locked",
  released: "A plugin is as it is locked again",
} as const;

/** Of one list; the others are counted. */
const maxTold = 100;
/** Of one upstream within a minute: one that changes to and fro fills nothing. */
const maxPerMinute = 300;
const minuteMs = 60_000;
/** Tools that are strange at the same time; of more the oldest are forgotten, and told again. */
const maxStrange = 10_000;

export function createTeller({ clock, log }: { readonly clock: Clock; readonly log: Log }): Teller {
  /** By upstream and tool: what was told of it. */
  const strange = new Map<string, string>();
  const told = new Map<string, { readonly from: number; count: number }>();
  let tell: Tell = () => undefined;

  /** False where there was too much in this minute. */
  function hasRoom(upstream: string): boolean {
    const now = clock.elapsed();
    const known = told.get(upstream);
    const minute = known && now - known.from < minuteMs ? known : { from: now, count: 0 };
    told.set(upstream, minute);
    minute.count++;
    if (minute.count === maxPerMinute) {
      log.warn("Tools of an upstream change too often to tell of each", { upstream });
    }
    return minute.count <= maxPerMinute;
  }

  return {
    to: (next) => {
      tell = next;
    },
    seen: (upstream, tools) => {
      if (tools.length === 0) return;
      const names = tools.slice(0, 20).map(({ tool }) => quote(tool, 80));
      log.info("Tools are seen for the first time, and locked", {
        upstream,
        count: tools.length,
        tools: names.join(", "),
      });
      for (const { tool, why, isFlagged } of tools.slice(0, maxTold)) {
        if (!hasRoom(upstream)) return;
        if (isFlagged) log.warn("A new tool is flagged", { upstream, tool: quote(tool, 80), why });
        tell({ what: "seen", upstream, tool, why });
      }
      const more = tools.length - maxTold;
      if (more > 0) tell({ what: "seen", upstream, tool: undefined, why: `${more} more at once` });
    },
    strange: (upstream, { tool, hash, why, isHeld }) => {
      const key = `${upstream}/${tool}`;
      const now = `${hash} ${isHeld}`;
      if (strange.get(key) === now) return;
      strange.set(key, now);
      const [oldest] = strange.keys();
      if (strange.size > maxStrange && oldest !== undefined) strange.delete(oldest);
      if (!hasRoom(upstream)) return;
      const fields = { upstream, tool: quote(tool, 80), why };
      log.warn(isHeld ? "A tool is quarantined" : "A tool is not as it is locked", fields);
      tell({ what: isHeld ? "quarantined" : "changed", upstream, tool, why });
    },
    fine: (upstream, tools) => {
      if (strange.size === 0) return;
      for (const tool of tools) {
        if (!strange.delete(`${upstream}/${tool}`) || !hasRoom(upstream)) continue;
        log.info("A tool is as it is locked again", { upstream, tool: quote(tool, 80) });
        tell({ what: "released", upstream, tool, why: "It is as it is locked" });
      }
    },
    plugin: (what, file, why) => {
      const write = what === "changed" ? log.warn : log.info;
      write(pluginTexts[what], { plugin: quote(file, 200), why });
      tell({ what, plugin: file, why });
    },
  };
}
