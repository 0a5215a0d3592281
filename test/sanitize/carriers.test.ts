import { expect, test } from "vitest";
import {
  type ErrorMessage,
  type McpMessage,
  type NotificationMessage,
  type ResultMessage,
  isObject,
  parseJson,
  toWire,
} from "../../src/mcp/index.ts";
import { cleanMessage, resolveSettings } from "../../src/sanitize/index.ts";
import { githubToken, jwt, privateKey, secrets } from "./samples.ts";

const settings = resolveSettings();

function object(value: unknown) {
  const read = parseJson(JSON.stringify(value));
  if (!read.ok || !isObject(read.json)) throw new Error("The sample is no object");
  return read.json;
}
function result(value: unknown): ResultMessage {
  return { kind: "result", result: object(value) };
}
function notification(method: string, params: unknown): NotificationMessage {
  return { kind: "notification", method, params: object(params) };
}
function error(message: string, data: unknown): ErrorMessage {
  return { kind: "error", code: -32603, message, data: object(data) };
}

type Carrier = readonly [where: string, method: string, build: (secret: string) => McpMessage];
const call = "tools/call";
const text = { type: "text", text: "clean" };
const content = (block: unknown) => result({ content: [text, block] });
const tool = (more: object) => result({ tools: [{ name: "t", inputSchema: {}, ...more }] });
const schema = (property: object) =>
  tool({ inputSchema: { type: "object", properties: { password: property } } });

