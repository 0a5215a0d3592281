import { access, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import type { FetchedPackage, PackageRequest, Packages } from "../../src/core/index.ts";
import { at, items, stringOf } from "../../src/mcp/index.ts";
import { createClosing } from "../../src/upstreams/closing.ts";
import { findBin } from "../../src/upstreams/stdio/package-bin.ts";
import { openPackage } from "../../src/upstreams/stdio/package.ts";
import { type Registry, openRegistry, serverPackages } from "../runtime/registry.ts";
import { type Opened, ask, callTool, createFakeClock, keysOf, open } from "./harness.ts";

let registry: Registry;
let folder: string;
let marker: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "package-")));
  marker = join(folder, "ran");
  registry = await openRegistry(serverPackages(marker));
  for (const [name, value] of Object.entries(registry.env)) vi.stubEnv(name, value);
  return async () => {
    vi.unstubAllEnvs();
    await registry.close();
    await rm(folder, { recursive: true });
  };
});

const opened: Opened[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

function openIt(wanted: string): Opened {
  const it = { package: wanted, args: ["one", "--two"], env: { OWN: "own" } };
  const upstreams = open({ it }, { folder });
  opened.push(upstreams);
  return upstreams;
}

async function textOfCall(upstreams: Opened): Promise<string | undefined> {
  const last = await ask(upstreams.the("it"), callTool("hello"));
  if (last.kind !== "result") throw new Error(JSON.stringify(last));
  return stringOf(at(items(at(last.result, "content"))[0], "text"));
}

test("a package is an upstream, started by its bin, and its install scripts never run", async () => {
  const first = openIt("@fixture/server@1.0.0");
  expect(await keysOf(first.the("it"), "tools")).toEqual(["hello"]);
  const about = JSON.stringify({ args: ["one", "--two"], cwd: folder, env: "own" });
  expect(await textOfCall(first)).toBe(`hello ${about}`);
  expect(first.status()).toMatchObject([{ transport: "package", era: "legacy", state: "up" }]);
  await expect(access(join(folder, ".mcp-gw/packages/@fixture/server@1.0.0"))).resolves.toBe(
    undefined,
  );
  registry.asked.length = 0;
  expect(await textOfCall(openIt("@fixture/server@1.0.0"))).toContain("hello");
  expect(registry.asked).toEqual([]);
  await expect(access(marker)).rejects.toThrow("ENOENT");
});

test("a package that the registry does not have is an upstream that is down", async () => {
  const upstreams = openIt("fixture-none@1.0.0");
  const last = await ask(upstreams.the("it"), callTool("hello"));
  expect(last).toMatchObject({ kind: "failure", code: "UPSTREAM_UNAVAILABLE" });
  expect(JSON.stringify(last)).toContain('The package \\"fixture-none@1.0.0\\" cannot be run: ');
  expect(upstreams.logged.filter((line) => line.includes("fixture-none@1.0.0"))).toHaveLength(1);
  expect(upstreams.status()).toMatchObject([{ transport: "package", state: "down" }]);
});

function toPackage(manifest: object, firstLine = ""): FetchedPackage {
  return {
    manifest: JSON.stringify(manifest),
    find: async (path) => (path.startsWith("..") ? undefined : { path: `/p/${path}`, firstLine }),
  };
}

test.each<[string, object, string]>([
  ["s", { bin: "a.js" }, "/p/a.js"],
  ["s", { bin: { other: "a.cjs" } }, "/p/a.cjs"],
  ["@scope/s", { bin: { other: "a.js", s: "b.mjs" } }, "/p/b.mjs"],
  ["constructor", { bin: { constructor: "a.js", s: "b.js" } }, "/p/a.js"],
])("the bin of %s %j is %s", async (name, manifest, path) => {
  expect(await findBin(name, toPackage(manifest))).toBe(path);
});

test.each<[object, string]>([
  [{}, "It has no bin to run"],
  [{ bin: {} }, "It has no bin to run"],
  [{ bin: { a: 1 } }, "It has no bin to run"],
  [{ bin: { a: "a.js", "b\u001b[2J": "b.js" } }, 'None of its bins is called "s": "a", "b [2J"'],
  [{ bin: "../../other/x.js" }, 'Its bin "../../other/x.js" is no file within it'],
  [{ bin: "run.sh" }, 'Its bin "run.sh" is no JavaScript program'],
])("a package %j has no bin that is run", async (manifest, why) => {
  await expect(findBin("s", toPackage(manifest, "#!/bin/sh"))).rejects.toThrow(why);
});

test("a bin without an ending is run where its first line asks for Node", async () => {
  const manifest = { bin: "run" };
  expect(await findBin("s", toPackage(manifest, "#!/usr/bin/env node"))).toBe("/p/run");
  await expect(findBin("s", toPackage(manifest, "echo node"))).rejects.toThrow("no JavaScript");
});

/** A registry whose answers the test gives. */
function openByHand() {
  const clock = createFakeClock();
  const closing = createClosing();
  const logged: string[] = [];
  const asked: PackageRequest[] = [];
  let settle: { yes: (fetched: FetchedPackage) => void; no: (why: Error) => void } | undefined;
  const packages: Packages = {
    fetch: (request) => {
      asked.push(request);
      return new Promise((yes, no) => {
        settle = { yes, no };
        request.signal.addEventListener("abort", () => no(new Error("given up")));
      });
    },
    toCommand: (file) => ({ command: "run", args: [file] }),
  };
  const write = (message: string, fields?: object) => logged.push(message + JSON.stringify(fields));
  const find = openPackage({
    upstream: "it",
    wanted: "s@1.0.0",
    args: ["x"],
    folder: "/kept",
    packages,
    clock,
    log: { debug: write, info: write, warn: write, error: write },
    closing,
    startMs: 10_000,
  });
  return {
    find,
    clock,
    closing,
    logged,
    asked,
    give: (manifest: object) => settle?.yes(toPackage(manifest)),
    refuse: (why: string) => settle?.no(new Error(why)),
  };
}

test("all who want a package at once wait for one fetch", async () => {
  const { find, asked, give } = openByHand();
  const found = [find(), find()];
  give({ bin: "a.js" });
  const program = { command: "run", args: ["/p/a.js", "x"] };
  expect(await Promise.all(found)).toEqual([program, program]);
  expect(asked).toMatchObject([{ name: "s", version: "1.0.0", folder: "/kept" }]);
});

test("a package is looked for anew at the next start of a process", async () => {
  const { find, asked, give } = openByHand();
  for (const count of [1, 2]) {
    const found = find();
    give({ bin: "a.js" });
    await found;
    expect(asked).toHaveLength(count);
  }
});

test("after a failed fetch there is a pause, longer each time, and a good one ends it", async () => {
  const { find, clock, asked, refuse, give, logged } = openByHand();
  const fail = async () => {
    const found = find();
    refuse("no network\u001b[2J");
    return found;
  };
  const why = 'The package "s@1.0.0" cannot be run: no network [2J';
  const failed = { kind: "failure", code: "UPSTREAM_UNAVAILABLE", why };
  for (const [count, pauseMs] of [
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
  ] as const) {
    expect(await fail()).toMatchObject(failed);
    await clock.advance(pauseMs - 1);
    expect(await find()).toMatchObject(failed);
    expect(asked).toHaveLength(count);
    expect(logged).toHaveLength(count);
    await clock.advance(1);
  }
  const found = find();
  give({ bin: "a.js" });
  expect(await found).toMatchObject({ command: "run" });
  expect(await fail()).toMatchObject(failed);
  await clock.advance(1_000);
  void find();
  expect(asked).toHaveLength(6);
});

test("a call that waits in vain goes, and the fetch goes on for the next one", async () => {
  const { find, clock, asked, give } = openByHand();
  const first = find();
  await clock.advance(9_000);
  expect(await first).toMatchObject({
    code: "UPSTREAM_UNAVAILABLE",
    why: '"s@1.0.0" is still being fetched',
  });
  const second = find();
  give({ bin: "a.js" });
  expect(await second).toMatchObject({ command: "run" });
  expect(asked).toHaveLength(1);
});

test("a fetch without an end is given up after five minutes", async () => {
  const { find, clock, asked, logged } = openByHand();
  void find();
  await clock.advance(299_999);
  expect(asked[0]?.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(asked[0]?.signal.aborted).toBe(true);
  expect(logged).toEqual([expect.stringContaining("It was not fetched within 300000 ms")]);
});

test("a gateway that closes gives up what it fetches, without a word", async () => {
  const { find, closing, logged } = openByHand();
  const found = find();
  closing.close();
  expect(await found).toMatchObject({ why: "The gateway is closing" });
  expect(logged).toEqual([]);
});
