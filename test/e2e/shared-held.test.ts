/** Calls that wait for input in one process of several, and are answered through another one. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Program, folderWith, start } from "../cli/processes.ts";
import { type RedisServer, describeRedis, startRedis } from "../stores/redis-server.ts";
import { type AskingServer, startAsking } from "../upstreams/remote-harness.ts";
import { type EventStream, openEvents } from "./events.ts";
import { allowAll, modernRequest, post, tokenA } from "./gateway.ts";

interface Running {
  readonly url: string;
  readonly program: Program;
  readonly kill: () => Promise<void>;
}

const capabilities = {
  "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
};

/** What is asked, or the text of the end. */
function call(name: string, more: object = {}, meta: object = {}) {
  const params = { name, arguments: {}, ...more };
  return modernRequest("tools/call", params, { meta: { ...capabilities, ...meta } });
}

function accept(state: unknown) {
  const answer = { action: "accept", content: { name: "Ada" } };
  return { inputResponses: { "input-1": answer }, requestState: state };
}

describeRedis("processes with one Redis", () => {
  let redis: RedisServer;
  let server: AskingServer;
  const running: Running[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    server = await startAsking({
      end: (one, answer) => {
        one.notify("progress", `{"progress":1,"progressToken":${one.token}}`);
        one.end(`{"content":[{"type":"text","text":${JSON.stringify(answer)}}]}`);
      },
      never: (one) => one.notify("progress", `{"progress":1,"progressToken":${one.token}}`),
    });
  });
  afterAll(async () => {
    await server.close();
    await redis.close();
  });

  async function run(): Promise<Running> {
    const { folder, file } = await folderWith({
      listen: { port: 0 },
      admin: false,
      keys: [{ secret: "GW_KEY" }],
      store: { redis: redis.url },
      upstreams: { x: { url: server.url } },
      clients: {
        a: {
          auth: { token: { secret: "TOKEN_A" } },
          allow: { ...allowAll, input: ["elicitation"] },
        },
      },
    });
    const key = "a-key-of-several-processes-of-thirty-two-bytes";
    await writeFile(join(folder, ".env"), `GW_KEY=${key}\nTOKEN_A=${tokenA}\n`);
    const program = start("start", "--config", file);
    await program.says("Listening on ");
    const one: Running = {
      url: `${/Listening on (\S+)/.exec(program.output())?.[1]}/x`,
      program,
      kill: async () => {
        program.child.kill("SIGKILL");
        await program.exited;
        await rm(folder, { recursive: true, force: true });
      },
    };
    running.push(one);
    return one;
  }

  let a: Running;
  let b: Running;
  beforeEach(async () => {
    [a, b] = await Promise.all([run(), run()]);
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map(({ kill }) => kill()));
  });

  async function openHeld(name: string): Promise<unknown> {
    const asked = await post(a.url, call(name, {}, { progressToken: "first" }));
    expect(asked.json().result?.["resultType"]).toBe("input_required");
    return asked.json().result?.["requestState"];
  }

  function openRetry(name: string, state: unknown): Promise<EventStream> {
    const request = call(name, accept(state), { progressToken: "second" });
    return openEvents(b.url, { method: "POST", ...request });
  }

  test("what one asks, another one answers, with the progress that comes meanwhile", async () => {
    const stream = await openRetry("end", await openHeld("end"));
    const [progress, end] = (await stream.rest()).map(({ message }) => message);
    expect(progress?.params).toMatchObject({ progress: 1, progressToken: "second" });
    expect(JSON.stringify(end?.result)).toContain("Ada");
  });

  test("a call that waited in one that was killed ends within a second", async () => {
    const state = await openHeld("end");
    // Which upstreams and tools there are is known.
    await post(b.url, modernRequest("tools/list"));
    await a.kill();
    const from = performance.now();
    const refused = await post(b.url, call("end", accept(state)));
    expect(performance.now() - from).toBeLessThan(1_000);
    expect(refused.json().error?.data.code).toBe("UPSTREAM_UNAVAILABLE");
  });

  test("a call that goes on in one that is killed ends within a second", async () => {
    const stream = await openRetry("never", await openHeld("never"));
    expect((await stream.next())?.message.params).toMatchObject({ progress: 1 });
    const from = performance.now();
    await a.kill();
    const end = await stream.next();
    expect(performance.now() - from).toBeLessThan(1_000);
    expect(end?.message.error?.data?.code).toBe("UPSTREAM_UNAVAILABLE");
  });

  test("a client that leaves the other one cancels its call at the upstream", async () => {
    const before = server.cancelled();
    const stream = await openRetry("never", await openHeld("never"));
    expect((await stream.next())?.message.params).toMatchObject({ progress: 1 });
    stream.leave();
    await expect.poll(() => server.cancelled(), { timeout: 5_000 }).toBe(before + 1);
  });
});