const carriers: readonly Carrier[] = [
  ["/result/content/1/text", call, (s) => content({ type: "text", text: `is ${s}.` })],
  [
    "/result/content/0/text",
    call,
    (s) => result({ isError: true, content: [{ type: "text", text: s }] }),
  ],
  [
    "/result/content/1/resource/text",
    call,
    (s) => content({ type: "resource", resource: { uri: "a:b", text: s } }),
  ],
  [
    "/result/content/1/resource/blob",
    call,
    (s) => content({ type: "resource", resource: { uri: "a:b", blob: btoa(`is ${s}`) } }),
  ],
  [
    "/result/content/1/description",
    call,
    (s) => content({ type: "resource_link", uri: "a:b", name: "x", description: s }),
  ],
  ["/result/content/1/name", call, (s) => content({ type: "resource_link", uri: "a:b", name: s })],
  [
    "/result/content/1/annotations/audience/0",
    call,
    (s) => content({ ...text, annotations: { audience: [s] } }),
  ],
  ["/result/content/1/_meta/note", call, (s) => content({ ...text, _meta: { note: s } })],
  ["/result/content/1/type", call, (s) => content({ type: s })],
  [
    "/result/content/1/unheardOf/0/x",
    call,
    (s) => content({ type: "hologram", unheardOf: [{ x: s }] }),
  ],
  [
    "/result/structuredContent/rows/0/cell",
    call,
    (s) => result({ content: [], structuredContent: { rows: [{ cell: s }] } }),
  ],
  [
    "/result/structuredContent",
    call,
    (s) => result({ content: [], structuredContent: { [s]: 1 } }),
  ],
  [
    "/result/structuredContent/nextCursor",
    call,
    (s) => result({ content: [], structuredContent: { nextCursor: s } }),
  ],
  ["/result/_meta/trace", call, (s) => result({ content: [], _meta: { trace: s } })],
  ["/result/unheardOf", call, (s) => result({ content: [], unheardOf: s })],
  [
    "/result/inputRequests/q/params/message",
    call,
    (s) =>
      result({
        resultType: "input_required",
        inputRequests: { q: { method: "elicitation/create", params: { message: s } } },
      }),
  ],
  ["/result/tools/0/description", "tools/list", (s) => tool({ description: s })],
  ["/result/tools/0/title", "tools/list", (s) => tool({ title: s })],
  ["/result/tools/0/annotations/title", "tools/list", (s) => tool({ annotations: { title: s } })],
  [
    "/result/tools/0/inputSchema/properties/password/default",
    "tools/list",
    (s) => schema({ default: s }),
  ],
  [
    "/result/tools/0/inputSchema/properties/password/enum/0",
    "tools/list",
    (s) => schema({ enum: [s] }),
  ],
  [
    "/result/tools/0/inputSchema/properties/password/description",
    "tools/list",
    (s) => schema({ description: s }),
  ],
  [
    "/result/tools/0/inputSchema/properties/password/examples/0/x",
    "tools/list",
    (s) => schema({ examples: [{ x: s }] }),
  ],
  ["/result/tools/0/outputSchema/title", "tools/list", (s) => tool({ outputSchema: { title: s } })],
  [
    "/result/resources/0/description",
    "resources/list",
    (s) => result({ resources: [{ uri: "a:b", name: "x", description: s }] }),
  ],
  [
    "/result/resourceTemplates/0/title",
    "resources/templates/list",
    (s) => result({ resourceTemplates: [{ uriTemplate: "a:{b}", name: "x", title: s }] }),
  ],
  [
    "/result/prompts/0/arguments/0/description",
    "prompts/list",
    (s) => result({ prompts: [{ name: "p", arguments: [{ name: "a", description: s }] }] }),
  ],
  [
    "/result/contents/0/text",
    "resources/read",
    (s) => result({ contents: [{ uri: "a:b", text: s }] }),
  ],
  [
    "/result/contents/0/blob",
    "resources/read",
    (s) => result({ contents: [{ uri: "a:b", blob: btoa(s) }] }),
  ],
  [
    "/result/messages/0/content/text",
    "prompts/get",
    (s) => result({ messages: [{ role: "user", content: { type: "text", text: s } }] }),
  ],
  ["/result/description", "prompts/get", (s) => result({ description: s, messages: [] })],
  [
    "/result/completion/values/0",
    "completion/complete",
    (s) => result({ completion: { values: [s] } }),
  ],
  ["/result/instructions", "server/discover", (s) => result({ instructions: s })],
  ["/result/instructions", "initialize", (s) => result({ instructions: s })],
  [
    "/result/serverInfo/title",
    "initialize",
    (s) => result({ serverInfo: { name: "x", title: s } }),
  ],
  [
    "/result/serverInfo/version",
    "initialize",
    (s) => result({ serverInfo: { name: "x", version: s } }),
  ],
  [
    "/params/message",
    call,
    (s) => notification("notifications/progress", { progressToken: 1, message: s }),
  ],
  [
    "/params/data/x/0",
    call,
    (s) => notification("notifications/message", { level: "info", data: { x: [s] } }),
  ],
  ["/params/data", call, (s) => notification("notifications/message", { level: "info", data: s })],
  ["/params/logger", call, (s) => notification("notifications/message", { logger: s, data: 1 })],
  ["/params/_meta/x", call, (s) => notification("notifications/unheard-of", { _meta: { x: s } })],
  ["/error/message", call, (s) => error(`failed with ${s}`, {})],
  ["/error/data/stack", call, (s) => error("failed", { stack: s })],
];

const few = secrets.filter(([kind]) =>
  ["github-token", "aws-access-key", "jwt", "private-key", "openai-key"].includes(kind),
);

test.each(carriers)("a secret at %s of %s is replaced", (where, method, build) => {
  for (const [kind, secret] of few) {
    const { message, redactions, denied } = cleanMessage(build(secret), settings, { method });
    const wire = toWire(message, "1");
    const clean = toWire(build(`[redacted:${kind}]`), "1");
    if (!where.endsWith("blob")) expect(wire).toBe(clean);
    expect(parseJson(wire).ok).toBe(true);
    expect(wire).not.toContain(JSON.stringify(secret).slice(1, -1));
    expect(redactions).toEqual([{ kind, where, count: 1 }]);
    expect(denied).toBeUndefined();
  }
});

test("a blob stays base64, with its other bytes as they were", () => {
  const file = `Grüße\u200b\n${githubToken}\nend`;
  const blob = Buffer.from(file).toString("base64");
  const dirty = result({ contents: [{ uri: "a:b", mimeType: "text/plain", blob }] });
  const { message } = cleanMessage(dirty, settings, { method: "resources/read" });
  const [, cleaned] = /"blob":"([^"]*)"/.exec(toWire(message, "1"))!;
  expect(Buffer.from(cleaned!, "base64").toString()).toBe(
    "Grüße\u200b\n[redacted:github-token]\nend",
  );
});

