import { expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import { toConfig } from "../stores/ports.ts";
import { openPolicy } from "./open-policy.ts";

const url = "http://127.0.0.1:9101/mcp";

function shows(resources: string[], more: { expose?: string[]; deny?: string[] } = {}) {
  const config: ConfigInput = {
    upstreams: { w: { url, expose: more.expose ? { resources: more.expose } : {} }, v: { url } },
    clients: { a: { auth: "anonymous", allow: { resources } } },
    rules: more.deny ? [{ name: "r", on: more.deny, then: "deny" }] : [],
  };
  const { policy } = openPolicy(toConfig(config));
  return (template: string, upstream = "w", client = "a") =>
    policy.showsTemplate({ client, subject: undefined, address: undefined }, upstream, template);
}

test("A template is shown where it can expand to an allowed URI", () => {
  const shown = shows(["w/weather://cities/*"]);
  expect(shown("weather://cities/{name}")).toBe(true);
  expect(shown("weather://{+path}")).toBe(true);
  expect(shown("weather://cities/oslo")).toBe(true);
  expect(shown("weather://countries/{name}")).toBe(false);
  expect(shown("weather:/cities/{name}")).toBe(false);
  expect(shown("weather://cities/{name}", "v")).toBe(false);
  expect(shown("weather://cities/{name}", "w", "b")).toBe(false);
  expect(shown("weather://cities/{name}", "__proto__")).toBe(false);
});

test("A template that names one URI out of normal form is not shown", () => {
  const shown = shows(["*"]);
  expect(shown("file:///a/../b")).toBe(false);
  expect(shown("file:///a")).toBe(true);
});

test("A template whose literal text is out of normal form, or leaves the scheme open, is not shown", () => {
  for (const resources of [["*"], ["w/file:///public/*"]]) {
    const shown = shows(resources);
    expect(shown("file:///public/{name}")).toBe(true);
    for (const template of [
      "file:///public/../private/{name}",
      "file:///public/{name}/../../private/{other}",
      "file:///public/..{+name}",
      "file:///public/%2e%2e/{name}",
      "file:/public/{name}",
      "file://localhost/public/{name}",
      "{name}",
      "{+uri}",
      "{scheme}:///public/{name}",
      "file:///public/{../x}",
    ]) {
      expect(shown(template)).toBe(false);
    }
  }
});

test("A template is shown only where the upstream exposes what is allowed", () => {
  const shown = shows(["w/x://a*"], { expose: ["x://ab*", "x://c*"] });
  expect(shown("x://{rest}")).toBe(true);
  expect(shown("x://c{rest}")).toBe(false);
  expect(shows(["w/x://a*"], { expose: ["x://b*"] })("x://{rest}")).toBe(false);
  expect(shows(["w/x://a*"], { expose: [] })("x://{rest}")).toBe(false);
});

test("A template is hidden where one rule without conditions takes all of it away", () => {
  expect(shows(["*"], { deny: ["w/x://*"] })("x://{rest}")).toBe(false);
  expect(shows(["*"], { deny: ["w/x://a/*"] })("x://{rest}")).toBe(true);
  expect(shows(["*"], { deny: ["w/x://a/*"] })("x://a/{rest}")).toBe(false);
  expect(shows(["*"], { deny: ["v/*"] })("x://{rest}")).toBe(true);
});

test("A template of any length is answered at once", () => {
  const shown = shows(["w/" + "*a".repeat(500)]);
  expect(shown("x://" + "{a}".repeat(600))).toBe(true);
  expect(shown("x://" + "{a}b".repeat(1_000_000))).toBe(false);
});
