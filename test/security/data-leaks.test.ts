import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Secret } from "../../src/core/index.ts";
import { modernRequest, post, tokenA } from "../e2e/gateway.ts";
import { githubToken, inContext, jwt, secrets } from "../sanitize/samples.ts";
import {
  type Answerer,
  legacy,
  result,
  sendEvents,
  sendJson,
  startEvents,
} from "../upstreams/fake-server.ts";
import {
  type Rig,
  answerText,
  blockText,
  carriers,
  closeRigs,
  discovery,
  eventsText,
  listText,
  listening,
  logText,
  okText,
  openRig,
  openSession,
  progressText,
  reply,
  shownList,
  toolText,
} from "./rig.ts";

afterEach(closeRigs);

const auditOf = (rig: Rig): Promise<string> =>
  readFile(join(rig.gateway.folder, "audit.jsonl"), "utf8");
const inJson = (value: unknown): string => JSON.stringify(value);

/** One of each sort: in one word, with a sign in it, over several lines. */
const few = secrets.filter(([kind]) =>
  ["github-token", "stripe-key", "private-key"].includes(kind),
);

test.each(carriers)(
  "D1 a secret in %s (%s) is replaced, and nothing beside it",
  async (_, method, params, build) => {
    const rig = await openRig();
    for (const [kind, secret] of few) {
      rig.act({ [method]: reply(build(inJson(`see:${secret} end`))) });
      const answer = await rig.ask(method, params);
      expect(answer.text).toBe(answerText(build(inJson(`see:[redacted:${kind}] end`))));
      expect((await rig.records()).at(-1)?.["redactions"]).toMatchObject([{ kind, count: 1 }]);
      expect(await auditOf(rig)).not.toContain(inJson(secret).slice(1, -1));
    }
  },
);

const schema = (more: string): string =>
  `{"name":"t","inputSchema":{"type":"object","properties":{"a":{"type":"string",${more}}}}}`;
const listed: readonly (readonly [string, string, string, (text: string) => string])[] = [
  ["a tool's description", "tools/list", "tools", (s) => toolText("t", `,"description":${s}`)],
  ["a tool's title", "tools/list", "tools", (s) => toolText("t", `,"title":${s}`)],
  [
    "a tool's annotations",
    "tools/list",
    "tools",
    (s) => toolText("t", `,"annotations":{"title":${s}}`),
  ],
  ["a tool's _meta", "tools/list", "tools", (s) => toolText("t", `,"_meta":{"a":${s}}`)],
  ["a schema's description", "tools/list", "tools", (s) => schema(`"description":${s}`)],
  ["a schema's default", "tools/list", "tools", (s) => schema(`"default":${s}`)],
  ["a schema's const", "tools/list", "tools", (s) => schema(`"const":${s}`)],
  ["a schema's enum", "tools/list", "tools", (s) => schema(`"enum":["x",${s}]`)],
  ["a schema's examples", "tools/list", "tools", (s) => schema(`"examples":[{"b":${s}}]`)],
  [
    "an outputSchema",
    "tools/list",
    "tools",
    (s) => toolText("t", `,"outputSchema":{"title":${s}}`),
  ],
  ["a prompt's description", "prompts/list", "prompts", (s) => `{"name":"p","description":${s}}`],
  [
    "a prompt's argument",
    "prompts/list",
    "prompts",
    (s) => `{"name":"p","arguments":[{"name":"a","description":${s}}]}`,
  ],
  ["a resource's name", "resources/list", "resources", (s) => `{"uri":"a:b","name":${s}}`],
  [
    "a resource's description",
    "resources/list",
    "resources",
    (s) => `{"uri":"a:b","name":"r","description":${s}}`,
  ],
  [
    "a template's description",
    "resources/templates/list",
    "resourceTemplates",
    (s) => `{"uriTemplate":"a:{b}","name":"r","description":${s}}`,
  ],
];

test.each(listed)(
  "D1 a secret in %s (%s) is replaced, and nothing beside it",
  async (_, method, key, build) => {
    const rig = await openRig();
    for (const [kind, secret] of few) {
      rig.act({ [method]: reply(listText(key, [build(inJson(`see:${secret} end`))])) });
      const clean = answerText(shownList(key, [build(inJson(`see:[redacted:${kind}] end`))]));
      expect((await rig.ask(method)).text).toBe(clean);
      expect((await rig.records()).at(-1)?.["redactions"]).toMatchObject([{ kind, count: 1 }]);
    }
  },
);

