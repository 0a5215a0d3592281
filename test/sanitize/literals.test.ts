import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  type McpMessage,
  type NotificationMessage,
  type ResultMessage,
  isObject,
  parseJson,
  reread,
  textOf,
  toWire,
} from "../../src/mcp/index.ts";
import { openBudget } from "../../src/sanitize/budget.ts";
import {
  cleanJson,
  cleanMessage,
  cleanText,
  createLiterals,
  resolveSettings,
} from "../../src/sanitize/index.ts";
import { githubToken } from "./samples.ts";

/** Of no known format, with signs that every encoding spells in its own way. */
const secret = 'kR7 "tz%41\\q/é=4';
const other = "correct-horse-battery";
const literals = createLiterals([secret, other])!;
const settings = { ...resolveSettings(), literals };
const off = { ...resolveSettings({ secrets: "off", hidden: "off" }), literals };

const utf8 = new TextEncoder();
const bytesOf = (text: string): string => String.fromCharCode(...utf8.encode(text));
const hexOf = (text: string): string => Buffer.from(text).toString("hex");
const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);
const marker = "[redacted:configured]";

const forms: readonly (readonly [string, string])[] = [
  ["itself", secret],
  ["JSON", inJson(secret)],
  ["JSON in JSON", inJson(inJson(secret))],
  ["JSON with slashes escaped", inJson(secret).replaceAll("/", "\\/")],
  ["JSON in ASCII", inJson(secret).replaceAll("é", "\\u00e9")],
  ["a URL", encodeURIComponent(secret)],
  ["a URL in lower case", encodeURIComponent(secret).toLowerCase().replace("kr7", "kR7")],
  ["a form", encodeURIComponent(secret).replaceAll("%20", "+")],
  ["base64", btoa(bytesOf(secret))],
  ["base64 of more, aligned otherwise", btoa(bytesOf(`a${secret}b`))],
  ["base64 of more, aligned otherwise again", btoa(bytesOf(`ab${secret}`))],
  ["base64url", Buffer.from(secret).toString("base64url")],
  ["base64 of base64", btoa(btoa(bytesOf(`user:${secret}`)))],
  ["hex", hexOf(secret)],
  ["hex in upper case", hexOf(secret).toUpperCase()],
  ["zero width characters between", [...secret].join("\u200b")],
  ["HTML", secret.replaceAll('"', "&quot;").replaceAll("=", "&#61;")],
];

test.each(forms)("what is configured is found as %s, in every mode", (_, form) => {
  const text = `see: ${form} end`;
  for (const secrets of ["redact", "mask", "report", "off"] as const) {
    for (const hidden of ["strip", "show", "off"] as const) {
      const each = { ...resolveSettings({ secrets, hidden }), literals };
      const cleaned = cleanText(text, each);
      expect(cleaned, `${secrets} ${hidden}`).toMatchObject({
        text: `see: ${marker} end`,
        denied: undefined,
      });
      expect(cleaned.redactions.at(-1)).toEqual({ kind: "configured", where: "", count: 1 });
    }
  }
  const denying = { ...resolveSettings({ secrets: "deny" }), literals };
  expect(cleanText(text, denying).denied).toBe('Found configured at ""');
});

test("what is configured wins over the format that it has, and over the name before it", () => {
  const known = createLiterals([githubToken, other])!;
  for (const secrets of ["redact", "mask", "report", "off"] as const) {
    const each = { ...resolveSettings({ secrets }), literals: known };
    expect(cleanText(`is ${githubToken}.`, each).text).toBe(`is ${marker}.`);
    expect(cleanText(`password=${other};`, each).text).toBe(`password=${marker};`);
    const json = reread(JSON.stringify({ password: other, apiKey: `${other} 1` }));
    const { json: cleaned } = cleanJson(json, each);
    expect(textOf(cleaned)).not.toContain("horse");
    expect(textOf(cleaned)).toContain(`"password":"${marker}"`);
  }
});

test("what is configured wins where only a reader who decodes would see it", () => {
  const report = { ...resolveSettings({ secrets: "report" }), literals };
  const split = `${other.slice(0, 4)}\u200b${other.slice(4)}`;
  expect(cleanText(`password="${split}";`, report).text).toBe(`password="${marker}";`);
});

test("what lies around a credential is treated as its own setting says", () => {
  const report = { ...resolveSettings({ secrets: "report" }), literals };
  expect(cleanText(`${githubToken} ${other}\u200b \u200b`, report).text).toBe(
    `${githubToken} ${marker} `,
  );
  const mask = { ...resolveSettings({ secrets: "mask" }), literals };
  expect(cleanText(`${githubToken} ${other}`, mask).text).toBe(
    `${githubToken.slice(0, 4)}****${githubToken.slice(-2)} ${marker}`,
  );
  expect(cleanText(`a\u200b ${githubToken} ${other}`, off).text).toBe(
    `a\u200b ${githubToken} ${marker}`,
  );
});

function object(value: unknown) {
  const read = parseJson(JSON.stringify(value));
  if (!read.ok || !isObject(read.json)) throw new Error("The sample is no object");
  return read.json;
}
const result = (value: unknown): ResultMessage => ({ kind: "result", result: object(value) });
const notification = (method: string, params: unknown): NotificationMessage => ({
  kind: "notification",
  method,
  params: object(params),
});
const call = "tools/call";
const image = (text: string): string => btoa(`\u0089PNG\r\n\u001a\n\0\0${bytesOf(text)}\0\0`);

