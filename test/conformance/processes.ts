/** The processes of one run: the test server, and the client that the suite starts. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Setting } from "./exempt.ts";

export interface Running {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Node 20 cannot run TypeScript; the loader of the config does. */
const loader = new URL("../../node_modules/jiti/lib/jiti-register.mjs", import.meta.url).href;
const execArgv = ["--import", loader];
const fileOf = (name: string): string => join(import.meta.dirname, name);
const script = (name: string, ...args: readonly string[]): string[] => [
  ...execArgv,
  fileOf(name),
  ...args,
];

/** The command of the test server that speaks on stdio. */
export const stdioCommand = (eras: Exclude<Setting, "stdio">) => ({
  command: process.execPath,
  args: script("server.ts", "stdio", eras),
});

/** The command line of the client that the suite starts. */
export const clientCommand = (...args: readonly string[]): string =>
  [process.execPath, ...script("client.ts", ...args)].map((part) => `"${part}"`).join(" ");

/** The channel that `fork` opens ends the server with this process, however that ends. */
export async function startServer(eras: Exclude<Setting, "stdio">): Promise<Running> {
  const child = fork(fileOf("server.ts"), ["http", eras], { execArgv, silent: true });
  const exited = once(child, "exit");
  child.stderr?.pipe(process.stderr);
  const lines = child.stdout ? createInterface(child.stdout) : [];
  for await (const url of lines) {
    return {
      url,
      close: async () => {
        child.kill();
        await exited;
      },
    };
  }
  throw new Error("The test server ended before it listened");
}