test("D1 every known format is replaced, each block by itself", async () => {
  const text = (each: string): string => `{"type":"text","text":${inJson(each)}}`;
  const rig = await openRig({
    "tools/call": reply(blockText(secrets.map(([, secret]) => text(`is ${secret} end`)).join(","))),
  });
  expect((await rig.call()).text).toBe(
    answerText(blockText(secrets.map(([kind]) => text(`is [redacted:${kind}] end`)).join(","))),
  );
  rig.act({ "tools/call": reply(blockText(inContext.map(([, each]) => text(each)).join(","))) });
  const answer = await rig.call();
  for (const [kind, , secret] of inContext) {
    expect(answer.text).not.toContain(secret);
    expect(answer.text).toContain(`[redacted:${kind}]`);
  }
});

test.each(["modern", "legacy"])(
  "D1 secrets in progress, log messages and errors are replaced, from a %s server",
  async (era) => {
    const build = (id: number, token: string, text: string): string[] => [
      progressText(token, text),
      logText(text),
      logText(`{"a":[${text}],"n":12345678901234567890}`),
      `{"jsonrpc":"2.0","id":${id},"error":{"code":-32000,"message":${text},"data":{"stack":${text},"n":1.0}}}`,
    ];
    const act: Answerer = ({ id, params }, response) => {
      const token = (JSON.parse(params) as { _meta: { progressToken: unknown } })._meta
        .progressToken;
      sendEvents(response, ...build(id, inJson(String(token)), inJson(`see ${githubToken}`)));
    };
    const rig = await openRig({ "tools/call": act }, era === "legacy" ? { era: legacy } : {});
    const answer = await rig.call({}, { meta: { ...listening, progressToken: "p" } });
    expect(answer.text).toBe(eventsText(...build(1, '"p"', inJson("see [redacted:github-token]"))));
  },
);

test.each(["modern", "legacy"])(
  "D1 secrets in what a %s server says of itself reach nobody",
  async (era) => {
    const serverInfo = `{"name":"${githubToken}","title":"${githubToken}","version":"${githubToken}","websiteUrl":"https://x.example/${githubToken}"}`;
    const more = `,"instructions":"use ${githubToken} well","serverInfo":${serverInfo},"_meta":{"io.modelcontextprotocol/serverInfo":${serverInfo},"a":"${githubToken}"}`;
    const asLegacy =
      (answer: Answerer): Answerer =>
      (asked, response) =>
        asked.method === "initialize"
          ? sendJson(
              response,
              result(
                asked.id,
                `{"protocolVersion":"2025-06-18","capabilities":{"tools":{}}${more}}`,
              ),
            )
          : legacy(answer, () => undefined)(asked, response);
    const rig = await openRig(
      { "server/discover": reply(discovery(more)) },
      era === "legacy" ? { era: asLegacy } : {},
    );
    const found = await rig.ask("server/discover");
    expect(found.json().result?.["instructions"]).toBe("use [redacted:github-token] well");
    const headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    };
    const params =
      '{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}';
    const body = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":${params}}`;
    const greeting = await post(`${rig.gateway.url}/mcp/x`, { headers, body });
    expect(greeting.json().result?.["instructions"]).toBe("use [redacted:github-token] well");
    for (const { text } of [found, greeting]) expect(text).not.toContain(githubToken);
    expect(await auditOf(rig)).not.toContain(githubToken);
  },
);

const leaking = {
  "x-secret": githubToken,
  "set-cookie": `token=${githubToken}`,
  server: githubToken,
  "www-authenticate": `Bearer realm="${githubToken}"`,
};

