/** What the gateway did, in numbers, for who looks at many at once. */
export { type MeterCall, type MeteredEnd, type MeteredPlugin } from "./plugin-metrics.ts";
export { type Metrics, type MetricsNow, type RunningPlugin, createMetrics } from "./metrics.ts";