const carriers: readonly (readonly [string, string, (text: string) => McpMessage])[] = [
  ["text", call, (s) => result({ content: [{ type: "text", text: s }] })],
  ["structured content", call, (s) => result({ structuredContent: { a: [{ b: s }] } })],
  ["_meta", call, (s) => result({ _meta: { a: s } })],
  ["a key", call, (s) => result({ structuredContent: { [s]: 1 } })],
  ["a URI", call, (s) => result({ content: [{ type: "resource_link", uri: `a:${s}` }] })],
  ["a block's type", call, (s) => result({ content: [{ type: s }] })],
  ["a block's id", call, (s) => result({ content: [{ type: "tool_use", id: s }] })],
  ["a state", call, (s) => result({ resultType: "input_required", requestState: s })],
  ["a task's id", call, (s) => result({ taskId: s })],
  ["a cursor", "tools/list", (s) => result({ tools: [], nextCursor: s })],
  [
    "a blob",
    "resources/read",
    (s) => result({ contents: [{ uri: "a:b", blob: btoa(bytesOf(s)) }] }),
  ],
  ["an image", call, (s) => result({ content: [{ type: "image", data: image(s) }] })],
  ["a tool's name", "tools/list", (s) => result({ tools: [{ name: s, inputSchema: {} }] })],
  [
    "an argument's name",
    "tools/list",
    (s) => result({ tools: [{ name: "t", inputSchema: { properties: { [s]: {} } } }] }),
  ],
  [
    "a schema's default",
    "tools/list",
    (s) => result({ tools: [{ name: "t", inputSchema: { default: [s] } }] }),
  ],
  ["instructions", "server/discover", (s) => result({ instructions: s })],
  ["an error's message", call, (s) => ({ kind: "error", code: -1, message: s, data: undefined })],
  [
    "an error's data",
    call,
    (s) => ({ kind: "error", code: -1, message: "", data: object({ a: { [s]: s } }) }),
  ],
  ["a log message", call, (s) => notification("notifications/message", { level: "info", data: s })],
  ["a log level", call, (s) => notification("notifications/message", { level: s })],
  [
    "progress",
    call,
    (s) => notification("notifications/progress", { progressToken: 1, message: s }),
  ],
  [
    "a token of progress",
    call,
    (s) => notification("notifications/progress", { progressToken: s }),
  ],
];

test.each(carriers)("what is configured is withheld in %s (%s)", (_, method, build) => {
  for (const each of [settings, off]) {
    const { message, redactions, denied } = cleanMessage(build(other), each, { method });
    const text = toWire(message, "1");
    const open = [text, ...(text.match(/[\w+/]{24,}=*/g) ?? []).map((base64) => atob(base64))];
    expect(open.join()).not.toContain(other);
    expect(open.join()).toContain(marker);
    expect(redactions.length).toBeGreaterThan(0);
    expect(JSON.stringify(redactions)).not.toContain(other);
    expect(denied).toBeUndefined();
  }
});

test("a short credential is found where only words of its length are, and in paths", () => {
  const short = { ...off, literals: createLiterals(["hunter22"])! };
  const json = reread('{"a":"hunter22","hunter22":{"b":"hunter22"},"c":"hunter2"}');
  const cleaned = cleanJson(json, short);
  expect(textOf(cleaned.json)).toBe(
    `{"a":"${marker}","${marker}":{"b":"${marker}"},"c":"hunter2"}`,
  );
  expect(JSON.stringify(cleaned.redactions)).not.toContain("hunter22");
});

test("a credential of digits is withheld where it is a number", () => {
  const digits = { ...off, literals: createLiterals(["8675309042"])! };
  const cleaned = cleanJson(reread('{"a":[8675309042,867530904,1.5]}'), digits);
  expect(textOf(cleaned.json)).toBe(`{"a":["${marker}",867530904,1.5]}`);
});

test("values of fewer than eight characters are left out", () => {
  expect(createLiterals(["", "secret7", "a"])).toBeUndefined();
  const known = { ...off, literals: createLiterals(["secret7", "secret 8"])! };
  expect(cleanText("secret7 secret 8", known).text).toBe(`secret7 ${marker}`);
});

test("where no credential stands, nothing changes, and the same JSON comes back", () => {
  const json = reread('{"text":"correct-horse battery","n":12345678901234567890,"k":"\\u0061"}');
  expect(cleanJson(json, off)).toEqual({ json, redactions: [], denied: undefined });
});

test("the literals show none of their values", () => {
  expect(JSON.stringify(literals)).toBe("{}");
});

test("every literal is found wherever it begins, overlapping ones too", () => {
  const letter = fc.constantFrom("a", "b", "é", "%");
  const word = fc.array(letter, { minLength: 8, maxLength: 12 }).map((each) => each.join(""));
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 6 }),
      fc.array(letter),
      (values, rest) => {
        const text = values.map((value, index) => `${rest.slice(index).join("")}${value}`).join("");
        const found = createLiterals(values)!.find(text, openBudget());
        const spans = new Set(found.map(({ start, end }) => `${start} ${end}`));
        for (const value of values) {
          for (let at = text.indexOf(value); at !== -1; at = text.indexOf(value, at + 1)) {
            expect(spans).toContain(`${at} ${at + value.length}`);
          }
        }
      },
    ),
  );
});

test("many credentials in a text made of them cost as much as the text is long", () => {
  const values = Array.from({ length: 500 }, (_, index) => `shared-start-${index}-${index * 7919}`);
  const many = createLiterals([...values, "aaaaaaaa"])!;
  const costOf = (text: string): number => {
    let spent = 0;
    cleanText(text, settings);
    many.find(text, { spend: (units) => void (spent += units) });
    return spent;
  };
  for (const unit of ["a", "shared-start-", values[3]!, btoa("aaaaaaaaaaaa")]) {
    const half = costOf(unit.repeat(Math.ceil(20_000 / unit.length)));
    const whole = costOf(unit.repeat(Math.ceil(40_000 / unit.length)));
    expect(whole).toBeLessThan(2.6 * half);
  }
});
