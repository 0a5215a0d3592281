import { execFile } from "node:child_process";
import {
  access,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  realpath,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import process from "node:process";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type Child,
  type Packages,
  type Spawn,
  type SpawnCommand,
  createCanceller,
} from "../../src/core/index.ts";
import { createClock } from "../../src/runtime/clock.ts";
import { createPackages } from "../../src/runtime/packages.ts";
import { createSpawn } from "../../src/runtime/spawn.ts";
import { type Registry, openRegistry, scriptsThatWrite, serverPackages } from "./registry.ts";

const isDeno = "Deno" in globalThis;
const spawn = createSpawn(createClock());
const hour = 3_600_000;
let marker: string;
let registry: Registry;
let folder: string;
/** Where the package was really fetched to. */
let template: string;

beforeAll(async () => {
  const about = await mkdtemp(join(tmpdir(), "marker-"));
  marker = join(about, "ran");
  await makeGitPackage(join(about, "built.git"));
  registry = await openRegistry([
    ...serverPackages(marker),
    {
      manifest: { name: "fixture-altered", version: "1.0.0", bin: "main.js" },
      files: { "main.js": "" },
      integrity: `sha512-${"A".repeat(86)}==`,
    },
    {
      manifest: {
        name: "fixture-git",
        version: "1.0.0",
        bin: "main.js",
        dependencies: { built: `git+file://${about}/built.git` },
      },
      files: { "main.js": "" },
    },
  ]);
  await fetch(open(), { folder: about });
  template = join(about, "@fixture/server@1.0.0");
  return async () => {
    await registry.close();
    await rm(about, { recursive: true });
  };
});
beforeEach(async () => {
  const parent = await realpath(await mkdtemp(join(tmpdir(), "packages-")));
  folder = join(parent, "kept");
  registry.asked.length = 0;
});
afterEach(() => rm(join(folder, ".."), { recursive: true, force: true }));

function open(more: Record<string, string> = {}, start: Spawn = spawn): Packages {
  return createPackages({ spawn: start, env: { ...process.env, ...registry.env, ...more } });
}

async function makeGitPackage(path: string): Promise<void> {
  await mkdir(path);
  const manifest = { name: "built", version: "1.0.0", scripts: scriptsThatWrite(marker) };
  await writeFile(join(path, "package.json"), JSON.stringify(manifest));
  const author = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
  for (const args of [
    ["init", "-q"],
    ["add", "."],
    [...author, "commit", "-q", "-m", "built"],
  ]) {
    await promisify(execFile)("git", args, { cwd: path });
  }
}

/** Fetches by copying what was really fetched once. */
function openCopying(): { readonly packages: Packages; readonly starts: () => number } {
  let starts = 0;
  const copy: Spawn = async ({ cwd }): Promise<Child> => {
    starts++;
    await cp(join(template, "node_modules"), join(cwd, "node_modules"), { recursive: true });
    return ended(0);
  };
  return { packages: open({}, copy), starts: () => starts };
}

/** A process that has said this and gone. */
function ended(code: number, said = ""): Child {
  return {
    pid: 1,
    stdout: (async function* () {})(),
    stderr: (async function* () {
      yield Buffer.from(said);
    })(),
    write: async () => undefined,
    closeInput: () => undefined,
    kill: () => undefined,
    exited: Promise.resolve({ code, signal: null }),
  };
}

const wanted = { name: "@fixture/server", version: "1.0.0" };
function fetch(packages = open(), more: Partial<Parameters<Packages["fetch"]>[0]> = {}) {
  return packages.fetch({ ...wanted, folder, signal: createCanceller().signal, ...more });
}
const inside = (path: string) => join(folder, "@fixture/server@1.0.0", "node_modules", path);
const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
const litter = async () => (await readdir(folder)).filter((name) => name.startsWith(".new-"));

test("a package is fetched with what it depends on, and no install script is run", async () => {
  const fetched = await fetch();
  expect(JSON.parse(fetched.manifest)).toMatchObject(wanted);
  const main = await fetched.find("main.js");
  expect(main).toEqual({
    path: inside("@fixture/server/main.js"),
    firstLine: "#!/usr/bin/env node",
  });
  expect(await isThere(inside("fixture-greeting/greet.js"))).toBe(true);
  expect(await isThere(marker)).toBe(false);
  expect(await litter()).toEqual([]);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
});

test("a package that is kept is taken without a word to the registry", async () => {
  const { packages, starts } = openCopying();
  await fetch(packages);
  await fetch(packages);
  expect(starts()).toBe(1);
});

test("what a package wrote beside its program is no reason to fetch it anew", async () => {
  const { packages, starts } = openCopying();
  await fetch(packages);
  await writeFile(inside("@fixture/server/data.json"), "{}");
  await writeFile(inside("fixture-greeting/greet.js"), "module.exports = String;");
  await fetch(packages);
  expect(starts()).toBe(1);
  expect(await readFile(inside("@fixture/server/data.json"), "utf8")).toBe("{}");
});

