/** How often and how much. */
export type { NamedBucket } from "./buckets.ts";
export { type Limits, type Metering, createLimits } from "./limits.ts";
export { type SlotTable, createSlotTable } from "./slots.ts";
