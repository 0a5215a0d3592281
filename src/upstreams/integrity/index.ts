/** Tools as they were reviewed: the lock, and what to think of the rest. */
export { type Definition, toContent, toDefinition } from "./definition.ts";
export { type FindFlags, type Flag, createFlagger, flagTexts } from "./flags.ts";
export {
  type CleanTool,
  type Gate,
  type Held,
  type Integrity,
  type IntegrityOptions,
  createFindRenamed,
  openIntegrity,
  toFlagText,
} from "./integrity.ts";
export { type LockFile, toLockFault } from "./lock-keep.ts";
export {
  type Lock,
  type LockContent,
  type LockedPlugins,
  type LockedTools,
  emptyContent,
  toPluginKey,
} from "./lock-content.ts";
export { definitionOf, parseLock, toLockText } from "./lock-text.ts";
export { type PluginFile, type PluginLock, judgePlugin } from "./plugin-lock.ts";
export type { IntegrityEvent, Tell } from "./tell.ts";
