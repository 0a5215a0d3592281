import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { cert, key, renewed } from "../runtime/tls.fixture.ts";
import { type TimerClock, timerClock } from "../sessions/hand-timers.ts";
import { type EchoServer, anyTool, startEchoServer } from "./echo-server.ts";
import { openSession } from "./events.ts";
import { modernRequest, post, tokenA, tokenB } from "./gateway.ts";
import { type HttpRecorder, startHttpRecorder } from "./recording-server.ts";
import { type Reloading, type ReloadingSettings, a, b, runReloading, token } from "./reloading.ts";

let server: EchoServer;
let asking: HttpRecorder;
const running: Reloading[] = [];

beforeAll(async () => {
  server = await startEchoServer({ tools: () => [anyTool("one"), anyTool("two")] });
  asking = await startHttpRecorder({
    era: "modern",
    lists: {
      tools: Array.from(
        { length: 600 },
        (_, index) => `{"name":"t${index}","inputSchema":{"type":"object"}}`,
      ),
    },
    answer: () => ({
      question: '{"message":"Who?","requestedSchema":{}}',
      end: '"result":{"content":[],"resultType":"complete"}',
    }),
  });
});
afterEach(() => Promise.all(running.splice(0).map((each) => each.close())));
afterAll(() => Promise.all([server.close(), asking.close()]));

async function run(config: object, settings?: ReloadingSettings): Promise<Reloading> {
  const gateway = await runReloading(config, settings);
  running.push(gateway);
  return gateway;
}

const withClients = (clients: object): object => ({
  upstreams: { x: { url: server.url } },
  clients,
});
const may = (...tools: string[]): object => ({
  a: { ...a, allow: { tools: tools.map((tool) => `x/${tool}`) } },
});

/** `ok`, or the code of the refusal. */
async function call(at: Reloading, tool: string, as: string | null = tokenA): Promise<string> {
  const request = modernRequest("tools/call", { name: `x__${tool}`, arguments: {} });
  const answer = (await post(`${at.url}/mcp`, request, as)).json();
  return answer.error?.data.code ?? answer.code ?? "ok";
}

describe("what a config grants", () => {
  test("holds at once after a reload, in both eras, and what it takes is refused at once", async () => {
    const gateway = await run(withClients(may("one")));
    const session = await openSession(gateway.url);
    const both = async (tool: string) => {
      const { last } = await session.send("tools/call", { name: `x__${tool}`, arguments: {} });
      return [await call(gateway, tool), last.error?.data?.code ?? "ok"];
    };
    expect(await both("one")).toEqual(["ok", "ok"]);
    expect(await both("two")).toEqual(["TARGET_UNKNOWN", "TARGET_UNKNOWN"]);
    const outcome = await gateway.change(withClients(may("two")));
    expect(outcome).toEqual({ result: "reloaded", digest: gateway.state().config, faults: [] });
    expect(await both("one")).toEqual(["TARGET_UNKNOWN", "TARGET_UNKNOWN"]);
    expect(await both("two")).toEqual(["ok", "ok"]);
    const { last } = await session.send("tools/list");
    expect(JSON.stringify(last.result)).toContain("x__two");
    expect(JSON.stringify(last.result)).not.toContain("x__one");
  });

  test("goes with its client: one that is there no more is unknown, a new one is known", async () => {
    const gateway = await run(withClients({ a }));
    const session = await openSession(gateway.url);
    expect(await call(gateway, "one", tokenB)).toBe("TOKEN_INVALID");
    await gateway.change(withClients({ b }));
    expect(await call(gateway, "one", tokenA)).toBe("TOKEN_INVALID");
    expect((await session.send("tools/list")).status).toBe(401);
    expect(await call(gateway, "one", tokenB)).toBe("ok");
  });

  test("is the same where the file says the same, and no gateway is built", async () => {
    const gateway = await run(withClients({ a }));
    const before = gateway.started.instance.gateway();
    expect((await gateway.change(withClients({ a }))).result).toBe("unchanged");
    expect(gateway.started.instance.gateway()).toBe(before);
    gateway.env["TOKEN_A"] = "another-token-of-client-a-that-is-long-enough";
    expect((await gateway.reload()).result).toBe("reloaded");
    expect(await call(gateway, "one")).toBe("TOKEN_INVALID");
  });
});

