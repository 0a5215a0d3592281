/** Reads recorded exchanges one after the other, in bounded memory, and counts what cannot be read. */
import { type RecordedCall, readCall } from "../audit/index.ts";
import { type Clock, type Files, utf8Length } from "../core/index.ts";
import type { Progress } from "../runtime/index.ts";

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}
export interface Walked {
  /** Records of all kinds. */
  readonly records: number;
  readonly damaged: number;
  /** The first of them. */
  readonly places: readonly Place[];
}
export interface WalkPorts {
  readonly files: Pick<Files, "readLines">;
  readonly clock: Pick<Clock, "elapsed">;
  readonly progress: Progress;
}

const maxPlaces = 20;
const showEachMs = 100;
const barWidth = 30;

/** Rejects where a file cannot be read. */
export async function walkRecords(
  { files, clock, progress }: WalkPorts,
  paths: readonly string[],
  take: (call: RecordedCall) => void,
): Promise<Walked> {
  const isSeen = progress.isSeen();
  const sizes = isSeen ? await Promise.all(paths.map(progress.fileSize)) : [];
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const places: Place[] = [];
  let records = 0;
  let damaged = 0;
  let bytes = 0;
  let shownAt = -Infinity;
  try {
    for (const file of paths) {
      let line = 0;
      for await (const text of files.readLines(file)) {
        line++;
        const call = readCall(text);
        if (call === "damaged") {
          damaged++;
          if (places.length < maxPlaces) places.push({ file, line });
        } else {
          records++;
          if (call !== "other") take(call);
        }
        if (!isSeen) continue;
        bytes += utf8Length(text) + 1;
        if (line % 256 !== 0 || clock.elapsed() - shownAt < showEachMs) continue;
        shownAt = clock.elapsed();
        progress.show(toBar(bytes, total, records));
      }
    }
  } finally {
    if (isSeen) progress.show("");
  }
  return { records, damaged, places };
}

function toBar(bytes: number, total: number, records: number): string {
  const part = total === 0 ? 0 : Math.min(1, bytes / total);
  const filled = Math.round(part * barWidth);
  const bar = "#".repeat(filled).padEnd(barWidth, "-");
  const percent = String(Math.floor(part * 100)).padStart(3);
  return `[${bar}] ${percent}%  ${records.toLocaleString("en")} records`;
}
