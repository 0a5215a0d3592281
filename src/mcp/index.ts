/** The protocol's words. */
export * from "./call-result.ts";
export * from "./canonical.ts";
export * from "./era.ts";
export * from "./event-stream.ts";
export * from "./header-value.ts";
export * from "./header-view.ts";
export * from "./headers.ts";
export * from "./input.ts";
export * from "./json.ts";
export * from "./message.ts";
export * from "./methods.ts";
export * from "./param-headers.ts";
export * from "./parse-json.ts";
export * from "./schema.ts";
export * from "./severity.ts";
export * from "./splice.ts";
export * from "./translate.ts";
