/** A small npm registry on loopback, with packages that `npm pack` has made. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export interface Published {
  /** The whole `package.json`. */
  readonly manifest: Readonly<Record<string, unknown>> & { name: string; version: string };
  readonly files: Readonly<Record<string, string>>;
  /** What is written over an honest integrity. */
  readonly integrity?: string;
}

export interface Registry {
  readonly url: string;
  /** The environment that leads to it, with caches of its own. */
  readonly env: Readonly<Record<string, string>>;
  /** Paths that were asked for. */
  readonly asked: string[];
  /** From now on nothing is answered. */
  readonly hang: () => void;
  readonly close: () => Promise<void>;
}

export async function openRegistry(published: readonly Published[]): Promise<Registry> {
  const folder = await mkdtemp(join(tmpdir(), "registry-"));
  const tarballs = new Map<string, Uint8Array>();
  const documents = new Map<string, unknown>();
  const asked: string[] = [];
  let isHanging = false;
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "", "http://it").pathname);
    asked.push(path);
    if (isHanging) return;
    const tarball = tarballs.get(path);
    const document = documents.get(path.slice(1));
    response.statusCode = tarball === undefined && document === undefined ? 404 : 200;
    if (tarball !== undefined) response.end(tarball);
    else response.end(JSON.stringify(document ?? { error: "Not found" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("It has no port");
  const url = `http://127.0.0.1:${address.port}`;
  for (const each of published) {
    const { name, version } = each.manifest;
    const tarball = await pack(join(folder, name), each);
    const path = `/${name}/-/${version}.tgz`;
    tarballs.set(path, tarball);
    const sha512 = createHash("sha512").update(tarball).digest("base64");
    const dist = { tarball: url + path, integrity: each.integrity ?? `sha512-${sha512}` };
    const { scripts } = each.manifest;
    const described = { ...each.manifest, dist, ...(scripts ? { hasInstallScript: true } : {}) };
    const versions = { [version]: described };
    documents.set(name, { name, "dist-tags": { latest: version }, versions });
  }
  return {
    url,
    env: {
      npm_config_registry: url,
      npm_config_cache: join(folder, "npm-cache"),
      DENO_DIR: join(folder, "deno-cache"),
    },
    asked,
    hang: () => {
      isHanging = true;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function pack(folder: string, { manifest, files }: Published): Promise<Uint8Array> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  const args = ["pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", folder];
  const { stdout } = await promisify(execFile)("npm", args, { cwd: folder });
  return readFile(join(folder, stdout.trim()));
}

/** Install scripts that leave `marker` behind, if anybody runs them. */
export function scriptsThatWrite(marker: string): Readonly<Record<string, string>> {
  const script = `node -e "require('fs').appendFileSync(${JSON.stringify(marker).replaceAll('"', "'")}, 'ran')"`;
  return { preinstall: script, install: script, postinstall: script, prepare: script };
}

/** A legacy server with one tool, which says how it was started. */
export const serverText = `#!/usr/bin/env node
const greet = require("fixture-greeting");
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method } = JSON.parse(line);
  if (id === undefined) return;
  const say = (rest) => console.log(JSON.stringify({ jsonrpc: "2.0", id, ...rest }));
  if (method === "initialize") {
    const serverInfo = { name: "fixture", version: "1" };
    say({ result: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo } });
  } else if (method === "tools/list") {
    say({ result: { tools: [{ name: "hello", inputSchema: { type: "object" } }] } });
  } else if (method === "tools/call") {
    const about = { args: process.argv.slice(2), cwd: process.cwd(), env: process.env.OWN };
    say({ result: { content: [{ type: "text", text: greet(JSON.stringify(about)) }] } });
  } else {
    say({ error: { code: -32601, message: "Method not found" } });
  }
});
`;

/** The server `@fixture/server@1.0.0` and what it depends on, both with install scripts. */
export function serverPackages(marker: string): readonly Published[] {
  const scripts = scriptsThatWrite(marker);
  return [
    {
      manifest: {
        name: "@fixture/server",
        version: "1.0.0",
        bin: { "fixture-server": "main.js" },
        dependencies: { "fixture-greeting": "^1.0.0" },
        scripts,
      },
      files: { "main.js": serverText },
    },
    {
      manifest: { name: "fixture-greeting", version: "1.0.3", main: "greet.js", scripts },
      files: { "greet.js": 'module.exports = (text) => "hello " + text;\n' },
    },
  ];
}
