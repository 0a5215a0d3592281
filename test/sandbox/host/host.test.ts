import { describe, expect, test } from "vitest";
import { type HostCallName, createHost } from "../../../src/sandbox/index.ts";
import { createAsk, createBench } from "./ports.ts";

const kvNames = ["kv.get", "kv.set", "kv.incr", "kv.delete"] as const;
const both = { kv: "client", fetch: [{ origin: "https://api.example.com" }] } as const;

describe("host", () => {
  test.each([...kvNames, "fetch"] as const)("refuses %s where nothing grants it", async (name) => {
    const { ports, lines } = createBench();
    const what = name === "fetch" ? "fetch" : "kv";
    const fault = `fault: ${what} is not granted to this plugin: grants.${what} in gateway.config.ts`;
    expect(await createAsk(ports, {})(name, "k", 1)).toBe(fault);
    const other = what === "kv" ? { fetch: both.fetch } : { kv: both.kv };
    expect(await createAsk(ports, other)(name, "https://api.example.com/")).toBe(fault);
    expect(lines).toEqual([]);
  });

  test.each([
    ["no JSON", "[1"],
    ["no array", '{"length":1,"0":"k"}'],
    ["nothing", ""],
    ["null", "null"],
    ["too long a text", JSON.stringify(["k", "x".repeat(2_000_000)])],
    ["a value of great depth", `["k",${"[".repeat(60_000)}`],
  ])("answers arguments that are %s with a fault", async (_, args) => {
    const host = createHost(createBench().ports);
    const ask = host.forPlugin({ name: "p", grants: both, wallMs: 100 }).forCall("c");
    for (const name of [...kvNames, "fetch"] as const) {
      expect(await ask(name, args)).toMatchObject({ fault: expect.any(String) as string });
    }
  });

  test("keeps or refuses a value of great depth, and never rejects", async () => {
    const host = createHost(createBench().ports);
    const ask = host.forPlugin({ name: "p", grants: both, wallMs: 100 }).forCall("c");
    const deep = `${"[".repeat(30_000)}${"]".repeat(30_000)}`;
    const set = await ask("kv.set", `["k",${deep}]`);
    const got = await ask("kv.get", '["k"]');
    expect(got).toEqual({ value: "fault" in set ? "null" : deep });
  });

  test("does no more at once for a plugin than a thousand things, however many calls ask", async () => {
    const { ports } = createBench();
    const under: (() => void)[] = [];
    const store = {
      ...ports.store,
      get: () => new Promise<undefined>((resolve) => under.push(() => resolve(undefined))),
    };
    const host = createHost({ ...ports, store });
    const { forCall } = host.forPlugin({ name: "p", grants: both, wallMs: 100 });
    const ask = async () => {
      const one = forCall("c");
      return Promise.all(Array.from({ length: 16 }, () => one("kv.get", '["k"]')));
    };
    const all = Array.from({ length: 64 }, ask);
    const busy = { fault: "The host has too much to do for this plugin" };
    expect(await forCall("c")("kv.get", '["k"]')).toEqual(busy);
    for (const settle of under) settle();
    await Promise.all(all);
    const later = forCall("c")("kv.get", '["k"]');
    for (const settle of under) settle();
    expect(await later).toEqual({ value: "null" });
  });

  test.each(["", "kv", "toString", "__proto__", "constructor", "kv.take"])(
    "answers the name %j, which is none, with a fault",
    async (name) => {
      const host = createHost(createBench().ports).forPlugin({
        name: "p",
        grants: both,
        wallMs: 9,
      });
      const answer = await host.forCall("c")(name as HostCallName, "[]");
      expect(answer).toMatchObject({ fault: expect.any(String) as string });
    },
  );

  test("tells the guest nothing of a failure, and the log only what kind it is", async () => {
    const { ports, lines } = createBench({
      store: {
        ...createBench().ports.store,
        get: () => Promise.reject(new TypeError("10.0.0.7 said: secret-of-the-store")),
        delete: () => Promise.reject(new TypeError("10.0.0.7 said: secret-of-the-store")),
      },
    });
    const ask = createAsk(ports, both);
    for (let i = 0; i < 3; i++) expect(await ask("kv.get", "k")).toBe("fault: kv.get failed");
    expect(lines).toEqual([
      'Cannot do what a plugin asks for {"plugin":"guard","call":"kv.get","error":"TypeError"}',
    ]);
  });

  test("takes 100 questions of one call, and none after that", async () => {
    const { ports } = createBench();
    const host = createHost(ports).forPlugin({ name: "p", grants: both, wallMs: 1_000 });
    const ask = host.forCall("c");
    for (let i = 0; i < 100; i++) expect(await ask("kv.get", '["k"]')).toEqual({ value: "null" });
    expect(await ask("kv.get", '["k"]')).toMatchObject({
      fault: expect.stringContaining("100 times") as string,
    });
    expect(await host.forCall("c")("kv.get", '["k"]')).toEqual({ value: "null" });
  });

  test("waits for 16 things of one call at a time", async () => {
    const { ports } = createBench();
    const ask = createHost(ports)
      .forPlugin({ name: "p", grants: both, wallMs: 1_000 })
      .forCall("c");
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask("kv.get", '["k"]')));
    expect(answers.filter((each) => "fault" in each)).toHaveLength(4);
    expect(await ask("kv.get", '["k"]')).toEqual({ value: "null" });
  });

  test.each([
    "http://api.example.com",
    "http://10.0.0.1",
    "http://localhost:8080",
    "http://127.0.0.1.example.com",
    "http://127.0.0.1@evil.example",
    "https://api.example.com/",
    "https://api.example.com:443",
    "https://API.example.com",
    "https://user@api.example.com",
    "https://api.example.com/v1",
    "https://*.example.com/x",
    "ftp://api.example.com",
    "file:///etc/passwd",
    "data:,x",
    "null",
    "",
  ])("does not take %j for an origin to grant", (origin) => {
    const { ports } = createBench();
    expect(() =>
      createHost(ports).forPlugin({ name: "p", grants: { fetch: [{ origin }] }, wallMs: 1 }),
    ).toThrow(RangeError);
  });

  test.each([
    ["a line break", "x-key", "secret-value\r\nx: y"],
    ["a name with a space", "x key", "secret-value"],
  ])("does not take a header with %s, and does not tell its value", (_, name, value) => {
    const { ports } = createBench();
    const grants = { fetch: [{ origin: "https://api.example.com", headers: { [name]: value } }] };
    const make = (): unknown => createHost(ports).forPlugin({ name: "p", grants, wallMs: 1 });
    expect(make).toThrow(RangeError);
    expect(make).not.toThrow(/secret-value/);
  });
});
