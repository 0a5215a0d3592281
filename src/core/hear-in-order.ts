/** In characters; more that waits is lost, as the bus may lose it. */
const maxWaiting = 64 * 1024 * 1024;

/**
 * Takes the texts of a bus one after the other, in the order in which they came: a text may have come
 * in parts. Where `take` rejects, `failed` hears why, and the next one is taken.
 */
export function hearInOrder(
  take: (text: string) => Promise<void>,
  failed: (error: unknown) => void,
): (text: string) => void {
  let waiting = 0;
  let tail = Promise.resolve();
  return (text) => {
    if (waiting + text.length > maxWaiting) return;
    waiting += text.length;
    tail = tail
      .then(() => take(text))
      .catch(failed)
      .finally(() => {
        waiting -= text.length;
      });
  };
}