test.each<[string, number, string, string]>([
  ["a stack trace", 500, "text/plain", `Error: ${githubToken}\n at /home/x.js:1`],
  ["a page", 503, "text/html", `<h1>${githubToken}</h1>`],
  [
    "a JSON-RPC error",
    400,
    "application/json",
    `{"jsonrpc":"2.0","id":ID,"error":{"code":-32000,"message":"${githubToken}","data":"${githubToken}"}}`,
  ],
  ["problem details", 404, "application/problem+json", `{"title":"${githubToken}"}`],
  ["a challenge", 401, "application/json", `{"error":"${githubToken}"}`],
  ["a reason", 403, "text/plain", githubToken],
  [
    "an answer",
    200,
    "application/json",
    `{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"${githubToken}"}]}}`,
  ],
  [
    "a stream",
    200,
    "text/event-stream",
    `data: {"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"${githubToken}"}]}}\n\n`,
  ],
])(
  "D1 neither body nor headers of %s with status %i carry a secret on",
  async (_, status, type, body) => {
    const rig = await openRig({
      "tools/call": ({ id }, response) =>
        response
          .writeHead(status, { ...leaking, "content-type": type })
          .end(body.replace("ID", String(id))),
    });
    const answer = await rig.call();
    expect(answer.text).not.toContain(githubToken);
    expect(inJson([...answer.headers])).not.toContain(githubToken);
    expect(await auditOf(rig)).not.toContain(githubToken);
    expect(answer.json().id).toBe(1);
  },
);

test("D1 secrets in comments, ids and names of events reach nobody", async () => {
  const rig = await openRig({
    "tools/call": ({ id }, response) => {
      startEvents(response);
      response.write(
        `: ${githubToken}\n\nid: ${githubToken}\nevent: ${githubToken}\ndata: ${githubToken}\n\n`,
      );
      response.end(
        `id: ${githubToken}\nretry: 1\n${githubToken}: 1\n${eventsText(logText('"hi"'), result(id, okText))}`,
      );
    },
  });
  const answer = await rig.call({}, { meta: listening });
  expect(answer.text).toBe(eventsText(logText('"hi"'), answerText(okText)));
});

test("D1 a secret inside a file is replaced, and the file's other bytes stay", async () => {
  const file = `Gr\u00fc\u00dfe\u200b\n${githubToken}\nend\0`;
  const clean = file.replace(githubToken, "[redacted:github-token]");
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const embedded = (text: string) =>
    blockText(`{"type":"resource","resource":{"uri":"a:b","blob":"${base64(text)}"}}`);
  const read = (text: string) =>
    `{"contents":[{"uri":"a:b","blob":"${base64(text)}"}],"resultType":"complete","ttlMs":0,"cacheScope":"private"}`;
  const rig = await openRig({
    "tools/call": reply(embedded(file)),
    "resources/read": reply(read(file)),
  });
  expect((await rig.call()).text).toBe(answerText(embedded(clean)));
  expect((await rig.ask("resources/read", { uri: "a:b" })).text).toBe(answerText(read(clean)));
});

test("D1 where secrets are to be denied, the whole answer is withheld", async () => {
  const rig = await openRig(
    { "tools/call": reply(blockText(`{"type":"text","text":"${githubToken}"}`)) },
    { client: { sanitize: { secrets: "deny" } } },
  );
  const answer = await rig.call();
  expect(answer.json().error?.data.code).toBe("RESPONSE_WITHHELD");
  expect(answer.text).not.toContain(githubToken.slice(0, 12));
});

