/** A Node stream as a body: read by its events, which cost a third of what its iterator does. */
import type { Readable } from "node:stream";
import { type Body, createGatherer } from "../core/index.ts";

/** `cancel` ends the reading; the connection is its server's to end. */
export function toBody(stream: Readable): Body {
  let giveUp: () => void = () => undefined;
  return {
    read: (maxBytes) =>
      new Promise((resolve, reject) => {
        const gathered = createGatherer(maxBytes);
        const stop = (): void => {
          stream.off("data", take).off("end", end).off("error", fail).off("close", breakOff);
          stream.on("error", () => undefined);
          stream.pause();
        };
        const take = (chunk: Uint8Array): void => {
          if (gathered.add(chunk)) return;
          stop();
          resolve(undefined);
        };
        const end = (): void => {
          stop();
          resolve(gathered.bytes());
        };
        const fail = (error: unknown): void => {
          stop();
          reject(error instanceof Error ? error : new Error(String(error)));
        };
        const breakOff = (): void => fail(new Error("The body broke off"));
        giveUp = () => fail(new Error("The reading was cancelled"));
        if (stream.destroyed || stream.readableEnded) {
          breakOff();
          return;
        }
        stream.on("data", take).on("end", end).on("error", fail).on("close", breakOff);
      }),
    cancel: () => giveUp(),
  };
}
