import { describe, expect, test } from "vitest";
import { createFits } from "../../../src/sandbox/index.ts";

const call = { method: "tools/call", upstream: "fs", name: "read_file" };

describe("a plugin", () => {
  test("that says nothing is asked about everything", () => {
    expect(createFits([{}, {}])(call)).toBe(true);
    expect(createFits([{ on: ["*"] }])({ ...call, name: undefined })).toBe(true);
  });

  test("is asked where its own match and that of the config both fit", () => {
    const fits = createFits([{ on: ["fs/read_*", "fs/write_*"] }, { on: ["*/*_file"] }]);
    expect(fits(call)).toBe(true);
    expect(fits({ ...call, name: "read_folder" })).toBe(false);
    expect(fits({ ...call, name: "stat_file" })).toBe(false);
    expect(fits({ ...call, upstream: "crm" })).toBe(false);
  });

  test("is asked by method, exactly or with a wildcard", () => {
    const fits = createFits([{ methods: ["tools/call", "resources/*"] }]);
    expect(fits(call)).toBe(true);
    expect(fits({ ...call, method: "resources/read" })).toBe(true);
    expect(fits({ ...call, method: "tools/list" })).toBe(false);
  });

  test("is asked about what has no name wherever some name of the upstream could fit", () => {
    const fits = createFits([{ on: ["fs/read_*"] }]);
    expect(fits({ method: "tools/list", upstream: "fs", name: undefined })).toBe(true);
    expect(fits({ method: "tools/list", upstream: "crm", name: undefined })).toBe(false);
  });

  test("holds the halves of a pattern apart", () => {
    const fits = createFits([{ on: ["a*/x"] }]);
    expect(fits({ ...call, upstream: "a", name: "b/x" })).toBe(false);
    expect(fits({ ...call, upstream: "ab", name: "x" })).toBe(true);
  });

  test("is asked about each spelling of a URI that a server may take for the same", () => {
    const fits = createFits([{ on: ["fs/file:///home/a@b/*", "db/db://users/*"] }]);
    const read = { method: "resources/read" };
    expect(fits({ ...read, upstream: "fs", name: "file:///home/a%40b/key" })).toBe(true);
    expect(fits({ ...read, upstream: "db", name: "db://Users/1" })).toBe(true);
    const encoded = createFits([{ on: ["fs/file:///home/a%40b/*"] }]);
    expect(encoded({ ...read, upstream: "fs", name: "file:///home/a@b/key" })).toBe(true);
  });
});
