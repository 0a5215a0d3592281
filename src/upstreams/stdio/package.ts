/** Upstreams that are packages: fetched before their process starts, and run by their bin. */
import { parsePackageName } from "../../config/index.ts";
import {
  type Clock,
  type Failure,
  type Log,
  type Packages,
  createCanceller,
  failure,
} from "../../core/index.ts";
import type { Closing } from "../closing.ts";
import { quote } from "../foreign.ts";
import { isFailure } from "../link.ts";
import { findBin } from "./package-bin.ts";
import type { Program } from "./child.ts";
import { within } from "../watch.ts";

/** For a large package on a slow line. */
const FETCH_MS = 300_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** Of a caller's patience: it ends before the call does, which could only say that nothing came. */
const SHARE = 0.9;
const MAX_WHY = 400;

export interface PackageSettings {
  readonly upstream: string;
  /** `name@version`. */
  readonly wanted: string;
  readonly args: readonly string[];
  /** Where packages are kept; absolute. */
  readonly folder: string;
  readonly packages: Packages;
  readonly clock: Clock;
  readonly log: Log;
  readonly closing: Closing;
  /** How long a process may take to start, and its package to be there. */
  readonly startMs: number;
}

/**
 * Gives the program of the package, looked for anew at each start of a process: what was lost of it
 * is fetched again. Several who want it at once wait for one fetch, which goes on without them, and
 * after one that failed there is a pause.
 */
export function openPackage(settings: PackageSettings): () => Promise<Program | Failure> {
  const { wanted, clock, startMs } = settings;
  let finding: Promise<Program | Failure> | undefined;
  let fault: Failure | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let pausedUntil = 0;

  async function look(): Promise<Program | Failure> {
    const found = await find(settings);
    finding = undefined;
    if (isFailure(found)) {
      fault = found;
      pausedUntil = clock.elapsed() + pauseMs;
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    } else {
      fault = undefined;
      pauseMs = FIRST_PAUSE_MS;
    }
    return found;
  }

  return async () => {
    if (finding === undefined && fault !== undefined && clock.elapsed() < pausedUntil) return fault;
    finding ??= look();
    const late = failure("UPSTREAM_UNAVAILABLE", `"${wanted}" is still being fetched`);
    return (await within(finding, startMs * SHARE, clock)) ?? late;
  };
}

/** Never rejects. */
async function find(settings: PackageSettings): Promise<Program | Failure> {
  const { upstream, wanted, args, folder, packages, clock, log, closing } = settings;
  const giveUp = createCanceller();
  const unlisten = closing.onClose(giveUp.abort);
  let isLate = false;
  const timer = clock.after(FETCH_MS, () => {
    isLate = true;
    giveUp.abort();
  });
  try {
    const named = parsePackageName(wanted);
    if (named === undefined) throw new Error("It names no exact version");
    const fetched = await packages.fetch({ ...named, folder, signal: giveUp.signal });
    const program = packages.toCommand(await findBin(named.name, fetched));
    return { command: program.command, args: [...program.args, ...args] };
  } catch (error) {
    if (closing.isClosed()) return failure("UPSTREAM_UNAVAILABLE", "The gateway is closing");
    const said = quote(error instanceof Error ? error.message : "", MAX_WHY);
    const why = isLate ? `It was not fetched within ${FETCH_MS} ms` : said;
    log.warn("An upstream's package cannot be run", { upstream, package: wanted, why });
    return failure("UPSTREAM_UNAVAILABLE", `The package "${wanted}" cannot be run: ${why}`);
  } finally {
    timer.cancel();
    unlisten();
  }
}
