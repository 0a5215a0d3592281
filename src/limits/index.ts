/** How often and how much. */
export { type Limits, createLimits } from "./limits.ts";
