/** Opens the audit of one gateway: room, order and form of its records. */
import type { AuditConfig } from "../config/index.ts";
import type { Ports } from "../core/index.ts";
import type { Json } from "../mcp/index.ts";
import type { Audit, AuditEntry, Reservation } from "./entry.ts";
import { openJournal } from "./journal.ts";
import { createRecorder, type OwnNotes } from "./record.ts";
import { createStrangers } from "./strangers.ts";

export interface AuditOptions {
  readonly settings: AuditConfig;
  /** The file, resolved; one gateway at a time writes it. */
  readonly path: string;
  /** The name of this process among its siblings. */
  readonly instance: string;
  /** Digest of the config. */
  readonly config: string;
  readonly ports: Pick<Ports, "files" | "clock" | "crypto" | "log">;
  /** Takes secrets out of a value before it is written. */
  readonly clean: (json: Json) => { readonly json: Json };
}

const maxRecords = 10_000;
const maxCharacters = 16 * 1_048_576;

/** Rejects where the file cannot be opened, or ends in something that is no audit record. */
export async function openAudit(options: AuditOptions): Promise<Audit> {
  const { settings, ports } = options;
  const { clock, crypto, log } = ports;
  const { journal, end } = await openJournal(options);
  const toRecord = createRecorder({ ...options, ...settings, crypto, log });
  const mayDrop = settings.onFull === "drop";
  let reserved = 0;
  let dropped = 0;

  async function write(entry: AuditEntry, notes: OwnNotes = {}): Promise<void> {
    const seal = toRecord(entry, dropped > 0 ? { ...notes, dropped } : notes);
    dropped = 0;
    try {
      await journal.add(seal);
    } catch (error) {
      // The journal has it, told the operator and tries again; "drop" makes no call wait for that.
      if (!mayDrop) throw error;
    }
  }

  function isFull(): boolean {
    const { lines, characters } = journal.pending();
    return journal.isFailing() || reserved + lines >= maxRecords || characters >= maxCharacters;
  }

  function reserve(): Reservation | undefined {
    if (!isFull()) return hold();
    return mayDrop ? dropping() : undefined;
  }

  function hold(): Reservation {
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
        if (dropped === 0) log.warn("Audit records are dropped", { file: options.path });
        dropped++;
      },
      release: () => undefined,
    };
  }

  /** For records that nobody's call waits for; the journal has said what went wrong. */
  async function note(entry: AuditEntry, notes?: OwnNotes): Promise<void> {
    await write(entry, notes).catch(() => undefined);
  }

  const strangers = createStrangers({ clock, write: note, takes: () => !isFull() });

  async function close(): Promise<void> {
    strangers.close();
    void note({ kind: "stop", time: clock.now() });
    await journal.close();
  }

  if (end.torn > 0) log.warn("The audit file ended in a cut record", { file: options.path });
  try {
    await write({ kind: "start", time: clock.now() }, end.torn > 0 ? { torn: end.torn } : {});
  } catch (error) {
    await journal.close();
    throw error;
  }
  return { reserve, refused: strangers.refused, close };
}
