/** How often and how much. */
export { type Limits, type Metering, createLimits } from "./limits.ts";
export { type SlotTable, createSlotTable } from "./slots.ts";
