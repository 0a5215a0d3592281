/** `mcp-gw block`, `unblock`, `blocks` and `reload`, before a real listener of the admin door. */
import { readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { block } from "../../src/cli/block.ts";
import { blocks } from "../../src/cli/blocks.ts";
import { load } from "../../src/cli/load.ts";
import { reload } from "../../src/cli/reload.ts";
import { findHolder, runFileOf, writeRunFile } from "../../src/cli/run-file.ts";
import { unblock } from "../../src/cli/unblock.ts";
import type { LoadedConfig } from "../../src/config/index.ts";
import { createAdminApp } from "../../src/http/index.ts";
import { type Runtime, openRuntime } from "../../src/runtime/index.ts";
import { auditLockOf } from "../../src/instance.ts";
import {
  type FakeOperations,
  type FakeOperationsSettings,
  adminTokens,
  createFakeOperations,
} from "../http/admin-fakes.ts";
import { folderWith, start } from "./processes.ts";

let folder: string;
let file: string;
let loaded: LoadedConfig;
let runtime: Runtime;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  ({ folder, file } = await folderWith({ clients: {}, audit: { file: "first.jsonl" } }));
  runtime = { ...(await openRuntime()), cwd: () => folder, env: {} };
  const found = await load(runtime, { missingSecrets: "warn" });
  if (found?.config === undefined) throw new Error("The config is not good");
  loaded = found;
});
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function serve(settings: FakeOperationsSettings = {}) {
  const operations = createFakeOperations(settings);
  const app = createAdminApp(operations, {
    hosts: (name) => name === "127.0.0.1",
    peer: () => "127.0.0.1",
    connection: (context) =>
      context.env as ReturnType<Parameters<typeof createAdminApp>[1]["connection"]>,
    address: (peer) => peer,
    ports: runtime,
  });
  const listening = await runtime.serve({
    host: "127.0.0.1",
    port: 0,
    fetch: (request, peer) => app.fetch(request, peer),
  });
  ends.push(() => listening.close(0));
  return { operations, url: `http://127.0.0.1:${listening.port}` };
}

/** This process is the gateway that runs here. */
async function announce(admin: { url: string; token?: string } | undefined): Promise<void> {
  const lock = await runtime.lock(auditLockOf(loaded));
  const { digest } = loaded;
  const url = "http://127.0.0.1:1";
  const running = { pid: runtime.pid, url, config: file, digest, clients: {} };
  const forget = await writeRunFile(loaded, { ...running, ...(admin && { admin }) }, runtime);
  ends.push(async () => {
    await forget();
    await lock.release();
  });
}

