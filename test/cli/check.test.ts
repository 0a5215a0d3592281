import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { check } from "../../src/cli/check.ts";
import type { CheckOptions } from "../../src/cli/check.ts";
import { openRuntime } from "../../src/runtime/index.ts";

const runtime = await openRuntime();
const good = `import { defineConfig, secret } from "mcp-gw";
import { deny } from "mcp-gw/plugin";
export default defineConfig({
  upstreams: { weather: { url: "http://127.0.0.1:9101/mcp" } },
  clients: { web: { auth: { token: secret("T") }, allow: { tools: ["weather/*"] } } },
  rules: deny("") === undefined ? [] : [],
});
`;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcp-gw-check-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function run(files: Record<string, string>, options: Partial<CheckOptions> = {}, env = {}) {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const out: string[] = [];
  const err: string[] = [];
  const code = await check(
    { json: false, strict: false, ...options },
    { ...runtime, cwd: () => folder, env: { T: "t".repeat(40), ...env } },
    { out: (text) => out.push(text), err: (text) => err.push(text) },
  );
  return { code, out: out.join("\n"), err: err.join("\n") };
}

test("check says that a good config is good", async () => {
  expect(await run({ "gateway.config.ts": good })).toEqual({
    code: 0,
    out: "The config is good",
    err: "",
  });
});

test("check prints file, line, path, what is wrong and what was meant", async () => {
  const text = good.replace("weather/*", "wether/*").replace('"T"', '"UNSET"');
  expect(await run({ "gateway.config.ts": text })).toEqual({
    code: 1,
    out: `gateway.config.ts:5: warning: clients.web.auth.token: The environment variable "UNSET" is not set (set it, or write it into .env beside the config)
gateway.config.ts:5: error: clients.web.allow.tools[0]: "wether/*" names the unknown upstream "wether" (did you mean "weather"?)

1 error, 1 warning`,
    err: "",
  });
});

test("check lets warnings pass, and fails them with --strict", async () => {
  const text = good.replace('"T"', '"UNSET"');
  expect((await run({ "gateway.config.ts": text })).code).toBe(0);
  expect((await run({}, { strict: true })).code).toBe(1);
});

test("check --json prints ok and the faults", async () => {
  const { out, code } = await run(
    { "a.json": '{ "listen": { "port": "x" } }' },
    { config: "a.json", json: true },
  );
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({
    ok: false,
    faults: expect.arrayContaining([
      {
        level: "error",
        path: "listen.port",
        message: "Must be a number, is a string",
        file: join(folder, "a.json"),
        line: 1,
      },
    ]) as unknown,
  });
  expect(JSON.parse((await run({ "gateway.config.ts": good }, { json: true })).out)).toEqual({
    ok: true,
    faults: [],
  });
});

test("check reads the --env-file that it is told", async () => {
  const text = good.replace('"T"', '"FROM_FILE"');
  const files = { "gateway.config.ts": text, "x.env": `FROM_FILE=${"f".repeat(40)}` };
  expect((await run(files, { strict: true, envFile: "x.env" })).code).toBe(0);
});

test("check without a config is wrong usage, with two of them a fault", async () => {
  const none = await run({});
  expect(none.code).toBe(2);
  expect(none.err).toContain("none of gateway.config.ts, gateway.config.js");
  const two = await run({ "gateway.config.ts": good, "gateway.config.json": "{}" });
  expect(two.code).toBe(1);
  expect(two.out).toContain('Both "gateway.config.ts" and "gateway.config.json" are here');
});

test("check escapes what a config's text could do to a terminal", async () => {
  const { out } = await run({ "a.json": '{ "x\\u001b[2J\\n": 1 }' }, { config: "a.json" });
  expect(out).toContain("\\u001b[2J");
  expect(out).not.toContain("\u001B");
});
