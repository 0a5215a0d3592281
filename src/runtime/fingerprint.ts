/** What a file is at this moment, to be compared with what it was. */
import { realpath, stat } from "node:fs/promises";

/**
 * A text that changes with the file: the real path behind its links (Kubernetes swaps one when it
 * renews a secret), inode, size, and time of the last write in nanoseconds, since the same path may
 * be written twice in one millisecond. Empty where there is no file that this process may see.
 */
export async function fingerprint(path: string): Promise<string> {
  try {
    const real = await realpath(path);
    const { ino, size, mtimeNs } = await stat(real, { bigint: true });
    return JSON.stringify([real, ...[ino, size, mtimeNs].map(String)]);
  } catch {
    // Missing, swapped in between, or not ours to see: nothing can be read of it now.
    return "";
  }
}