test.each<[string, () => Promise<void>]>([
  ["has lost a file", () => rm(inside("fixture-greeting/greet.js"))],
  ["has an empty file", () => truncate(inside("@fixture/server/main.js"))],
  ["has no manifest", () => rm(inside("@fixture/server/package.json"))],
  ["has half a manifest", () => writeFile(inside("@fixture/server/package.json"), '{"name":')],
  ["is another version", () => writeFile(inside("@fixture/server/package.json"), manifestOf("2"))],
  ["was not written to its end", () => rm(join(inside(".."), "files.json"))],
  ["has half a list", () => writeFile(join(inside(".."), "files.json"), "[")],
  ["is a file", replaceByFile],
])("a kept package that %s is fetched anew", async (_, spoil) => {
  const { packages, starts } = openCopying();
  await fetch(packages);
  await spoil();
  const fetched = await fetch(packages);
  expect(starts()).toBe(2);
  expect(JSON.parse(fetched.manifest)).toMatchObject(wanted);
  expect(await readFile(inside("@fixture/server/main.js"), "utf8")).toContain("tools/list");
  expect(await isThere(inside("fixture-greeting/greet.js"))).toBe(true);
  expect(await litter()).toEqual([]);
});

function manifestOf(version: string): string {
  return JSON.stringify({ name: wanted.name, version });
}
async function replaceByFile(): Promise<void> {
  const kept = join(folder, "@fixture/server@1.0.0");
  await rm(kept, { recursive: true });
  await writeFile(kept, "");
}

test("three that fetch into one folder at once all get the whole package", async () => {
  const fetched = await Promise.all([fetch(), fetch(), fetch()]);
  for (const each of fetched) expect(await each.find("main.js")).toBeDefined();
  expect(await litter()).toEqual([]);
});

test("what a killed gateway left behind is cleared away when it is old", async () => {
  const [old, young] = [join(folder, ".new-old"), join(folder, ".new-young")];
  for (const each of [old, young]) await mkdir(each, { recursive: true });
  const then = new Date(Date.now() - hour - 1_000);
  await utimes(old, then, then);
  await fetch(openCopying().packages);
  expect(await litter()).toEqual([".new-young"]);
});

test.each<[string, Record<string, string>, RegExp]>([
  ["a package that is not there", { name: "fixture-none" }, /404|not found|does not exist/i],
  ["a version that is not there", { version: "9.9.9" }, /9\.9\.9/],
  ["a package that was altered on its way", { name: "fixture-altered" }, /integrity|checksum/i],
  ["a package that needs one from a git address", { name: "fixture-git" }, /git/i],
])("fetching %s is refused with its reason", async (_, more, why) => {
  await expect(fetch(open(), more)).rejects.toThrow(why);
  expect(await readdir(folder)).toEqual([]);
});

test("a registry that is away is named as the reason", async () => {
  const away = open({ npm_config_registry: "http://127.0.0.1:9" });
  await expect(fetch(away)).rejects.toThrow("127.0.0.1:9");
});

test("the reason is short, without the fetching program's own places and without passwords", async () => {
  const said = `npm error code E1
npm error request to http://user:hunter2@registry.example/a failed
npm error     at fetch (/usr/lib/npm/fetch.js:1:1)
\u001b[1m\u001b[31merror\u001b[0m: ${"x".repeat(1_000)}
npm error A complete log of this run can be found in: /home/me/.npm/_logs/1.log`;
  const why = await fetch(open({}, async () => ended(1, said))).then(
    () => "fetched",
    (error: unknown) => (error instanceof Error ? error.message : ""),
  );
  expect(why).toMatch(/^code E1; request to http:\/\/registry\.example\/a failed; x{300,}$/);
  expect(why).toHaveLength(400);
});

test.skipIf(isDeno)("a machine without npm is named as the reason", async () => {
  await expect(fetch(open({ PATH: "/nowhere" }))).rejects.toThrow('"npm" is not found');
});

test("fetching that is given up ends its process and leaves nothing", async () => {
  const hanging = await openRegistry([]);
  hanging.hang();
  const canceller = createCanceller();
  const exits: Promise<unknown>[] = [];
  const watched: Spawn = async (command) => {
    const child = await spawn(command);
    exits.push(child.exited);
    return child;
  };
  const fetching = fetch(open(hanging.env, watched), { signal: canceller.signal });
  const settled = expect(fetching).rejects.toThrow("given up");
  while (hanging.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  canceller.abort();
  await settled;
  expect(await Promise.all(exits)).toEqual([{ code: null, signal: "SIGKILL" }]);
  expect(await readdir(folder)).toEqual([]);
  await hanging.close();
});

test("fetching that is given up while its process starts ends it", async () => {
  const hanging = await openRegistry([]);
  hanging.hang();
  const canceller = createCanceller();
  const late: Spawn = async (command) => {
    const child = await spawn(command);
    canceller.abort();
    return child;
  };
  const fetching = fetch(open(hanging.env, late), { signal: canceller.signal });
  await expect(fetching).rejects.toThrow("given up");
  await hanging.close();
});

test("what fetches knows where the registry is, and no secret of the gateway", async () => {
  let seen: SpawnCommand | undefined;
  const watched: Spawn = (command) => {
    seen = command;
    return spawn(command);
  };
  await fetch(open({ WEB_APP_TOKEN: "hunter2", NODE_OPTIONS: "--no-warnings" }, watched));
  expect(JSON.stringify(seen)).not.toMatch(/hunter2|--no-warnings/);
  const registryName = isDeno ? "NPM_CONFIG_REGISTRY" : "npm_config_registry";
  expect(seen?.env).toMatchObject({ [registryName]: registry.url });
  if (!isDeno) expect(seen?.args).toContain("--ignore-scripts");
});

test.each(["../../fixture-greeting/greet.js", "link.js", "/etc/hostname", "none.js", "."])(
  "a path that is no file within the package is not found: %s",
  async (path) => {
    const fetched = await fetch(openCopying().packages);
    await symlink("../../fixture-greeting/greet.js", inside("@fixture/server/link.js"));
    expect(await fetched.find(path)).toBeUndefined();
  },
);
