/** Which of the lists that are kept are right because their changes are heard of. */
import type { ListChange } from "./link.ts";

/**
 * From here on changes of these lists of this scope are heard of; gives back how to stop. What was
 * kept before anybody heard of them may be out of date, and is forgotten.
 */
export type Hearing = (lists: ReadonlySet<ListChange>, scope: string) => () => void;

export function createHearing(forget: (list: ListChange, scope: string) => void): Hearing {
  const heard = new Map<string, number>();

  return (lists, scope) => {
    const places = [...lists].map((list) => ({ list, key: `${list} ${scope}` }));
    for (const { list, key } of places) {
      const ears = heard.get(key) ?? 0;
      heard.set(key, ears + 1);
      if (ears === 0) forget(list, scope);
    }
    return () => {
      for (const { key } of places) {
        const ears = heard.get(key) ?? 0;
        if (ears > 1) heard.set(key, ears - 1);
        else heard.delete(key);
      }
    };
  };
}
