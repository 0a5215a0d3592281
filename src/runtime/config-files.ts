/** What loading a config needs of the machine: files, one command for a secret, randomness. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import type { Crypto } from "../core/index.ts";
import { isMissing } from "./files.ts";
import type { ConfigFiles } from "./runtime.ts";

const commandTimeoutMs = 10_000;
const maxOutputBytes = 65_536;

export function createConfigFiles(crypto: Crypto): ConfigFiles {
  return {
    readText,
    readOwn: async (path, maxBytes) => {
      // Attack: a pipe in its place is waited for without end, and a huge file fills the memory.
      const found = await stat(path).catch(unlessMissing);
      if (found === undefined) return undefined;
      if (!found.isFile()) throw new Error(`"${path}" is no file`);
      if (found.size > maxBytes) throw new Error(`"${path}" has more than ${maxBytes} bytes`);
      return await readText(path);
    },
    realPath: (path) => realpath(path).catch(unlessMissing),
    writeNew: async (path, text) => {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFile(path, text, { flag: "wx", mode: 0o600 });
    },
    create: async (path, text) => {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text, { flag: "wx" });
    },
    replace: async (path, text) => {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const fresh = `${path}.${process.pid}.new`;
      await rm(fresh, { force: true });
      await writeFile(fresh, text, { flag: "wx", mode: 0o600 });
      await rename(fresh, path);
    },
    publish: async (path, text) => {
      const fresh = `${path}.new`;
      await rm(fresh, { force: true });
      await writeFile(fresh, text, { flag: "wx" });
      await rename(fresh, path);
    },
    remove: (path) => rm(path, { force: true }),
    run,
    sha256: (text) => crypto.sha256(text),
    randomToken: () => randomBytes(32).toString("base64url"),
  };
}

async function readText(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch(unlessMissing);
}

function unlessMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}

function run(command: readonly string[]): Promise<string> {
  const [file, ...args] = command;
  if (file === undefined) return Promise.reject(new Error("Cannot run an empty command"));
  const { promise, resolve, reject } = withResolvers<string>();
  execFile(
    file,
    args,
    { encoding: "utf8", timeout: commandTimeoutMs, maxBuffer: maxOutputBytes },
    (error, stdout) => {
      if (error === null) {
        resolve(stdout);
        return;
      }
      // The error of execFile quotes the arguments and the output, which may be the secret.
      const reason = error.killed === true ? "timeout" : String(error.code ?? error.signal);
      reject(new Error(`Cannot run "${file}": ${reason}`));
    },
  );
  return promise;
}

function withResolvers<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: Error) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
