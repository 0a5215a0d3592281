/** What `start` and `check` say of a store that cannot be used as it is named. */
import { Redis } from "ioredis";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { folderWith, start } from "../cli/processes.ts";
import { type RedisServer, describeRedis, startRedis } from "../stores/redis-server.ts";

const password = "s3cret/with@signs";
const encoded = encodeURIComponent(password);
const key = "a-key-of-thirty-two-bytes-at-the-least";

interface Ran {
  readonly code: number | null | "runs";
  readonly output: string;
}

/** Until it ends, or says `until`. */
async function run(
  words: readonly string[],
  url: string,
  { keys = [key], until = "" }: { keys?: readonly string[]; until?: string } = {},
): Promise<Ran> {
  const { folder, file } = await folderWith({
    listen: { port: 0 },
    admin: false,
    keys: keys.map((_, at) => ({ secret: `GW_KEY_${at}` })),
    store: { redis: { secret: "REDIS_URL" } },
    clients: { a: { auth: "anonymous" } },
  });
  const lines = keys.map((each, at) => `GW_KEY_${at}=${each}`);
  await writeFile(join(folder, ".env"), [...lines, `REDIS_URL=${url}`, ""].join("\n"));
  const { child, exited, says, output } = start(...words, "--config", file);
  const code =
    until === ""
      ? await exited
      : await Promise.race([says(until).then(() => "runs" as const), exited]);
  child.kill("SIGKILL");
  await exited;
  await rm(folder, { recursive: true, force: true });
  return { code, output: output() };
}

function expectNoSecret(output: string): void {
  for (const secret of [password, encoded, "s3cret", "wrong-word", key]) {
    expect(output).not.toContain(secret);
  }
}

describeRedis("a gateway that starts on a store", () => {
  let guarded: RedisServer;
  let plain: RedisServer;
  let cluster: RedisServer;
  let evicting: RedisServer;
  beforeAll(async () => {
    [guarded, plain, cluster, evicting] = await Promise.all([
      startRedis(["--requirepass", password, "--databases", "4"]),
      startRedis(),
      startRedis(["--cluster-enabled", "yes"]),
      startRedis(["--maxmemory-policy", "allkeys-lru"]),
    ]);
    const client = new Redis(guarded.url, { password });
    await client.acl("SETUSER", "weak", "on", `>${password}`, "~other:*", "&*", "+@all");
    client.disconnect();
  });
  afterAll(() => Promise.all([guarded, plain, cluster, evicting].map((each) => each.close())));

  test.each([
    [
      "a wrong password",
      () => guarded.url.replace("//", "//:wrong-word@"),
      "the user or the password is wrong",
    ],
    ["no password", () => guarded.url, "it asks for a password"],
    [
      "an unknown database",
      () => `${guarded.url.replace("//", `//:${encoded}@`)}/7`,
      "it has no such database",
    ],
    [
      "a user without rights",
      () => guarded.url.replace("//", `//weak:${encoded}@`),
      "the user may not use the keys",
    ],
    ["a cluster", () => cluster.url, "it is a cluster, and a single server is needed"],
    ["a URL that is none", () => password, 'store.redis: Must be "redis://'],
    [
      "a URL whose password is not encoded",
      () => `redis://:${password}@127.0.0.1`,
      "must be percent-encoded",
    ],
  ])("with %s does not start, and says why without the password", async (_, url, why) => {
    const { code, output } = await run(["start"], url(), { until: "Listening on" });
    expect(code).toBe(1);
    expect(output).toContain(why);
    expect(output).not.toMatch(/\n\s+at /);
    expectNoSecret(output);
  });

  test.each([
    [
      "TLS spoken to a plain port",
      () => plain.url.replace("redis:", "rediss:"),
      "Cannot use the store at",
    ],
    ["nobody there", () => "redis://127.0.0.1:1", "nothing listens there"],
    [
      "a policy that drops keys",
      () => evicting.url,
      'Set its \\"maxmemory-policy\\" to \\"noeviction\\"',
    ],
  ])("with %s starts, and warns", async (_, url, why) => {
    const { code, output } = await run(["start"], url(), { until: "Listening on" });
    expect(code).toBe("runs");
    expect(output).toContain(why);
  });

  describe("check, which is offline,", () => {
    test("finds a URL whose password is not encoded, and repeats nothing of it", async () => {
      const { code, output } = await run(["check"], `redis://:${password}@127.0.0.1`);
      expect(code).toBe(1);
      expect(output).toContain("store.redis: Must be");
      expectNoSecret(output);
    });

    test("says nothing of what only the store knows", async () => {
      const url = guarded.url.replace("//", "//:wrong-word@");
      expect(await run(["check"], url)).toMatchObject({ code: 0 });
    });

    test("finds keys that are too short, as start does", async () => {
      for (const word of ["check", "start"]) {
        const keys = [key, "short-word"];
        const { code, output } = await run([word], plain.url, { keys, until: "Listening on" });
        expect(code).toBe(1);
        expect(output).toContain("keys[1]: Must be at least 32 bytes, is 10");
        expect(output).not.toContain("short-word");
      }
    });
  });
});