async function openHere(settings: FakeOperationsSettings = {}): Promise<FakeOperations> {
  const { operations, url } = await serve(settings);
  await announce({ url, token: adminTokens.all });
  return operations;
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
const commands = { block, unblock, blocks, reload };

async function run(
  name: keyof typeof commands,
  options: object = {},
  env: Runtime["env"] = {},
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const output = {
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
  };
  const command = commands[name] as (...given: unknown[]) => Promise<number>;
  const code = await command({ all: false, json: false, ...options }, { ...runtime, env }, output);
  return { code, out: out.join("\n"), err: err.join("\n") };
}

describe("block, blocks and unblock", () => {
  test("set a block, show it and take it back", async () => {
    const operations = await openHere();
    const before = Date.now();
    const why = "Odd refunds";
    const set = await run("block", { target: "pay/*", client: "web-app", for: "2h", why });
    expect(set.code).toBe(0);
    expect(set.out).toMatch(/^Blocked pay\/\*, client web-app until \d{4}-.*Z \(b1\)$/m);
    expect(set.out).toContain("mcp-gw unblock b1");
    const [kept] = operations.blocks.list();
    expect(kept).toMatchObject({ target: "pay/*", client: "web-app", why, by: "all" });
    expect((kept?.until ?? 0) - before).toBeGreaterThanOrEqual(7_200_000);
    expect((kept?.until ?? 0) - Date.now()).toBeLessThanOrEqual(7_200_000);
    const shown = await run("blocks");
    expect(shown.out).toMatch(/^id +what +since +until +why +by$/m);
    expect(shown.out).toMatch(
      /^b1 +pay\/\*, client web-app +1970-\S+ +\d{4}-\S+ +Odd refunds +all$/m,
    );
    expect(await run("unblock", { what: "b1" })).toEqual({ code: 0, out: "Took back b1", err: "" });
    expect((await run("blocks")).out).toBe("Nothing is blocked");
    expect(await run("unblock", { all: true })).toMatchObject({
      code: 1,
      err: "Nothing is blocked",
    });
  });

  test("warn where the config does not have what is blocked", async () => {
    await openHere({ doubts: () => ['No "web-\u001bap"'] });
    const set = await run("block", { client: "web-ap", why: "w" });
    expect(set).toMatchObject({ code: 0, err: 'Warning: No "web-<U+001B>ap"' });
    expect(set.out).toContain("Blocked client web-ap");
  });

  test("take back what was set by exactly the same words, and nothing else", async () => {
    const operations = await openHere();
    const why = "w";
    for (const what of [
      { target: "a/*" },
      { target: "a/*", client: "c" },
      { client: "c" },
      { client: "c" },
      { subject: "s" },
      { all: true },
    ]) {
      expect((await run("block", { ...what, why })).code).toBe(0);
    }
    const left = () => operations.blocks.list().map(({ id }) => id);
    expect((await run("unblock", { client: "c" })).out).toBe("Took back b3\nTook back b4");
    expect(left()).toEqual(["b1", "b2", "b5", "b6"]);
    await run("unblock", { what: "a/*" });
    expect(left()).toEqual(["b2", "b5", "b6"]);
    await run("unblock", { all: true });
    expect(left()).toEqual(["b2", "b5"]);
    expect(await run("unblock", { what: "a/b" })).toMatchObject({
      code: 1,
      err: "There is no block of a/b alone (mcp-gw blocks shows all 2)",
    });
    expect(await run("unblock", { what: "b9" })).toMatchObject({
      code: 1,
      err: expect.stringContaining("BLOCK_UNKNOWN"),
    });
    expect(left()).toEqual(["b2", "b5"]);
  });

  test("print JSON where they are asked to", async () => {
    await openHere();
    const set = await run("block", { all: true, why: "w", json: true });
    const expected = { id: "b1", at: 1_000, why: "w", by: "all" };
    expect(JSON.parse(set.out)).toEqual(expected);
    expect(JSON.parse((await run("blocks", { json: true })).out)).toEqual([expected]);
    const gone = await run("unblock", { what: "b1", json: true });
    expect(JSON.parse(gone.out)).toEqual({ removed: ["b1"] });
  });

  test.each([
    [{ target: "a/b" }, "--why TEXT must say why"],
    [{ target: "a/b", why: " " }, "--why TEXT must say why"],
    [{ why: "w" }, "Say what: TARGET, --client NAME, --subject SUBJECT, or --all"],
    [{ client: "", why: "w" }, "The client is empty"],
    [{ all: true, client: "c", why: "w" }, "--all stands alone"],
    ...["2", "0h", "-1h", "1.5h", "2 h", "2hours", "", "1w", "99999999d"].map(
      (span) => [{ all: true, for: span, why: "w" }, `Cannot read --for "${span}"`] as const,
    ),
  ] as const)("block is wrong usage with %j", async (options, said) => {
    expect(await run("block", options)).toMatchObject({
      code: 2,
      err: expect.stringContaining(said),
    });
  });

  test("unblock is wrong usage without words, and with an id beside others", async () => {
    expect((await run("unblock")).code).toBe(2);
    expect(await run("unblock", { what: "b1", client: "c" })).toMatchObject({
      code: 2,
      err: expect.stringContaining("An id stands alone"),
    });
  });

  test("show nothing that a terminal would obey", async () => {
    const operations = await openHere();
    const hostile = "\u001b[2J\u202E\u009b2J\nb9  everything";
    const wish = { target: hostile, client: hostile, subject: hostile, why: hostile, by: hostile };
    await operations.blocks.add(wish);
    for (const json of [false, true]) {
      const shown = await run("blocks", { json });
      expect(shown.out).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
      expect(shown.out).not.toMatch(/^b9/m);
    }
  });
});

describe("reload", () => {
  test("says what runs now", async () => {
    await openHere({ outcome: { result: "reloaded", digest: "f00d", faults: ["a warning"] } });
    expect(await run("reload")).toEqual({
      code: 0,
      out: "a warning\nThe new config runs (f00d)",
      err: "",
    });
  });

  test("prints each fault and ends with 1 where it is refused", async () => {
    const faults = ["clients.a: Must not\u001b[2J", "rules: Must"];
    await openHere({ outcome: { result: "refused", digest: "f00d", faults } });
    expect(await run("reload")).toEqual({
      code: 1,
      out: "",
      err: "clients.a: Must not<U+001B>[2J\nrules: Must\nThe new config is refused, the old one runs on (f00d)",
    });
    const json = await run("reload", { json: true });
    expect([json.code, JSON.parse(json.out)]).toEqual([
      1,
      { result: "refused", digest: "f00d", faults },
    ]);
  });
});

describe("the way to the admin listener", () => {
  test("nothing runs here", async () => {
    for (const name of ["blocks", "reload"] as const) {
      const { code, err } = await run(name);
      expect([code, err]).toEqual([1, expect.stringContaining(`No gateway runs on "${file}"`)]);
    }
  });

  test("a run file of a process that has gone is not believed", async () => {
    const { url, operations } = await serve();
    await announce({ url, token: adminTokens.all });
    const text = await readFile(runFileOf(loaded), "utf8");
    const { pid } = JSON.parse(text) as { pid: number };
    await runtime.config.replace(runFileOf(loaded), text.replace(String(pid), String(pid + 1)));
    expect((await run("blocks")).err).toContain("No gateway runs");
    expect(operations.steps).toEqual([]);
  });

  test("the run file holds the token for its owner alone, and is found though the config is wrong", async () => {
    const operations = await openHere();
    expect((await stat(runFileOf(loaded))).mode & 0o777).toBe(0o600);
    const config = await readFile(file, "utf8");
    for (const text of ["{ this is no JSON", '{"audit":{"file":"other.jsonl"}}']) {
      await runtime.config.replace(file, text);
      expect((await run("block", { all: true, why: "w" })).code).toBe(0);
    }
    await runtime.config.replace(file, config);
    expect(operations.blocks.list()).toHaveLength(2);
    expect(await findHolder(loaded, runtime)).toMatchObject({ pid: runtime.pid });
  });

  test("the gateway runs without an admin listener", async () => {
    await announce(undefined);
    expect(await run("blocks")).toMatchObject({
      code: 1,
      err: expect.stringContaining("has no admin listener"),
    });
  });

  test("operators by name need MCP_GW_ADMIN_TOKEN, here and elsewhere", async () => {
    const { url } = await serve();
    await announce({ url });
    const env = { MCP_GW_ADMIN_TOKEN: adminTokens.all };
    for (const options of [{}, { admin: url }]) {
      const without = await run("blocks", options);
      expect([without.code, without.err]).toEqual([
        2,
        expect.stringContaining("MCP_GW_ADMIN_TOKEN"),
      ]);
      expect((await run("blocks", options, env)).code).toBe(0);
    }
  });

  test.each([
    ["http://192.0.2.1:9", undefined],
    ["http://192.0.2.1:9", adminTokens.all],
    ["http://127.0.0.1.evil.test:9", undefined],
  ])("no token goes to %s because the run file says so", async (url, token) => {
    await announce(token === undefined ? { url } : { url, token });
    const { code, err } = await run("blocks", {}, { MCP_GW_ADMIN_TOKEN: adminTokens.all });
    expect([code, err]).toEqual([2, expect.stringContaining(`is on ${url}: say so with`)]);
  });

  test("a token that is not accepted and a right that is missing are told apart", async () => {
    const { url } = await serve();
    const wrong = { MCP_GW_ADMIN_TOKEN: "not-a-token-of-anybody" };
    const refused = await run("blocks", { admin: url }, wrong);
    expect(refused).toMatchObject({
      code: 1,
      err: `The token of MCP_GW_ADMIN_TOKEN is not accepted by ${url} (TOKEN_INVALID)`,
    });
    const reader = { MCP_GW_ADMIN_TOKEN: adminTokens.reader };
    const lacking = await run("block", { admin: url, all: true, why: "w" }, reader);
    expect([lacking.code, lacking.err]).toEqual([1, expect.stringContaining("RIGHT_MISSING")]);
    expect(lacking.err).toContain('lacks the right "operate"');
  });

  test("nobody answers there", async () => {
    await announce({ url: "http://127.0.0.1:1", token: adminTokens.all });
    expect(await run("blocks")).toMatchObject({
      code: 1,
      err: expect.stringContaining("Cannot reach the admin listener on http://127.0.0.1:1"),
    });
  });

  test.each(["localhost:8081", "ftp://127.0.0.1", "http://", "/tmp/socket"])(
    "--admin %s is wrong usage",
    async (admin) => {
      expect(await run("blocks", { admin }, { MCP_GW_ADMIN_TOKEN: "x" })).toMatchObject({
        code: 2,
        err: expect.stringContaining("Cannot use --admin"),
      });
    },
  );

  test("a redirect is not followed, and what is no admin listener is not believed", async () => {
    const { url, operations } = await serve();
    const seen: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization);
      const isRedirect = request.method === "GET";
      response.writeHead(isRedirect ? 307 : 200, { location: `${url}/blocks` });
      response.end("<html>");
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    ends.push(async () => {
      other.close();
      other.closeAllConnections();
    });
    const admin = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const env = { MCP_GW_ADMIN_TOKEN: adminTokens.all };
    for (const [name, status] of [
      ["blocks", 307],
      ["reload", 200],
    ] as const) {
      expect(await run(name, { admin }, env)).toMatchObject({
        code: 1,
        err: `No admin listener of mcp-gw answers on ${admin} (HTTP ${status})`,
      });
    }
    expect(seen).toHaveLength(2);
    expect(operations.steps).toEqual([]);
  });

  test("what the gateway refuses is said with its code", async () => {
    await openHere({ reserve: () => undefined });
    expect(await run("reload")).toMatchObject({
      code: 1,
      err: expect.stringContaining("AUDIT_UNAVAILABLE: The gateway cannot record this call"),
    });
  });

  test("a listener of clients is not taken for one of operators", async () => {
    const headers = { "content-type": "application/problem+json" };
    const listening = await runtime.serve({
      host: "127.0.0.1",
      port: 0,
      fetch: () => new Response('{ "code": "PATH_UNKNOWN" }', { status: 404, headers }),
    });
    ends.push(() => listening.close(0));
    const admin = `http://127.0.0.1:${listening.port}`;
    expect(await run("blocks", { admin }, { MCP_GW_ADMIN_TOKEN: "x" })).toMatchObject({
      code: 1,
      err: `No admin listener of mcp-gw answers on ${admin} (HTTP 404)`,
    });
  });

  test("what the gateway cannot read is wrong usage", async () => {
    const operations = await openHere();
    expect(await run("block", { target: "payments", why: "w" })).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^BODY_INVALID: .*"upstream\/name"/),
    });
    expect(operations.blocks.list()).toEqual([]);
  });
});

test("the commands are there on the command line, each with an example", async () => {
  for (const name of Object.keys(commands)) {
    const program = start(name, "--help");
    expect(await program.exited).toBe(0);
    expect(program.output()).toContain(`Example: mcp-gw ${name}`);
  }
});

test("block as a process takes the options that it is typed with", async () => {
  const operations = await openHere();
  const words = ["block", "pay/*", "--client=web-app", "--for", "15m", "--why", "A test"];
  const program = start(...words, "--config", file);
  expect(await program.exited).toBe(0);
  expect(program.output()).toContain("Blocked pay/*, client web-app until ");
  expect(operations.blocks.list()).toMatchObject([{ target: "pay/*", client: "web-app" }]);
});
