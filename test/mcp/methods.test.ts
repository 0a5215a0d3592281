import { expect, test } from "vitest";
import {
  decisiveParams,
  eraOf,
  foldCase,
  latestLegacy,
  latestModern,
  legacyRevisions,
  methods,
  modernRevisions,
} from "../../src/mcp/index.ts";

test("methods has no row for what a client may not send or what is not served", () => {
  for (const method of ["sampling/createMessage", "elicitation/create", "roots/list", "toString"]) {
    expect(methods.has(method)).toBe(false);
  }
});

test("methods lists notifications under notifications/ alone, and requests nowhere there", () => {
  for (const [method, { kind }] of methods) {
    expect(kind === "notification").toBe(method.startsWith("notifications/"));
  }
});

test("methods keeps the handshake out of the modern era", () => {
  for (const method of ["initialize", "ping", "notifications/initialized"]) {
    expect(methods.get(method)?.eras).toEqual(["legacy"]);
  }
  expect(methods.get("server/discover")?.eras).toEqual(["modern"]);
});

test("decisiveParams holds what each acting method is named by, each folding to itself alone", () => {
  for (const { does } of methods.values()) {
    if (does.what === "act") expect(decisiveParams.has(does.named)).toBe(true);
  }
  expect(new Set([...decisiveParams].map(foldCase)).size).toBe(decisiveParams.size);
});

test("eraOf knows each revision's era and no other revision", () => {
  for (const revision of modernRevisions) expect(eraOf(revision)).toBe("modern");
  for (const revision of legacyRevisions) expect(eraOf(revision)).toBe("legacy");
  expect(eraOf(latestModern)).toBe("modern");
  expect(eraOf(latestLegacy)).toBe("legacy");
  expect(eraOf("2026-07-29")).toBeUndefined();
  expect(eraOf("")).toBeUndefined();
});
