/** The face of what stands between the rooms and the doors: one process, its gateway, its reload. */
export { type Foundation, type FoundationOptions, openFoundation } from "./foundation.ts";
export { type GatewayOptions, type OpenGateway, openGateway } from "./open-gateway.ts";
export { type PluggedIn, followPlugins, isPluggedIn, plugIn } from "./plug-in.ts";
export { type OperationsOptions, createOperations } from "./operations.ts";
export {
  type BuiltGateway,
  type ReloadOptions,
  type Reloader,
  createReloader,
  withSources,
} from "./reload.ts";
export {
  type CallExplanation,
  type ExplainGround,
  explainCall,
  methodOfKind,
} from "./explain-call.ts";
export { createLockCleaner } from "./lock-cleaner.ts";
export { lockPathOf, toLockFile } from "./lock-file.ts";
