import { describe, expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import { handClock, toConfig } from "../stores/ports.ts";
import { openPolicy } from "./open-policy.ts";

const url = "http://127.0.0.1:9101/mcp";
const day = 24 * 60 * 60_000;

function open(config: ConfigInput, now = "2027-01-15T12:00:00Z") {
  const whole = toConfig({ upstreams: { wiki: { url }, crm: { url } }, ...config });
  const opened = openPolicy(whole, handClock(Date.parse(now)));
  const { policy } = opened;
  const decide = (client: string, upstream: string, name: string) =>
    policy.decide(
      { client, subject: undefined, address: undefined },
      { kind: "tool", upstream, name },
    );
  return { ...opened, decide };
}

describe("a role", () => {
  const { decide, policy } = open({
    roles: {
      everyone: { allow: { tools: ["wiki/*"], input: ["wiki/roots"] } },
      staff: { allow: { tools: ["crm/get_*"], input: ["sampling"] } },
    },
    clients: {
      a: { auth: "anonymous", roles: ["everyone", "staff"], allow: { tools: ["crm/find"] } },
      b: { auth: "anonymous", roles: ["everyone"] },
      c: { auth: "anonymous" },
    },
  });

  test("allows whoever holds it what it allows, and says which one did", () => {
    expect(decide("a", "crm", "get_x")).toEqual({
      allowed: true,
      allowedBy: "crm/get_*",
      role: "staff",
    });
    expect(decide("a", "wiki", "x")).toMatchObject({ allowedBy: "wiki/*", role: "everyone" });
    expect(decide("a", "crm", "find")).toEqual({ allowed: true, allowedBy: "crm/find" });
    expect(decide("b", "wiki", "x").allowed).toBe(true);
    expect(decide("b", "crm", "get_x").allowed).toBe(false);
    expect(decide("c", "wiki", "x").allowed).toBe(false);
    for (const name of ["constructor", "everyone"]) {
      expect(decide(name, "wiki", "x").allowed).toBe(false);
    }
  });

  test("lets upstreams be reached", () => {
    const reaches = (client: string) =>
      policy.reaches({ client, subject: undefined }, "wiki") &&
      !policy.reaches({ client, subject: undefined }, "elsewhere");
    expect(["a", "b", "c"].map(reaches)).toEqual([true, true, false]);
  });

  test("grants what servers may ask", () => {
    expect([...policy.grants("a", "wiki")].toSorted()).toEqual(["roots", "sampling"]);
    expect([...policy.grants("b", "wiki")]).toEqual(["roots"]);
    expect([...policy.grants("b", "crm")]).toEqual([]);
  });
});

test("A role ends with its last day in UTC, and is there again where the clock goes back", () => {
  const config: ConfigInput = {
    roles: {
      short: { allow: { tools: ["wiki/*"], input: ["roots"] }, until: "2027-01-15" },
      long: { allow: { tools: ["crm/*"] }, until: "2027-01-16" },
    },
    clients: { a: { auth: "anonymous", roles: ["short", "long"] } },
  };
  const { clock, decide, policy } = open(config, "2027-01-15T23:59:59.999Z");
  const seen = () => [
    decide("a", "wiki", "x").allowed,
    policy.reaches({ client: "a", subject: undefined }, "wiki"),
    policy.grants("a", "wiki").size > 0,
    decide("a", "crm", "x").allowed,
  ];
  expect(seen()).toEqual([true, true, true, true]);
  clock.advance(1);
  expect(seen()).toEqual([false, false, false, true]);
  clock.advance(day);
  expect(seen()).toEqual([false, false, false, false]);
  clock.advance(-day - 1);
  expect(seen()).toEqual([true, true, true, true]);
});

test("A rule for roles concerns those who hold one, and with clients both have to fit", () => {
  const { decide } = open({
    roles: { guest: {}, staff: {}, gone: { until: "2020-01-01" } },
    clients: {
      a: { auth: "anonymous", roles: ["guest"], allow: { tools: ["*"] } },
      b: { auth: "anonymous", roles: ["staff", "gone"], allow: { tools: ["*"] } },
      c: { auth: "anonymous", roles: ["guest", "staff"], allow: { tools: ["*"] } },
    },
    rules: [
      { name: "guests", on: "wiki/edit", roles: ["guest"], then: "deny" },
      { name: "both", on: "wiki/drop", roles: ["guest"], clients: ["b", "c"], then: "deny" },
      { name: "nobody", on: "wiki/see", roles: ["gone"], then: "deny" },
    ],
  });
  const allowed = (name: string) =>
    ["a", "b", "c"].filter((client) => decide(client, "wiki", name).allowed);
  expect(allowed("edit")).toEqual(["b"]);
  expect(allowed("drop")).toEqual(["a", "b"]);
  expect(allowed("see")).toEqual(["a", "b", "c"]);
});

test("A rule ends with its last day", () => {
  const { clock, decide } = open({
    clients: { a: { auth: "anonymous", allow: { tools: ["*"] } } },
    rules: [{ name: "freeze", on: "wiki/*", then: "deny", until: "2027-01-15" }],
  });
  expect(decide("a", "wiki", "x").allowed).toBe(false);
  clock.advance(day);
  expect(decide("a", "wiki", "x").allowed).toBe(true);
});

test("An input rule takes from what clients and roles grant, for whom it concerns alone", () => {
  const { policy } = open({
    roles: { r: { allow: { input: ["sampling"] } } },
    clients: {
      a: { auth: "anonymous", roles: ["r"], allow: { input: ["elicitation", "roots"] } },
      b: { auth: "anonymous", roles: ["r"] },
    },
    rules: [
      { name: "form", on: { input: ["wiki/elicitation:form"] }, then: "deny" },
      { name: "no-roots", on: { input: ["roots"] }, clients: ["b"], then: "deny" },
      { name: "no-models", on: { input: ["sampling"] }, clients: ["a"], then: "deny" },
      { name: "tools", on: "wiki/roots", then: "deny" },
    ],
  });
  const granted = (client: string, upstream: string) => [...policy.grants(client, upstream)].sort();
  expect(granted("a", "wiki")).toEqual(["elicitation:url", "roots"]);
  expect(granted("a", "crm")).toEqual(["elicitation:form", "elicitation:url", "roots"]);
  expect(granted("b", "wiki")).toEqual(["sampling"]);
});