/** Writes so that each piece leaves by itself. */
async function writeApart(
  response: ServerResponse,
  pieces: readonly (string | Buffer)[],
): Promise<void> {
  response.socket?.setNoDelay(true);
  for (const piece of pieces) {
    await new Promise((resolve) => response.write(piece, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
}

const splitText = `{"content":[{"type":"text","text":"\u00fc\u{1f600} ${githubToken} \u00fc"}],"n":12345678901234567890,"resultType":"complete"}`;
const splitClean = splitText.replace(githubToken, "[redacted:github-token]");

test.each(["modern", "legacy"])(
  "D2 a secret that arrives from a %s server byte by byte is found",
  async (era) => {
    const rig = await openRig({}, era === "legacy" ? { era: legacy } : {});
    for (const type of ["application/json", "text/event-stream"]) {
      rig.act({
        "tools/call": ({ id }, response) => {
          response.writeHead(200, { "content-type": type });
          const json = result(id, splitText);
          const bytes = Buffer.from(type === "application/json" ? json : eventsText(json));
          void writeApart(
            response,
            Array.from({ length: bytes.length }, (_, at) => bytes.subarray(at, at + 1)),
          );
        },
      });
      expect((await rig.call()).text).toBe(answerText(splitClean));
    }
  },
);

test("D2 a secret is found wherever the connection cuts it", async () => {
  const rig = await openRig();
  for (let cut = 0; cut <= githubToken.length; cut++) {
    rig.act({
      "tools/call": ({ id }, response) => {
        startEvents(response);
        const events = eventsText(logText(`"${githubToken}"`), result(id, splitText));
        const at = events.lastIndexOf(githubToken) + cut;
        void writeApart(response, [
          events.slice(0, at - 60),
          events.slice(at - 60, at),
          events.slice(at),
        ]);
      },
    });
    const answer = await rig.call({}, { meta: listening });
    expect(answer.text).toBe(
      eventsText(logText('"[redacted:github-token]"'), answerText(splitClean)),
    );
  }
});

test("D2 a secret in a message over many data lines is found", async () => {
  const rig = await openRig({
    "tools/call": ({ id }, response) => {
      startEvents(response);
      response.end(
        result(id, splitText)
          .replaceAll(/(?<=[{,[]|":)/g, "\n")
          .replaceAll(/^/gm, "data: ") + "\n\n",
      );
    },
  });
  const answer = await rig.call();
  expect(JSON.parse(answer.text)).toEqual(JSON.parse(answerText(splitClean)));
  expect(answer.text).not.toContain(githubToken);
});

test("D2 data lines that break inside a secret are no message, and neither half gets out", async () => {
  const rig = await openRig({
    "tools/call": ({ id }, response) => {
      startEvents(response);
      response.end(
        `data: ${result(id, splitText).replace(githubToken, `${githubToken.slice(0, 20)}\ndata: ${githubToken.slice(20)}`)}\n\n`,
      );
    },
  });
  const answer = await rig.call();
  expect(answer.json().error?.data.code).toBe("UPSTREAM_INVALID");
  expect(answer.text).not.toContain(githubToken.slice(20));
});

const prose = "the quick brown fox jumps over the lazy dog ".repeat(25_000);
const offsets = [65_536, 131_072, 1_048_576].flatMap((boundary) =>
  [0, 1, 20, githubToken.length - 1, githubToken.length].map(
    (before) => [boundary, before] as const,
  ),
);

test.each(offsets)(
  "D2 a secret across byte %i of a body, %i bytes before it, is found",
  async (boundary, before) => {
    const rig = await openRig();
    for (const type of ["application/json", "text/event-stream"]) {
      let filler = "";
      rig.act({
        "tools/call": ({ id }, response) => {
          const head =
            (type === "application/json" ? "" : "data: ") +
            result(id, "{").slice(0, -1) +
            '"content":[{"type":"text","text":"';
          filler = `${prose.slice(0, boundary - before - head.length - 1)} `;
          const body = `${head}${filler}${githubToken} end"}],"resultType":"complete"}}`;
          expect(body.indexOf(githubToken)).toBe(boundary - before);
          response.writeHead(200, { "content-type": type });
          response.end(type === "application/json" ? body : `${body}\n\n`);
        },
      });
      const answer = await rig.call();
      const expected = answerText(
        blockText(`{"type":"text","text":"${filler}[redacted:github-token] end"}`),
      );
      expect(answer.text === expected, answer.text.slice(0, 200)).toBe(true);
    }
  },
);

const unit = (letter: string): string => letter.charCodeAt(0).toString(16).padStart(4, "0");
test.each<[string, (secret: string) => string]>([
  ["letter by letter", (secret) => [...secret].map((each) => `\\u${unit(each)}`).join("")],
  [
    "in upper-case hex",
    (secret) => [...secret].map((each) => `\\u${unit(each).toUpperCase()}`).join(""),
  ],
  [
    "every second letter",
    (secret) => [...secret].map((each, at) => (at % 2 === 0 ? each : `\\u${unit(each)}`)).join(""),
  ],
  ["in its prefix alone", (secret) => `\\u${unit(secret)}${secret.slice(1)}`],
])(
  "D2 a secret that is escaped %s is found, and the spelling beside it stays",
  async (_, escape) => {
    const build = (secret: string): string =>
      `{"content":[{"type":"text","text":"a\\/b\\u00e9 ${secret}\\ud83d\\ude00\\t"}],"structuredContent":{"k${secret}":1},"resultType":"complete"}`;
    const rig = await openRig({ "tools/call": reply(build(` ${escape(githubToken)} `)) });
    expect((await rig.call()).text).toBe(answerText(build(" [redacted:github-token] ")));
  },
);

const png = Buffer.from([
  0x89,
  0x50,
  0x4e,
  0x47,
  0x0d,
  0x0a,
  0x1a,
  0x0a,
  0,
  0,
  0,
  13,
  ...Array.from({ length: 512 }, (_, at) => (at * 37) & 255),
]).toString("base64");
const sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

test.each<[string, string]>([
  [
    "a cursor of the data's own",
    `{"content":[],"structuredContent":{"nextCursor":"eyJvZmZzZXQiOjIwMCwic29ydCI6ImlkIn0=","next_token":"abc12345678"},"resultType":"complete"}`,
  ],
  [
    "a task's id",
    `{"content":[],"task":{"taskId":"${jwt}","status":"working"},"resultType":"complete"}`,
  ],
  [
    "a related task",
    `{"content":[],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"${githubToken}"}},"resultType":"complete"}`,
  ],
  [
    "a progress token in _meta",
    `{"content":[],"_meta":{"progressToken":"${githubToken}"},"resultType":"complete"}`,
  ],
  [
    "a subscription's id",
    `{"content":[],"_meta":{"io.modelcontextprotocol/subscriptionId":"${jwt}"},"resultType":"complete"}`,
  ],
  [
    "digests",
    `{"content":[],"structuredContent":{"sha256":"${sha256}","commit":"da39a3ee5e6b4b0d3255bfef95601890afd80709","md5":"d41d8cd98f00b204e9800998ecf8427e","integrity":"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==","etag":"W/\\"33a64df551425fcc55e4d42a148795d9f25f89d4\\""},"resultType":"complete"}`,
  ],
  [
    "ids",
    `{"content":[],"structuredContent":{"uuid":"123e4567-e89b-12d3-a456-426614174000","ulid":"01ARZ3NDEKTSV4RRFFQ69G5FAV","id":"cus_9s6XKzkNRiz8i3","keyId":"key-1"},"resultType":"complete"}`,
  ],
  [
    "numbers",
    `{"content":[],"structuredContent":{"a":12345678901234567890,"b":1.10,"c":1e400,"d":-0,"e":0.1e+1,"f":100000000000000000000000000001},"resultType":"complete"}`,
  ],
  ["order and white space", `{ "content" : [ ],\t"z":{ },"a":[ 1 , 2 ] ,"resultType":"complete"}`],
  [
    "escapes",
    `{"content":[{"type":"text","text":"a\\/b\\u00e9\\ud83d\\ude00\\u0041"}],"resultType":"complete"}`,
  ],
  ["an image", blockText(`{"type":"image","data":"${png}","mimeType":"image/png"}`)],
  [
    "an image whose bytes spell a token",
    blockText(
      `{"type":"image","data":"${Buffer.concat([Buffer.from(png, "base64"), Buffer.from(` ${githubToken} `)]).toString("base64")}","mimeType":"image/png"}`,
    ),
  ],
  ["a sound", blockText(`{"type":"audio","data":"${png}","mimeType":"audio/wav"}`)],
  [
    "a binary file",
    blockText(
      `{"type":"resource","resource":{"uri":"a:b","blob":"${png}","mimeType":"application/pdf"}}`,
    ),
  ],
  [
    "a signed link",
    blockText(
      `{"type":"resource_link","name":"f","uri":"https://x.example/f?X-Amz-Credential=AKIA&sig=abc123def456&jwt=${jwt}"}`,
    ),
  ],
  [
    "a schema as data",
    `{"content":[],"structuredContent":{"properties":{"password":{"type":"string"},"api_key":{"type":"string","default":"none"}},"required":["password"]},"resultType":"complete"}`,
  ],
  [
    "words under names of secrets",
    `{"content":[],"structuredContent":{"password":"","token":null,"secret":true,"api_key":"<your key>","password_hint":"the usual","credentials":"none"},"resultType":"complete"}`,
  ],
  [
    "dates, audience and priority",
    blockText(
      `{"type":"text","text":"ok","annotations":{"audience":["user"],"priority":0.9,"lastModified":"2026-01-12T15:00:58Z"}}`,
    ),
  ],
  [
    "contents that nobody here has heard of",
    `{"content":[{"type":"hologram","x":[{"y":null}]}],"later":{"a":[1.0]},"resultType":"complete"}`,
  ],
])("D4 %s come through byte for byte", async (_, text) => {
  const rig = await openRig({ "tools/call": reply(text) });
  expect((await rig.call()).text).toBe(answerText(text));
  const session = await openSession(`${rig.gateway.url}/mcp/x`);
  const old = await session("tools/call", { name: "t", arguments: {} });
  expect(old.text).toBe(answerText(text.replace(/\s*,\s*"resultType":"complete"/, "")));
});

test("D4 numbers and spelling beside a secret stay", async () => {
  const build = (secret: string): string =>
    `{"content":[{"type":"text" , "text":"${secret}"}],"n":12345678901234567890,"f":1.10, "e":"\\u0041","resultType":"complete"}`;
  const rig = await openRig({ "tools/call": reply(build(githubToken)) });
  expect((await rig.call()).text).toBe(answerText(build("[redacted:github-token]")));
});

test("D4 tools that ask for passwords keep their schemas", async () => {
  const login =
    '{"name":"login","inputSchema":{"type":"object","properties":{"password":{"type":"string","minLength":8,"description":"Your password"},"api_key":{"type":"string","default":"none"},"token":{"type":"string","enum":["a","b"]},"clientSecret":{"type":"string","format":"password"}},"required":["password","api_key","token"]}}';
  const rig = await openRig({ "tools/list": reply(listText("tools", [login])) });
  expect((await rig.ask("tools/list")).text).toBe(answerText(shownList("tools", [login])));
});

test.each(["server cursor", jwt, githubToken, `a/b\\u0041+ ="`.replaceAll('"', '\\"')])(
  "D4 a cursor goes back to its server as it came: %s",
  async (cursor) => {
    const rig = await openRig({
      "tools/list": (asked, response) =>
        reply(
          asked.params.includes('"cursor"')
            ? listText("tools", [toolText("u")])
            : listText("tools", [toolText("t")], `,"nextCursor":"${cursor}"`),
        )(asked, response),
    });
    const list = await rig.ask("tools/list");
    expect(list.json().result?.tools?.map(({ name }) => name)).toEqual(["t", "u"]);
    expect(list.text).not.toContain("nextCursor");
  },
);

test.each([
  '"p"',
  `"${githubToken}"`,
  `"${jwt}"`,
  '"\\u0061\\/"',
  "7",
  "12345678901234567890",
  "0",
])("D4 a progress token comes back as it was spelt: %s", async (token) => {
  const rig = await openRig({
    "tools/call": ({ id, params }, response) => {
      const own = /"progressToken":("[^"]*"|\d+)/.exec(params)?.[1] ?? "";
      sendEvents(response, progressText(own, `"${githubToken}"`), result(id, okText));
    },
  });
  const { headers, body } = modernRequest("tools/call", { name: "t", arguments: {} });
  const asked = body.replace('"_meta":{', `"_meta":{"progressToken":${token},`);
  const answer = await post(`${rig.gateway.url}/mcp/x`, { headers, body: asked });
  expect(answer.text).toBe(
    eventsText(progressText(token, '"[redacted:github-token]"'), answerText(okText)),
  );
});

test("D4 what a client sends reaches the server as it was sent, secrets too", async () => {
  const rig = await openRig();
  const args = `{ "password":"correct horse", "k" : "${githubToken}", "n":12345678901234567890,"e":"\\u0041\\/","z":[1.50,-0.0] }`;
  const { headers, body } = modernRequest("tools/call", { name: "t", arguments: {} });
  await post(`${rig.gateway.url}/mcp/x`, {
    headers,
    body: body.replace('"arguments":{}', `"arguments":${args}`),
  });
  expect(rig.forwarded()[0]?.params).toContain(`"name":"t","arguments":${args}`);
});

/** The gateway's own credential, of no known format, as its config has it. */
const ownKey = 'own"key/of+the=gateway';
const ownBasic = `Basic ${btoa("service:open sesame, please")}`;
const withOwn = (secrets: string) => ({
  upstream: {
    headers: {
      authorization: new Secret(ownBasic),
      "x-any": new Secret(ownKey),
    },
    sanitize: { secrets, hidden: "off" },
  },
});
const ownCredentials = [
  ownKey,
  ownBasic,
  ownBasic.slice(6),
  "service:open sesame, please",
  "open sesame, please",
  tokenA,
  encodeURIComponent(ownKey),
  inJson(ownKey).slice(1, -1),
  btoa(ownKey),
  Buffer.from(`x-any: ${ownKey}`).toString("base64url"),
  Buffer.from(ownKey).toString("hex"),
];
const withheld = inJson("see: [redacted:configured] end");

test("law 6: the server gets the credentials that must come back to nobody", async () => {
  const rig = await openRig({}, withOwn("off"));
  await rig.call();
  expect(rig.forwarded()[0]?.headers).toMatchObject({ authorization: ownBasic, "x-any": ownKey });
});

test.each(carriers)(
  "law 6: a credential that a server sends back in %s (%s) reaches no client, in any mode",
  async (_, method, params, build) => {
    for (const secrets of ["redact", "mask", "report", "off"]) {
      const rig = await openRig({}, withOwn(secrets));
      for (const credential of ownCredentials) {
        rig.act({ [method]: reply(build(inJson(`see: ${credential} end`))) });
        const answer = await rig.ask(method, params);
        expect(answer.text, `${secrets} ${credential}`).toBe(answerText(build(withheld)));
        expect((await rig.records()).at(-1)?.["redactions"]).toMatchObject([
          { kind: "configured", count: 1 },
        ]);
      }
      const audit = await auditOf(rig);
      for (const each of ownCredentials) expect(audit).not.toContain(inJson(each).slice(1, -1));
    }
  },
);

test.each(listed)(
  "law 6: a credential that a server sends back in %s (%s) reaches no client",
  async (_, method, key, build) => {
    const rig = await openRig({}, withOwn("off"));
    for (const credential of ownCredentials) {
      rig.act({ [method]: reply(listText(key, [build(inJson(`see: ${credential} end`))])) });
      const list = await rig.ask(method);
      expect(list.text, credential).toBe(answerText(shownList(key, [build(withheld)])));
    }
  },
);

test.each(["modern", "legacy"])(
  "law 6: a credential in progress, log messages and errors of a %s server reaches no client",
  async (era) => {
    const build = (id: number, token: string, text: string): string[] => [
      progressText(token, text),
      logText(text),
      logText(`{"a":[${text}],${text}:1}`),
      `{"jsonrpc":"2.0","id":${id},"error":{"code":-32000,"message":${text},"data":{"a":${text}}}}`,
    ];
    const rig = await openRig(
      {
        "tools/call": ({ id, params }, response) => {
          const own = JSON.parse(params) as {
            _meta: { progressToken: unknown };
            arguments: { which: number };
          };
          const text = inJson(`see: ${ownCredentials[own.arguments.which]} end`);
          sendEvents(response, ...build(id, inJson(own._meta.progressToken), text));
        },
      },
      { ...withOwn("off"), ...(era === "legacy" && { era: legacy }) },
    );
    for (const which of ownCredentials.keys()) {
      const answer = await rig.call({ which }, { meta: { ...listening, progressToken: "p" } });
      expect(answer.text).toBe(eventsText(...build(1, '"p"', withheld)));
    }
  },
);

test("law 6: a credential in instructions reaches no client, of either era", async () => {
  const text = inJson(`see: ${ownKey} end`);
  const rig = await openRig(
    { "server/discover": reply(discovery(`,"instructions":${text}`)) },
    withOwn("off"),
  );
  const discovered = await rig.ask("server/discover");
  expect(discovered.json().result?.["instructions"]).toBe(JSON.parse(withheld));
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t" } };
  const body = inJson({ jsonrpc: "2.0", id: 1, method: "initialize", params });
  const { headers } = modernRequest("server/discover");
  const plain = { "content-type": headers["content-type"]!, accept: headers["accept"]! };
  const greeting = await post(`${rig.gateway.url}/mcp/x`, { headers: plain, body });
  expect(greeting.text).toContain("[redacted:configured]");
  expect(greeting.text).not.toContain("of+the=gateway");
});

test("law 6: a credential that comes from a client is in no record, in any place", async () => {
  const rig = await openRig({}, withOwn("off"));
  await rig.call({ a: `is ${ownKey}`, [ownKey]: 1, b: [btoa(ownKey)] });
  await rig.ask("tools/call", { name: ownKey, arguments: {} });
  await rig.ask("resources/read", { uri: `a:${encodeURIComponent(ownKey)}` });
  await rig.ask(`x/${tokenA}`);
  const audit = await auditOf(rig);
  for (const each of ownCredentials) expect(audit).not.toContain(inJson(each).slice(1, -1));
  expect(audit).toContain("[redacted:configured]");
});

test("law 6: a credential withholds the answer where secrets are denied", async () => {
  const text = blockText(`{"type":"text","text":${inJson(ownKey)}}`);
  const rig = await openRig({ "tools/call": reply(text) }, withOwn("deny"));
  expect((await rig.call()).json().error?.data.code).toBe("RESPONSE_WITHHELD");
});