describe("a config that is wrong", () => {
  const plain = "a-plain-token-that-stands-in-the-config-itself";
  const wrongs: readonly (readonly [string, () => object | string, string])[] = [
    ["is no JSON", () => '{ "clients": ', ""],
    ["has an unknown key", () => ({ ...withClients({ a }), cleints: {} }), "cleints"],
    ["lacks a secret", () => withClients({ a: token("NO_SUCH") }), "NO_SUCH"],
    [
      "holds a token itself",
      () => withClients({ a: { auth: { token: plain } } }),
      "clients.a.auth.token",
    ],
    ["takes a token away", () => withClients({ a: { auth: "anonymous" } }), "would need no token"],
    ["listens elsewhere", () => ({ ...withClients({ a }), listen: { port: 1 } }), "cannot change"],
    [
      "records elsewhere",
      () => ({ ...withClients({ a }), audit: { file: "other.jsonl" } }),
      "cannot change",
    ],
  ];
  test.each(wrongs)(
    "is refused where it %s, loudly, and the one of before goes on",
    async (_, toWrong, said) => {
      const gateway = await run(withClients({ a }));
      const { config } = gateway.state();
      await gateway.write(toWrong());
      const outcome = await gateway.reload();
      expect(outcome).toMatchObject({ result: "refused", digest: config });
      expect(outcome.faults.join()).toContain(said);
      expect(gateway.state()).toMatchObject({ config, reload: outcome });
      expect(await call(gateway, "one")).toBe("ok");
      const loud = gateway.logged.filter((line) => line.startsWith("error: "));
      expect(loud).toHaveLength(1);
      expect(loud[0]).toContain("is refused");
      const records = (await gateway.records()).filter(({ kind }) => kind === "config");
      expect(records).toMatchObject([{ method: "reload", decision: "denied", config }]);
      expect(String(records[0]?.["why"])).toContain(said);
      const all = JSON.stringify([outcome, gateway.logged, records]);
      for (const secret of [plain, tokenA, tokenB]) expect(all).not.toContain(secret);
      const mended = await gateway.change(withClients({ a, b }));
      expect(mended.result).toBe("reloaded");
      expect(await call(gateway, "one", tokenB)).toBe("ok");
      expect(
        (await gateway.records()).filter(({ kind }) => kind === "config").at(-1),
      ).toMatchObject({
        decision: "allowed",
        config: mended.digest,
      });
    },
  );

  test("is refused where its reading throws or never ends, and the next one is read", async () => {
    const clock: TimerClock = timerClock();
    const ways = [
      () => Promise.reject(new Error(tokenA)),
      () => new Promise<never>(() => undefined),
    ];
    const gateway = await run(withClients({ a }), {
      clock,
      around: (load) => ways.shift()?.() ?? load(),
    });
    const thrown = await gateway.reload();
    expect(thrown).toMatchObject({ result: "refused", faults: [": Cannot be read: Error"] });
    const hanging = gateway.reload();
    // The one that waits behind it.
    const next = gateway.change(withClients({ a, b }));
    expect(await call(gateway, "one")).toBe("ok");
    clock.advance(50_000);
    expect((await hanging).faults).toEqual([": Cannot be read within 50000 ms"]);
    expect((await next).result).toBe("reloaded");
    expect(JSON.stringify([thrown, gateway.logged])).not.toContain(tokenA);
  });
});

describe("reloads that come together", () => {
  async function counting() {
    let open = 0;
    const seen = { reads: 0, most: 0 };
    let gate = Promise.resolve();
    const gateway = await run(withClients({ a }), {
      around: async (load) => {
        seen.reads++;
        seen.most = Math.max(seen.most, ++open);
        const config = await load();
        await gate;
        open--;
        return config;
      },
    });
    const stall = (): (() => void) => {
      let release: () => void = () => undefined;
      gate = new Promise((resolve) => {
        release = resolve;
      });
      return release;
    };
    return { gateway, seen, stall };
  }

  test("are one where none of them has read the file yet", async () => {
    const { gateway, seen } = await counting();
    await gateway.write(withClients({ b }));
    const outcomes = await Promise.all(Array.from({ length: 10 }, gateway.reload));
    expect(new Set(outcomes).size).toBe(1);
    expect(outcomes[0]?.result).toBe("reloaded");
    expect(seen).toEqual({ reads: 1, most: 1 });
  });

  test("end with what was written last, however long the first one takes to read", async () => {
    const { gateway, seen, stall } = await counting();
    const release = stall();
    await gateway.write(withClients({ a, b }));
    const first = gateway.reload();
    await vi.waitFor(() => expect(seen.reads).toBe(1));
    await gateway.write(withClients({ b }));
    const later = Array.from({ length: 9 }, gateway.reload);
    release();
    expect((await first).result).toBe("reloaded");
    // At the very moment at which the next one begins.
    const another = gateway.reload();
    const outcomes = await Promise.all([...later, another]);
    expect(new Set(outcomes.map(({ digest }) => digest))).toEqual(
      new Set([gateway.state().config]),
    );
    expect([await call(gateway, "one", tokenA), await call(gateway, "one", tokenB)]).toEqual([
      "TOKEN_INVALID",
      "ok",
    ]);
    expect(seen.most).toBe(1);
    expect(seen.reads).toBeLessThanOrEqual(3);
  });

  test("keep nobody waiting while a secret's command takes long", async () => {
    const slow = {
      ...a,
      auth: { token: { secret: { command: ["sh", "-c", `sleep 1; echo ${tokenB}`] } } },
    };
    const gateway = await run(withClients({ a }));
    await gateway.write(withClients({ a: slow }));
    const reloading = gateway.reload();
    const from = performance.now();
    expect(await call(gateway, "one")).toBe("ok");
    expect(performance.now() - from).toBeLessThan(900);
    expect((await reloading).result).toBe("reloaded");
    expect([await call(gateway, "one"), await call(gateway, "one", tokenB)]).toEqual([
      "TOKEN_INVALID",
      "ok",
    ]);
  });

  test("are refused while the gateway closes, also one that has been reading", async () => {
    const { gateway, seen, stall } = await counting();
    const release = stall();
    await gateway.write(withClients({ a, b }));
    const reading = gateway.reload();
    await vi.waitFor(() => expect(seen.reads).toBe(1));
    gateway.started.instance.drain();
    release();
    const late = gateway.reload();
    for (const { result, faults } of [await reading, await late]) {
      expect([result, faults.at(-1)]).toEqual(["refused", ": The gateway is closing"]);
    }
  });
});

