/** The house's words. */
export * from "./answer.ts";
export * from "./cancellation.ts";
export * from "./exchange.ts";
export * from "./gather.ts";
export * from "./hex.ts";
export * from "./pattern.ts";
export * from "./pipeline.ts";
export * from "./ports.ts";
export * from "./problems.ts";
export * from "./reply.ts";
export * from "./seal.ts";
export * from "./secret.ts";
export * from "./stage.ts";
export * from "./utf8.ts";
export * from "./with-fact.ts";
export * from "./uri.ts";
