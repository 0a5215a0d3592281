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
  // @ts-expect-error -- what a rule can do is to deny
  defineConfig({ rules: [rule("r", { on: "a/*", then: "allow" })] });
  expect(Object.getOwnPropertySymbols(whole)).toHaveLength(1);
});

test("secret and rule give plain data, the form that JSON writes", () => {
  expect(secret("NAME")).toEqual({ secret: "NAME" });
  expect(secret({ file: "x", create: true })).toEqual({ secret: { file: "x", create: true } });
  expect(rule("r", { on: "*", then: "deny" })).toEqual({ name: "r", on: "*", then: "deny" });
});