describe("keys", () => {
  const keyed = (...names: string[]): object => ({
    keys: names.map((secret) => ({ secret })),
    upstreams: { ask: { url: asking.url } },
    clients: { a: { ...a, allow: { tools: ["*"], input: ["elicitation"] } } },
  });
  const capabilities = {
    "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
  };
  const callAsk = (more: object) =>
    modernRequest(
      "tools/call",
      { name: "ask__t1", arguments: {}, ...more },
      { meta: capabilities },
    );

  async function open() {
    const gateway = await runWithKeys();
    const endpoint = `${gateway.url}/mcp`;
    const session = await openSession(gateway.url);
    const stream = await session.listen();
    const list = (cursor?: unknown) =>
      modernRequest("tools/list", cursor === undefined ? {} : { cursor });
    const cursor = (await post(endpoint, list())).json().result?.["nextCursor"];
    const state = (await post(endpoint, callAsk({}))).json().result?.["requestState"];
    expect([typeof cursor, typeof state]).toEqual(["string", "string"]);
    const answers = {
      inputResponses: { it: { action: "accept", content: {} } },
      requestState: state,
    };
    const look = async () => {
      const page = (await post(endpoint, list(cursor))).json();
      const end = (await post(endpoint, callAsk(answers))).json();
      return [
        (await session.send("ping")).status,
        page.error?.data.code ?? "ok",
        end.error?.data.code ?? end.result?.["resultType"],
      ];
    };
    return { gateway, stream, look };
  }
  async function runWithKeys(): Promise<Reloading> {
    const secrets = Object.fromEntries(
      ["OLD", "NEW", "OTHER"].map((name) => [name, `a-key-${name}-of-at-least-thirty-two-bytes`]),
    );
    const lines = Object.entries(secrets).map(([name, value]) => `${name}=${value}\n`);
    return run(keyed("OLD"), { files: { ".env": lines.join("") } });
  }

  test("that stay in the list open what they sealed before the reload", async () => {
    const { gateway, stream, look } = await open();
    expect((await gateway.change(keyed("NEW", "OLD"))).faults).toEqual([]);
    expect(await look()).toEqual([200, "ok", "complete"]);
    stream.leave();
  });

  test("that are replaced open nothing any more, and a warning says so", async () => {
    const { gateway, stream, look } = await open();
    const { faults } = await gateway.change(keyed("OTHER"));
    expect(faults.join()).toContain("No key of before is left");
    expect(await look()).toEqual([404, "CURSOR_INVALID", "STATE_INVALID"]);
    expect(await stream.next()).toBeUndefined();
  });
});

describe("a certificate", () => {
  const onNode = process.versions["deno"] === undefined;
  const config = { ...withoutUpstreams(), listen: { tls: { cert: "tls.crt", key: "tls.key" } } };
  function withoutUpstreams(): object {
    return { clients: { a } };
  }
  async function serialOf(url: string): Promise<string> {
    const port = Number(new URL(url).port);
    const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  }

  test.runIf(onNode)(
    "is renewed by a reload; one that is half written waits for its key",
    async () => {
      const gateway = await run(config, { files: { "tls.crt": cert, "tls.key": key } });
      const before = await serialOf(gateway.url);
      await writeFile(join(gateway.folder, "tls.crt"), renewed.cert);
      const half = await gateway.change({ ...config, drain: { deadlineMs: 9 } });
      expect(half.result).toBe("reloaded");
      expect(await serialOf(gateway.url)).toBe(before);
      expect(gateway.logged.join()).toContain(
        "error: The certificate of the listener is not renewed",
      );
      await writeFile(join(gateway.folder, "tls.key"), renewed.key);
      expect((await gateway.reload()).result).toBe("unchanged");
      expect(await serialOf(gateway.url)).not.toBe(before);
    },
  );
});
