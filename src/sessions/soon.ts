/** Runs `act` when whoever runs now has finished; gives back how to call it off. */
export function soon(act: () => void): () => void {
  let isOff = false;
  queueMicrotask(() => {
    if (!isOff) act();
  });
  return () => {
    isOff = true;
  };
}
