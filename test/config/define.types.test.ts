import { expect, test } from "vitest";
import { type ConfigInput, defineConfig, rule, secret } from "mcp-gw";

const url = "http://127.0.0.1/mcp";

test("defineConfig takes each form of a part, and refuses at compile time what check refuses", () => {
  const part: ConfigInput = { upstreams: { a: { url, headers: { authorization: secret("T") } } } };
  const whole = defineConfig(
    part,
    Promise.resolve(part),
    ({ env }) => ({ publicUrl: env["URL"] ?? url }),
    defineConfig(part),
    {
      rules: [
        rule("r", { on: { tools: ["a/*"] }, then: "deny", when: { args: { n: { max: 1 } } } }),
      ],
    },
  );
  // @ts-expect-error -- an unknown key
  defineConfig({ listn: {} });
  // @ts-expect-error -- a token in the clear
  defineConfig({ clients: { web: { auth: { token: "in the clear" } } } });
  // @ts-expect-error -- a client without auth
  defineConfig({ clients: { web: { allow: { tools: ["*"] } } } });
  rule("f", { on: "a/*", timeoutMs: 5, when: ({ args, now }) => args["n"] === 1 && now > 0 });
  rule("s", { on: "a/*", set: { region: "eu", tags: [1, null, { a: true }] }, mode: "shadow" });
  // @ts-expect-error -- a promise is no answer
  rule("p", { on: "a/*", then: "deny", when: async () => true });
  // @ts-expect-error -- a date is no JSON
  rule("d", { on: "a/*", set: { at: new Date(0) } });
  // @ts-expect-error -- no rule allows
  defineConfig({ rules: [rule("r", { on: "a/*", then: "allow" })] });
  expect(Object.getOwnPropertySymbols(whole)).toHaveLength(1);
});

test("secret and rule give plain data, the form that JSON writes", () => {
  expect(secret("NAME")).toEqual({ secret: "NAME" });
  expect(secret({ file: "x", create: true })).toEqual({ secret: { file: "x", create: true } });
  expect(rule("r", { on: "*", then: "deny" })).toEqual({ name: "r", on: "*", then: "deny" });
});
