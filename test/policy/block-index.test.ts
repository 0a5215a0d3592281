import { expect, test } from "vitest";
import type { Block } from "../../src/core/index.ts";
import { createBlockIndex } from "../../src/policy/block-index.ts";

const tool = { kind: "tool", upstream: "x", name: "t" } as const;
const ann = { client: "web", subject: "ann" };

/** A block that counts how often it is looked at. */
function counted(block: Partial<Block>, count: () => void): Block {
  const whole: Block = { id: "b", why: "w", by: "o", at: 1, ...block };
  return new Proxy(whole, {
    get: (target, key) => {
      count();
      return Reflect.get(target, key);
    },
  });
}

test("A thousand blocks of others cost a caller nothing", () => {
  let looks = 0;
  const blocks = Array.from({ length: 1_000 }, (_, index) =>
    counted(
      index % 2 === 0 ? { client: `c${index}`, target: "x/*a*" } : { subject: `s${index}` },
      () => looks++,
    ),
  );
  const find = createBlockIndex(blocks);
  looks = 0;
  expect(find(ann, tool, 5)).toBeUndefined();
  expect(find({ client: "web", subject: undefined }, tool, 5)).toBeUndefined();
  expect(looks).toBe(0);
  expect(find({ client: "c2", subject: "ann" }, { ...tool, name: "a" }, 5)).toBeDefined();
  expect(find({ client: "web", subject: "s3" }, undefined, 5)).toBeDefined();
});

test("A client is not taken for a subject of the same name, nor for nobody", () => {
  const find = createBlockIndex([
    { id: "1", why: "w", by: "o", at: 1, client: "ann" },
    { id: "2", why: "w", by: "o", at: 1, subject: "web" },
    { id: "3", why: "w", by: "o", at: 1, subject: "undefined", client: "undefined" },
  ]);
  expect(find(ann, tool, 5)).toBeUndefined();
  expect(find({ client: "web", subject: undefined }, tool, 5)).toBeUndefined();
  expect(find({ client: "ann", subject: "web" }, tool, 5)).toBeDefined();
});
