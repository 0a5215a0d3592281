/** What the audit commands stand on when they run for real. */
import { resolvePath } from "../config/index.ts";
import { openRuntime } from "../runtime/index.ts";
import type { AuditGround } from "./audit-output.ts";

const defaultFile = "./audit.jsonl";
/** The longest that a timer takes: about 25 days, again and again. */
const longestMs = 2_147_483_647;

export async function openAuditGround(configFile: string | undefined): Promise<AuditGround> {
  const runtime = await openRuntime();
  const { clock, crypto, files } = runtime;
  const stop = new AbortController();
  const complain = (line: string): void => console.error(line);

  async function auditFile(): Promise<string | undefined> {
    // Only here: loading a config brings the whole gateway with it.
    const { formatFaults, load } = await import("./load.ts");
    const loaded = await load(runtime, { config: configFile, missingSecrets: "warn" });
    if (loaded === undefined) return resolvePath(runtime.cwd(), defaultFile);
    if (loaded.config !== undefined) return resolvePath(loaded.folder, loaded.config.audit.file);
    complain(formatFaults(loaded.faults, runtime.cwd()));
    complain("Cannot tell where the audit file is (--file FILE names it)");
    return undefined;
  }

  function stayAlive(): () => void {
    runtime.onSignal("SIGINT", () => stop.abort());
    const timer = setInterval(() => undefined, longestMs);
    return () => clearInterval(timer);
  }

  return {
    files,
    clock,
    crypto,
    print: (line) => console.log(line),
    complain,
    auditFile,
    signal: stop.signal,
    stayAlive,
  };
}
