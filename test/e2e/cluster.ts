/** Instances of one gateway as processes, each in a folder of its own, with one Redis and a front. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandOf, commandOfFile } from "../built.ts";
import { type Program, folderWith, launch } from "../cli/processes.ts";
import { type RedisServer, startRedis } from "../stores/redis-server.ts";
import { type Front, startFront } from "./front.ts";
import { tokenA, tokenB } from "./gateway.ts";

export interface Member {
  /** Where it listens, or did: another port after each start. */
  readonly url: () => string;
  readonly program: () => Program;
  readonly start: () => Promise<void>;
  /** As `kill -9`. */
  readonly kill: () => Promise<void>;
  /** Sends SIGTERM; settles with the exit code. */
  readonly end: () => Promise<number | null>;
  /** Runs a command in its folder. */
  readonly run: (...words: readonly string[]) => Promise<Ran>;
  /** The records so far, oldest first. */
  readonly records: () => Promise<ClusterRecord[]>;
}
export interface Ran {
  readonly code: number | null;
  readonly output: string;
}
export type ClusterRecord = Readonly<Record<string, unknown>>;

export interface Cluster {
  readonly redis: RedisServer;
  readonly members: readonly [Member, Member, Member];
  readonly front: Front;
  readonly close: () => Promise<void>;
}

const skewed = fileURLToPath(new URL("skewed-main.ts", import.meta.url));
/** By client. */
export const tokens = {
  a: tokenA,
  b: tokenB,
  counted: "a-token-of-a-client-that-is-counted",
  refilled: "a-token-of-a-client-with-a-quick-bucket",
};
const secrets = {
  GW_KEY: "a-key-of-several-processes-of-thirty-two-bytes",
  ...Object.fromEntries(Object.entries(tokens).map(([name, token]) => [tokenName(name), token])),
};
/** How a client of this name proves who it is, as the config says it. */
export const authOf = (name: keyof typeof tokens) => ({ token: { secret: tokenName(name) } });

function tokenName(client: string): string {
  return `TOKEN_${client.toUpperCase()}`;
}

/** Three instances; `skewMs` is how far the clock of the last one is off. */
export async function openCluster(config: object, skewMs = 0): Promise<Cluster> {
  const redis = await startRedis();
  const whole = {
    listen: { port: 0 },
    keys: [{ secret: "GW_KEY" }],
    store: { redis: redis.url },
    ...config,
  };
  const members = await Promise.all([
    openMember(whole, 0),
    openMember(whole, 0),
    openMember(whole, skewMs),
  ]);
  const closeAll = async (): Promise<void> => {
    process.off("exit", abandon);
    await Promise.all(members.map(({ close }) => close()));
    await redis.close();
  };
  // A run that is broken off closes nothing.
  const abandon = (): void => members.forEach((member) => member.abandon());
  process.once("exit", abandon);
  const started = await Promise.allSettled(members.map((member) => member.start()));
  const failed = started.find((each) => each.status === "rejected");
  if (failed !== undefined) {
    await closeAll();
    throw failed.reason;
  }
  const front = await startFront(() => members.map(({ url }) => url()));
  return {
    redis,
    members,
    front,
    close: async () => {
      await front.close();
      await closeAll();
    },
  };
}

interface OpenMember extends Member {
  readonly abandon: () => void;
  readonly close: () => Promise<void>;
}

async function openMember(config: object, skewMs: number): Promise<OpenMember> {
  const { folder, file } = await folderWith(config);
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(folder, ".env"), lines.join(""));
  let program: Program | undefined;
  let url = "";
  const running = (): Program => {
    if (program === undefined) throw new Error("The instance was not started");
    return program;
  };
  const signal = (name: NodeJS.Signals): Promise<number | null> => {
    const { child, exited } = running();
    child.kill(name);
    return exited;
  };
  const start = async (): Promise<void> => {
    const words = ["start", "--config", file];
    const isSkewed = skewMs !== 0;
    program = launch(
      isSkewed ? commandOfFile(skewed, [String(skewMs), ...words]) : commandOf(...words),
    );
    await program.says("Listening on ");
    url = new URL(/Listening on (\S+)/.exec(program.output())?.[1] ?? "").origin;
  };
  return {
    url: () => url,
    program: running,
    start,
    kill: async () => void (await signal("SIGKILL")),
    end: () => signal("SIGTERM"),
    run: async (...words) => {
      const { exited, output } = launch(commandOf(...words, "--config", file));
      const code = await exited;
      return { code, output: output() };
    },
    records: async () => {
      const text = await readFile(join(folder, "audit.jsonl"), "utf8");
      const whole = text.split("\n").filter((line) => line.endsWith("}"));
      return whole.map((line) => JSON.parse(line) as ClusterRecord);
    },
    abandon: () => void program?.child.kill("SIGKILL"),
    close: async () => {
      await signal("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}
