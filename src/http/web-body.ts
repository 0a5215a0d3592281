/** A web stream as a body. */
import { type Body, createGatherer } from "../core/index.ts";

/** `open` is called only when the body is wanted: merely naming it can cost a whole `Request`. */
export function toBody(open: () => ReadableStream<Uint8Array> | null): Body {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let isCancelled = false;
  const cancel = (): void => {
    isCancelled = true;
    void reader?.cancel().catch(() => undefined);
  };
  return {
    read: async (maxBytes) => {
      reader = open()?.getReader();
      const gathered = createGatherer(maxBytes);
      for (;;) {
        const next = await reader?.read();
        if (isCancelled) throw new Error("The reading was cancelled");
        if (next === undefined || next.done) return gathered.bytes();
        if (!gathered.add(next.value)) {
          cancel();
          return undefined;
        }
      }
    },
    cancel,
  };
}
