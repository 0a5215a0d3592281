/** One state from several connections, and the log of it. */
import type { Ports, StoreLost } from "../core/index.ts";
import type { StateChanged, StoreState } from "./settings.ts";

export interface StateWatch {
  /** Undefined where the connection is up. */
  readonly set: (connection: string, loss: StoreLost | undefined) => void;
  readonly state: () => StoreState;
}

/** Says each change once, and while it is lost each new reason. */
export function createStateWatch(
  ports: Pick<Ports, "clock" | "log">,
  shown: string,
  changed: StateChanged,
): StateWatch {
  const { clock, log } = ports;
  const losses = new Map<string, StoreLost>();
  let lostAt: number | undefined;
  let said = "";
  return {
    set: (connection, loss) => {
      if (loss) losses.set(connection, loss);
      else losses.delete(connection);
      const [first] = losses.values();
      if (first === undefined) {
        if (lostAt === undefined) return;
        const lostMs = Math.round(clock.elapsed() - lostAt);
        lostAt = undefined;
        said = "";
        log.info("The store is back", { url: shown, lostMs });
        changed("up");
        return;
      }
      const isNew = lostAt === undefined;
      lostAt ??= clock.elapsed();
      if (first.message !== said) log.warn(first.message, { connection });
      said = first.message;
      if (isNew) changed("lost", first);
    },
    state: () => (lostAt === undefined ? "up" : "lost"),
  };
}
