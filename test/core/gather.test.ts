import fc from "fast-check";
import { expect, test } from "vitest";
import { createGatherer } from "../../src/core/index.ts";

test("a gatherer gives the pieces back in their order, up to its cap and not beyond", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 200 });
  fc.assert(
    fc.property(pieces, fc.nat(3_000), (list, maxBytes) => {
      const gathered = createGatherer(maxBytes);
      const taken: number[] = [];
      for (const piece of list) {
        const fits = taken.length + piece.length <= maxBytes;
        expect(gathered.add(piece)).toBe(fits);
        if (fits) taken.push(...piece);
      }
      expect([...gathered.bytes()]).toEqual(taken);
    }),
  );
});

test("a gatherer keeps no piece, so that a thousand small ones hold no thousand buffers", () => {
  const gathered = createGatherer(10_000);
  const piece = new Uint8Array([1]);
  for (let count = 0; count < 1_000; count++) gathered.add(piece);
  piece[0] = 2;
  expect(gathered.bytes().every((byte) => byte === 1)).toBe(true);
});
