/** Opens the audit of one process: one file, one chain and one room for all configs it runs by. */
import type { AuditConfig } from "../config/index.ts";
import type { Ports } from "../core/index.ts";
import type { Json } from "../mcp/index.ts";
import type { Audit, AuditEntry, Reservation } from "./entry.ts";
import { openJournal } from "./journal.ts";
import { createRecorder, type OwnNotes } from "./record.ts";
import { createStrangers } from "./strangers.ts";

/** What a config says about its records. */
export interface AuditView {
  readonly settings: Pick<AuditConfig, "arguments" | "results" | "onFull">;
  /** Digest of the config. */
  readonly config: string;
  /** Takes secrets out of a value before it is written. */
  readonly clean: (json: Json) => { readonly json: Json };
}
/** What one process writes. */
export interface AuditFile {
  /** The audit for what is decided by one config; several at a time share the file and its room. */
  readonly under: (view: AuditView) => Audit;
  /** Writes what is owed and the "stop" record; never rejects. */
  readonly close: () => Promise<void>;
}
export interface AuditOptions {
  /** The file, resolved; one process at a time writes it. */
  readonly path: string;
  /** The name of this process among its siblings. */
  readonly instance: string;
  readonly ports: Pick<Ports, "files" | "clock" | "crypto" | "log">;
  /** Of the config that the process starts with. */
  readonly first: AuditView;
}

type Write = (entry: AuditEntry, notes?: OwnNotes) => Promise<void>;

const maxRecords = 10_000;
const maxCharacters = 16 * 1_048_576;

/** Rejects where the file cannot be opened, or ends in something that is no audit record. */
export async function openAudit(options: AuditOptions): Promise<AuditFile> {
  const { path, instance, ports, first } = options;
  const { clock, crypto, log } = ports;
  const { journal, end } = await openJournal(options);
  // The digest is for comparing calls within one run; without the key nobody can try values.
  const key = crypto.randomBytes(32);
  let reserved = 0;
  let dropped = 0;
  let opened = 0;
  let latest = { order: 0, write: toWrite(first) };

  function toWrite({ settings, config, clean }: AuditView): Write {
    const toRecord = createRecorder({ ...settings, config, clean, instance, key, crypto, log });
    return async (entry, notes = {}) => {
      const seal = toRecord(entry, dropped > 0 ? { ...notes, dropped } : notes);
      dropped = 0;
      try {
        await journal.add(seal);
      } catch (error) {
        // The journal has it, told the operator and tries again; "drop" makes no call wait for that.
        if (settings.onFull !== "drop") throw error;
      }
    };
  }

  function isFull(): boolean {
    const { lines, characters } = journal.pending();
    return journal.isFailing() || reserved + lines >= maxRecords || characters >= maxCharacters;
  }

  function under(view: AuditView): Audit {
    const order = ++opened;
    const write = toWrite(view);
    /** A config whose reload was refused is never asked for anything, and signs nothing. */
    const use = (): void => {
      if (order > latest.order) latest = { order, write };
    };
    return {
      reserve: () => {
        use();
        if (!isFull()) return hold(write);
        return view.settings.onFull === "drop" ? dropping() : undefined;
      },
      refused: (entry) => {
        use();
        return strangers.refused(entry, (record) => note(write, record));
      },
    };
  }

  function hold(write: Write): Reservation {
    let isHeld = true;
    reserved++;
    const release = (): void => {
      if (isHeld) reserved--;
      isHeld = false;
    };
    return {
      write: (entry) => {
        if (!isHeld) return Promise.reject(new Error("A reservation holds room for one record"));
        release();
        const written = write(entry);
        // Who does not wait must not bring the process down when the disk is full.
        written.catch(() => undefined);
        return written;
      },
      release,
    };
  }

  function dropping(): Reservation {
    return {
      write: async () => {
        if (dropped === 0) log.warn("Audit records are dropped", { file: path });
        dropped++;
      },
      release: () => undefined,
    };
  }

  const strangers = createStrangers({
    clock,
    writeSum: (entry, sum) => note(latest.write, entry, sum),
    takes: () => !isFull(),
  });

  async function close(): Promise<void> {
    strangers.close();
    void note(latest.write, { kind: "stop", time: clock.now() });
    await journal.close();
  }

  if (end.torn > 0) log.warn("The audit file ended in a cut record", { file: path });
  try {
    const notes = end.torn > 0 ? { torn: end.torn } : {};
    await latest.write({ kind: "start", time: clock.now() }, notes);
  } catch (error) {
    await journal.close();
    throw error;
  }
  return { under, close };
}

/** For records that nobody's call waits for; the journal has said what went wrong. */
async function note(write: Write, entry: AuditEntry, notes?: OwnNotes): Promise<void> {
  await write(entry, notes).catch(() => undefined);
}
