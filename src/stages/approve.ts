import { type Approved, type Judged, type Stage, pass, withFact } from "../core/index.ts";

/** No rule of this version asks a person, so there is nothing to wait for. */
export function approve(): Stage<Judged, Approved> {
  return {
    name: "approve",
    run: (exchange) => pass(withFact(exchange, { approval: undefined })),
  };
}
