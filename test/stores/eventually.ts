/** Waiting for what a real server does, which no clock of ours moves. */

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** How long it took; rejects after `deadlineMs`. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  deadlineMs = 5000,
): Promise<number> {
  const start = performance.now();
  for (;;) {
    if (await holds()) return performance.now() - start;
    if (performance.now() - start > deadlineMs) throw new Error("It did not come to hold in time");
    await sleep(10);
  }
}
