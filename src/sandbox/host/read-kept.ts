/** What the store keeps at a place of ours. */
import { type Store, StoreLost } from "../../core/index.ts";

/** Something that was changed by hand into no value at all counts as nothing, and goes. */
export async function readKept(store: Store, address: string): Promise<string | undefined> {
  try {
    return await store.get(address);
  } catch (error) {
    if (error instanceof StoreLost) throw error;
    await store.delete(address);
    return undefined;
  }
}
