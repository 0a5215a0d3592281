/** What the engine reaches the outside through. */
import type { Clock } from "../../core/index.ts";

export interface EnginePorts extends Pick<Clock, "elapsed" | "after"> {
  /** Lower-case hex. */
  readonly sha256: (data: string | Uint8Array) => string;
  readonly randomUUID: () => string;
}
