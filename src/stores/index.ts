/** State that instances share, and messages between them. */
export { createMemoryBus } from "./memory-bus.ts";
export { openMemoryStore } from "./memory.ts";
export { openStore } from "./open-store.ts";
export type {
  OpenStore,
  RedisSettings,
  StateChanged,
  StorePorts,
  StoreSettings,
  StoreState,
} from "./settings.ts";
