import { expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import { toConfig } from "../stores/ports.ts";
import { openPolicy } from "./open-policy.ts";

const url = "http://127.0.0.1:9101/mcp";

type Allow = NonNullable<NonNullable<ConfigInput["clients"]>[string]["allow"]>;

function granting(...input: NonNullable<Allow["input"]>) {
  const config = toConfig({
    upstreams: { weather: { url }, "weather.2": { url }, files: { url } },
    clients: { a: { auth: "anonymous", allow: { tools: ["*"], input } }, b: { auth: "anonymous" } },
  });
  const { grants } = openPolicy(config).policy;
  const of = (upstream: string, client = "a") => [...grants(client, upstream)].toSorted();
  return { grants, of };
}

test("Nothing may be asked of a client that grants nothing, though it may use everything", () => {
  const { of } = granting();
  expect(of("weather")).toEqual([]);
  expect(of("weather", "b")).toEqual([]);
});

test("A bare kind is granted to every upstream, and to the one client alone", () => {
  const { of } = granting("sampling", "elicitation:url");
  for (const upstream of ["weather", "weather.2", "files"]) {
    expect(of(upstream)).toEqual(["elicitation:url", "sampling"]);
    expect(of(upstream, "b")).toEqual([]);
  }
});

test("A kind of an upstream is granted to those upstreams that its glob names", () => {
  const { of } = granting("weather/roots", "weather*/sampling", "sampling/roots" as "roots");
  expect(of("weather")).toEqual(["roots", "sampling"]);
  expect(of("weather.2")).toEqual(["sampling"]);
  expect(of("files")).toEqual([]);
});

test("Elicitation is both of its modes, and each may be granted alone", () => {
  const { of } = granting("weather/elicitation", "files/elicitation:form");
  expect(of("weather")).toEqual(["elicitation:form", "elicitation:url"]);
  expect(of("files")).toEqual(["elicitation:form"]);
});

test("What is no kind grants nothing", () => {
  const { of } = granting("*" as "roots", "weather/*" as "roots", "weather/Sampling" as "roots");
  expect(of("weather")).toEqual([]);
});

test("The set of two is always the same one, and empty where one of them is unknown", () => {
  const { grants, of } = granting("sampling");
  expect(grants("a", "weather")).toBe(grants("a", "weather"));
  expect(of("elsewhere")).toEqual([]);
  for (const name of ["constructor", "__proto__", ""]) {
    expect(of("weather", name)).toEqual([]);
    expect(of(name)).toEqual([]);
  }
});
