/** How far something long is, on the terminal of a person who waits. */
import { stat } from "node:fs/promises";
import process from "node:process";
import type { Progress } from "./runtime.ts";

export const progress: Progress = {
  isSeen: () => process.stderr.isTTY,
  show: (text) => {
    process.stderr.write(`\r\u001b[2K${text}`);
  },
  fileSize: async (path) => {
    try {
      return (await stat(path)).size;
    } catch {
      // Whoever reads it says why it cannot be read.
      return 0;
    }
  },
};
