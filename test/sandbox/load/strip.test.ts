import { expect, test } from "vitest";
import { stripTypes } from "../../../src/sandbox/load/strip.ts";

test("a source nested so deeply that the stripper breaks is a fault, and so are those after it", async () => {
  expect(await stripTypes("let a: 1")).toEqual({ code: "let a   " });
  expect(await stripTypes("[".repeat(200_000))).toEqual({
    fault: "Is nested too deeply to be read as TypeScript",
    hint: "write it as JavaScript, in a .js file",
  });
  expect(await stripTypes("let a: 1")).toMatchObject({
    hint: "mend that file and restart the gateway",
  });
});
