import { expect, test } from "vitest";
import { isObject, parseJson, textOf } from "../../src/mcp/index.ts";
import { cleanJson, cleanMessage, cleanText, resolveSettings } from "../../src/sanitize/index.ts";
import { githubToken } from "./samples.ts";

function read(value: unknown) {
  const result = parseJson(JSON.stringify(value));
  if (!result.ok || !isObject(result.json)) throw new Error("The sample is no object");
  return result.json;
}

test("settings come from the nearest object that has them, else from the defaults", () => {
  expect(resolveSettings()).toEqual({ secrets: "redact", hidden: "strip" });
  expect(
    resolveSettings(undefined, { secrets: "mask" }, { secrets: "off", hidden: "show" }),
  ).toEqual({
    secrets: "mask",
    hidden: "show",
  });
});

test("mask keeps four characters and two of a long secret, none of a short one", () => {
  const settings = resolveSettings({ secrets: "mask" });
  const masked = `${githubToken.slice(0, 4)}****${githubToken.slice(-2)}`;
  expect(cleanText(`is ${githubToken}.`, settings).text).toBe(`is ${masked}.`);
  expect(cleanText("password=hunter2", settings).text).toBe("password=****");
  expect(cleanText(cleanText("password=hunter2", settings).text, settings).redactions).toEqual([]);
});

test("deny says why, with the place and without the secret, and cleans all the same", () => {
  const settings = resolveSettings({ secrets: "deny" });
  const dirty = {
    kind: "result",
    result: read({ content: [{ type: "text", text: githubToken }] }),
  } as const;
  const { message, denied } = cleanMessage(dirty, settings, { method: "tools/call" });
  expect(denied).toBe('Found github-token at "/result/content/0/text"');
  expect(JSON.stringify(message)).not.toContain(githubToken);
  const harmless = { kind: "result", result: read({ content: [] }) } as const;
  expect(cleanMessage(harmless, settings, { method: "tools/call" }).denied).toBeUndefined();
});

test("report lists and leaves", () => {
  const json = read({ a: [`${githubToken} password=hunter2`], password: "x y z" });
  const cleaned = cleanJson(json, resolveSettings({ secrets: "report" }));
  expect(textOf(cleaned.json)).toBe(textOf(json));
  expect(cleaned.redactions).toEqual([
    { kind: "github-token", where: "/a/0", count: 1 },
    { kind: "password", where: "/a/0", count: 1 },
    { kind: "password", where: "/password", count: 1 },
  ]);
  expect(cleaned.denied).toBeUndefined();
});

test("report leaves the secret and still takes out what is hidden in it", () => {
  const settings = resolveSettings({ secrets: "report" });
  const split = `${githubToken.slice(0, 9)}\u200b${githubToken.slice(9)}`;
  const { text, redactions } = cleanText(split, settings);
  expect(text).toBe(githubToken);
  expect(redactions.map((each) => each.kind)).toEqual(["github-token", "hidden-character"]);
});

test("off finds nothing", () => {
  const json = read({ password: githubToken, text: "a\u200bb" });
  const settings = resolveSettings({ secrets: "off", hidden: "off" });
  expect(cleanJson(json, settings)).toEqual({ json, redactions: [], denied: undefined });
  const secretsOff = cleanJson(json, resolveSettings({ secrets: "off" }));
  expect(textOf(secretsOff.json)).toBe(JSON.stringify({ password: githubToken, text: "ab" }));
});

test("hidden characters beside a secret are counted apart", () => {
  const { text, redactions } = cleanText(`a\u200b ${githubToken}\u200b b`, resolveSettings());
  expect(text).toBe("a [redacted:github-token] b");
  expect(redactions).toEqual([
    { kind: "hidden-character", where: "", count: 2 },
    { kind: "github-token", where: "", count: 1 },
  ]);
});

test("arguments are cleaned for the record, by key name and by format", () => {
  const json = read({ user: "anna", password: "hunter2", query: `select '${githubToken}'` });
  expect(textOf(cleanJson(json, resolveSettings()).json)).toBe(
    '{"user":"anna","password":"[redacted:password]","query":"select \'[redacted:github-token]\'"}',
  );
});
