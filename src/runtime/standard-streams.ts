/** Standard input and output: bytes for the protocol, and questions to a person at a terminal. */
import process from "node:process";
import { createInterface } from "node:readline/promises";
import type { Terminal } from "./runtime.ts";

export function readStdin(): AsyncIterable<Uint8Array> {
  return process.stdin as AsyncIterable<Uint8Array>;
}

/** Settles when the pipe took the text; rejects where nobody reads any more. */
export function writeStdout(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Without a listener the end of the reader would be an exception of the process.
    if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", () => undefined);
    process.stdout.write(text, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

/** Asks on standard error, so that standard output holds the result alone. */
export const terminal: Terminal = {
  isInteractive: () => process.stdin.isTTY && process.stderr.isTTY,
  ask: async (question) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    const gone = new AbortController();
    lines.once("close", () => gone.abort());
    try {
      return await lines.question(question, { signal: gone.signal });
    } catch (error) {
      if (gone.signal.aborted) return undefined;
      throw error;
    } finally {
      lines.close();
    }
  },
};