test("bytes that are no UTF-8 do not hide a secret in a blob", () => {
  const bytes = Buffer.concat([Buffer.from([0xff, 0xfe, 0x00]), Buffer.from(` ${githubToken} `)]);
  const dirty = result({ contents: [{ uri: "a:b", blob: bytes.toString("base64") }] });
  const { message } = cleanMessage(dirty, settings, { method: "resources/read" });
  const [, cleaned] = /"blob":"([^"]*)"/.exec(toWire(message, "1"))!;
  const out = Buffer.from(cleaned!, "base64");
  expect(out.subarray(0, 3)).toEqual(bytes.subarray(0, 3));
  expect(out.toString("latin1")).not.toContain(githubToken);
});

test("what calls itself an image but is text is looked into", () => {
  const block = { type: "image", mimeType: "image/png", data: btoa(`token ${githubToken}`) };
  const { redactions } = cleanMessage(content(block), settings, { method: call });
  expect(redactions).toEqual([{ kind: "github-token", where: "/result/content/1/data", count: 1 }]);
});

test("a password under its name in structured data is replaced, whatever it looks like", () => {
  const dirty = result({
    content: [],
    structuredContent: {
      password: "correct horse",
      db: { dbPassword: "x y z", api_key: "abcdefgh", clientSecret: "tr0ub4dor", user: "anna" },
      credentials: ["n0t-a-w0rd"],
      accessToken: jwt,
      next_token: "abc12345678",
      password_hint: "the usual",
      empty: { password: "", api_key: null, secret: true, token: "word" },
    },
  });
  const { message } = cleanMessage(dirty, settings, { method: call });
  expect(JSON.parse(toWire(message, "1")).result.structuredContent).toEqual({
    password: "[redacted:password]",
    db: {
      dbPassword: "[redacted:password]",
      api_key: "[redacted:api-key]",
      clientSecret: "[redacted:client-secret]",
      user: "anna",
    },
    credentials: ["[redacted:credentials]"],
    accessToken: "[redacted:token]",
    next_token: "abc12345678",
    password_hint: "the usual",
    empty: { password: "", api_key: null, secret: true, token: "word" },
  });
});

test("two keys that are redacted alike stay two keys", () => {
  const [a, b] = [secrets[2]![1], secrets[3]![1]];
  const dirty = result({ content: [], structuredContent: { [a]: 1, x: 2, [b]: 3 } });
  const { message } = cleanMessage(dirty, settings, { method: call });
  expect(toWire(message, "1")).toContain(
    '{"[redacted:github-token]":1,"x":2,"[redacted:github-token]#2":3}',
  );
  expect(parseJson(toWire(message, "1")).ok).toBe(true);
});

test("a record names no secret and no control character of a key", () => {
  const key = `a\u0007\u2028${"k".repeat(100)}`;
  const dirty = result({
    content: [],
    structuredContent: { [githubToken]: githubToken, [key]: githubToken, "a/b~c": githubToken },
  });
  const { redactions } = cleanMessage(dirty, settings, { method: call });
  const record = JSON.stringify(redactions);
  expect(record).not.toContain(githubToken);
  expect(record).toContain("/result/structuredContent/[redacted]");
  expect(record).toContain("/result/structuredContent/a~1b~0c");
  expect(redactions.every(({ where }) => /^[ -~…]*$/.test(where) && where.length < 130)).toBe(true);
});

test("a message with a secret in every line has a record of bounded size", () => {
  const rows = Array.from({ length: 500 }, () => ({ cell: githubToken }));
  const dirty = result({ content: [], structuredContent: { rows } });
  const { redactions } = cleanMessage(dirty, settings, { method: call });
  expect(redactions.length).toBeLessThanOrEqual(66);
  expect(redactions.reduce((sum, each) => sum + each.count, 0)).toBe(500);
});

test("a private key with escaped line breaks is one redaction", () => {
  const dirty = content({ type: "text", text: JSON.stringify({ key: privateKey }) });
  const { message } = cleanMessage(dirty, settings, { method: call });
  expect(toWire(message, "1")).toContain(String.raw`{\"key\":\"[redacted:private-key]\"}`);
});
