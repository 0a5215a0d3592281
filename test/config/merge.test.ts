import { expect, test } from "vitest";
import { defineConfig, rule } from "../../src/config/index.ts";
import { mergeParts } from "../../src/config/merge.ts";

const url = "http://127.0.0.1/mcp";
const env = { REGION: "eu" };

async function merge(exported: unknown) {
  const { input, findings } = await mergeParts(exported, { env });
  return {
    input,
    faults: findings.map(({ path, message }) => `${path.join(".")}: ${message}`),
  };
}

test("parts are objects, promises, functions of env, and configs of their own", async () => {
  const team = defineConfig(
    { upstreams: { c: { url } } },
    { rules: [rule("r2", { on: "c/*", then: "deny" })] },
  );
  const exported = defineConfig(
    { upstreams: { a: { url } }, rules: [rule("r1", { on: "a/*", then: "deny" })] },
    Promise.resolve({ upstreams: { b: { url } } }),
    ({ env }) => ({ publicUrl: `https://${env["REGION"]}.example.com` }),
    team,
  );
  expect(await merge(exported)).toEqual({
    input: {
      upstreams: { a: { url }, b: { url }, c: { url } },
      rules: [
        { name: "r1", on: "a/*", then: "deny" },
        { name: "r2", on: "c/*", then: "deny" },
      ],
      publicUrl: "https://eu.example.com",
    },
    faults: [],
  });
});

test("what two parts set is a fault that names both", async () => {
  const part = { upstreams: { a: { url } }, sanitize: {}, rules: [{ name: "r" }] } as object;
  const nested = defineConfig({ clients: {} }, part);
  expect((await merge(defineConfig(part, {}, nested))).faults).toEqual([
    'upstreams.a: "a" is set in part 1 and in part 3.2',
    'sanitize: "sanitize" is set in part 1 and in part 3.2',
    'rules.r: The rule "r" is set in part 1 and in part 3.2',
  ]);
});

test("the first of two parts stays, whatever the order of their keys", async () => {
  const { input } = await merge(
    defineConfig({ publicUrl: "https://a.example" }, { publicUrl: "https://b.example" }),
  );
  expect(input).toEqual({ publicUrl: "https://a.example" });
});

test("a part that is no object is a fault, and a name like __proto__ pollutes nothing", async () => {
  expect((await merge(defineConfig({}, 4 as never))).faults).toEqual([
    ": Part 2 must be an object",
  ]);
  const evil = JSON.parse('{ "clients": { "__proto__": { "auth": "anonymous" } } }') as object;
  const { input } = await merge(defineConfig(evil, {}));
  expect(Object.keys((input as { clients: object }).clients)).toEqual(["__proto__"]);
  expect(({} as Record<string, unknown>)["auth"]).toBeUndefined();
});

test("what is not made of parts stays what it is", async () => {
  expect((await merge({ clients: {} })).input).toEqual({ clients: {} });
  expect((await merge(() => Promise.resolve({ clients: {} }))).input).toEqual({ clients: {} });
  expect((await merge(null)).input).toBeNull();
});

test("a function that gives itself ends", async () => {
  const again = (): unknown => again;
  await expect(merge(again)).rejects.toThrow("nested more than 16 deep");
});
