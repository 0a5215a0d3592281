import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createShelf } from "../../src/sessions/shelf.ts";

test("A full shelf throws out what its heaviest owner used least recently", () => {
  const thrown: string[] = [];
  const shelf = createShelf<string>(100, (item) => thrown.push(item));
  shelf.put("ann 1", "ann", 20);
  shelf.put("ben 1", "ben", 30);
  shelf.put("ben 2", "ben", 30);
  shelf.put("ben 1", "ben", 30);
  shelf.put("ann 2", "ann", 20);
  expect(thrown).toEqual([]);
  shelf.put("ann 2", "ann", 21);
  expect(thrown).toEqual(["ben 2"]);
  shelf.put("ann 3", "ann", 60);
  expect(thrown).toEqual(["ben 2", "ann 1", "ann 2"]);
});

test("A shelf never weighs more than its cap, and counts exactly what is on it", () => {
  const put = fc.record({
    item: fc.integer({ min: 0, max: 20 }),
    weight: fc.integer({ min: 0, max: 60 }),
    isDrop: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(put), (puts) => {
      const on = new Map<number, number>();
      const shelf = createShelf<number>(100, (item) => on.delete(item));
      for (const { item, weight, isDrop } of puts) {
        if (isDrop) {
          on.delete(item);
          shelf.drop(item);
        } else {
          on.set(item, weight);
          shelf.put(item, `owner ${item % 3}`, weight);
        }
        expect(shelf.weight()).toBe([...on.values()].reduce((sum, each) => sum + each, 0));
        expect(shelf.weight()).toBeLessThanOrEqual(100);
      }
      for (const item of on.keys()) shelf.drop(item);
      expect([shelf.weight(), shelf.entries()]).toEqual([0, 0]);
    }),
  );
});
