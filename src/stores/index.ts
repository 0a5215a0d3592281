/** State that instances share. */
export { openMemoryStore } from "./memory.ts";
