/**
 * Law 2 from end to end: what the gateway does not have to change keeps its bytes, in both
 * directions, between clients and servers of either era. These spans may differ, and only these:
 *
 * - the JSON-RPC envelope, which is each hop's own, and in it the `id`
 * - names of tools and prompts and URIs of resources, where several upstreams share an endpoint
 * - in `_meta`: `progressToken`, the subscription id, and the members that the modern era adds to
 *   every request (protocolVersion, clientInfo, clientCapabilities, logLevel)
 * - `resultType`, `ttlMs` and `cacheScope` of a result, and `requestState`
 * - a line break between two tokens, which is a space where a message travels as one line
 * - members of a JSON-RPC error beside code, message and data, which are not passed on
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { version } from "../../src/version.ts";
import { exactValues, jsonTexts, longText } from "./exact-values.ts";
import {
  type RunningGateway,
  allowAll,
  authA,
  authB,
  runGateway,
  tokenA,
  tokenB,
} from "./gateway.ts";
import { type OpenStream, type RawClient, modernMeta, openRawClient } from "./raw-client.ts";
import {
  type Call,
  type Plan,
  type RecordingServer,
  cacheable,
  notification,
  startHttpRecorder,
  startPipeRecorder,
  subscriptionKey,
} from "./recording-server.ts";

type Era = "modern" | "legacy";
const ofServers = ["http-modern", "http-legacy", "stdio-modern", "stdio-legacy"] as const;
type ServerName = (typeof ofServers)[number];
const pairs = (["modern", "legacy"] as const).flatMap((client) =>
  ofServers.map((server) => [client, server] as const),
);
const eraOf = (server: ServerName): Era => (server.endsWith("modern") ? "modern" : "legacy");

const values = [...exactValues, ["a very long string", longText(120_000)] as const];
/** A list item may have 64 Ki characters. */
const small = [...exactValues, ["a long string", longText(6_000)] as const];
const toolOf = (value: string, index: number, name: string): string =>
  `{ "x\\u002fnew" : ${value} ,"name" :"${name}${index}", "_meta":{"example.com/x":${value}},"inputSchema":{"type":"object","x-unknown":${value}},"annotations":{"odd" :1.0}}`;
const promptOf = (value: string, index: number, name: string): string =>
  `{"icon2":${value},"name":"${name}${index}" , "title":"\\u00e9é"}`;

const servers = new Map<ServerName, RecordingServer>();
const clients = new Map<string, RawClient>();
let plan: (call: Call) => Plan;
let gateway: RunningGateway;

beforeAll(async () => {
  const echo = '{"name":"echo","inputSchema":{"type":"object"}}';
  const wording = (era: Era) => ({
    era,
    answer: (call: Call) => plan(call),
    lists: {
      tools: [echo, ...small.map(([, value], index) => toolOf(value, index, "tool"))],
      prompts: ['{"name":"ask"}', ...small.map(([, value], at) => promptOf(value, at, "prompt"))],
    },
  });
  const modern = await startHttpRecorder(wording("modern"));
  const legacy = await startHttpRecorder(wording("legacy"));
  const modernPipe = await startPipeRecorder(wording("modern"));
  const legacyPipe = await startPipeRecorder(wording("legacy"));
  servers
    .set("http-modern", modern)
    .set("http-legacy", legacy)
    .set("stdio-modern", modernPipe)
    .set("stdio-legacy", legacyPipe);
  const rate = { burst: 100_000, perSecond: 1_000 };
  const allow = { ...allowAll, input: ["elicitation:form" as const] };
  const maxRequestBytes = 8_000_000;
  gateway = await runGateway({
    upstreams: {
      "http-modern": { url: modern.url },
      "http-legacy": { url: legacy.url },
      "stdio-modern": { command: modernPipe.command, args: [...modernPipe.args] },
      "stdio-legacy": { command: legacyPipe.command, args: [...legacyPipe.args] },
    },
    clients: {
      a: { auth: authA, allow, rate, maxRequestBytes },
      b: { auth: authB, allow, rate, sanitize: { secrets: "off", hidden: "off" } },
    },
  });
  const url = `${gateway.url}/mcp`;
  for (const era of ["modern", "legacy"] as const) {
    clients.set(era, await openRawClient(era, url, tokenA));
    clients.set(`unsanitized ${era}`, await openRawClient(era, url, tokenB));
  }
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([...servers.values()].map((server) => server.close()));
});

/** Where a message is one line, a line break between its tokens is a space. */
const oneLine = (text: string): string => text.replaceAll("\n", " ");
/** The members that a modern server is told in `_meta`, in the order in which a client gave them. */
const caps = '{"elicitation":{"form":{}}}';
const key = "io.modelcontextprotocol";
const own = `{"name":"mcp-gw","version":"${version}"}`;

/** The end of `_meta` as the client wrote it, and as the server gets it. */
function metaOf(client: Era, server: Era): { readonly sent: string; readonly got: string } {
  if (client === "legacy") {
    const added = `,"${key}/protocolVersion":"2026-07-28","${key}/clientInfo":${own},"${key}/clientCapabilities":${caps},"${key}/logLevel":"info"`;
    return { sent: " ", got: server === "modern" ? `${added} ` : " " };
  }
  const replaced = modernMeta.replace('{"name":"raw","version":"1"}', own);
  return { sent: ` , ${modernMeta} `, got: server === "modern" ? ` , ${replaced} ` : " " };
}

interface Exchanged {
  /** The request as the server got it, and as it should be. */
  readonly got: string | undefined;
  readonly due: string;
  readonly messages: readonly string[];
}

/** One request whose parameters are made of pieces: `name` and the end of `_meta` may differ. */
async function exchange(
  [clientEra, serverName]: readonly [string, ServerName],
  method: string,
  toParams: (parts: { name: string; token: string; end: string }) => string,
  names: { readonly shown: string; readonly own: string },
  answer: (token: string) => Plan,
  reply?: string,
): Promise<Exchanged> {
  const client = clients.get(clientEra)!;
  const server = servers.get(serverName)!;
  const meta = metaOf(client.era, eraOf(serverName));
  plan = ({ id }) => answer(`"gw-${id}"`);
  const before = server.calls.length;
  const params = toParams({ name: names.shown, token: '"mine"', end: meta.sent });
  const isNamed = ["tools/call", "prompts/get", "resources/read"].includes(method);
  const messages = await client.ask({
    method,
    params,
    ...(isNamed ? { name: names.shown } : {}),
    ...(reply === undefined ? {} : { reply }),
  });
  expect(messages.at(-1)).toMatch(/"(?:result|error)":/);
  const call = server.calls[before];
  const due = toParams({ name: names.own, token: `"gw-${call?.id}"`, end: meta.got });
  const text = `{"jsonrpc":"2.0","id":${call?.id},"method":"${method}","params":${due}}`;
  return { got: call?.text, due: serverName.startsWith("stdio") ? oneLine(text) : text, messages };
}

/** A result as the server says it and as the client should hear it. */
function resultOf(
  client: Era,
  server: ServerName,
  members: string,
  own?: { readonly cached: boolean },
): { readonly said: string; readonly due: string } {
  const middle = own?.cached === true ? cacheable : '"resultType":"complete"';
  const added = own?.cached === true ? `${middle.replace("60000", "0")}` : middle;
  const isModern = eraOf(server) === "modern";
  const said = isModern ? `{ ${middle} , ${members} }` : `{ ${members} }`;
  if (client === "legacy") return { said, due: isModern ? `{ ${members} }` : said };
  if (isModern) return { said, due: said };
  const order = own?.cached === true ? added.split(",").toSorted(byOurOrder).join(",") : added;
  return { said, due: `{ ${members},${order} }` };
}
const ourOrder = ['"resultType', '"cacheScope', '"ttlMs'];
const byOurOrder = (a: string, b: string): number =>
  ourOrder.findIndex((each) => a.startsWith(each)) -
  ourOrder.findIndex((each) => b.startsWith(each));

const call =
  (value: string) =>
  (parts: { name: string; token: string; end: string }): string =>
    `{ "unknown" : ${value},"name":\t"${parts.name}" , "arguments" : { "b" : ${value} ,"a":[ ${value} ] } ,"_meta" : {"progressToken" : ${parts.token}, "example.com/deep" : {"x":[ ${value} ]}${parts.end}} }`;
const resultMembers = (value: string): string =>
  `"content" : [ {"type":"hologram/v9", "beams":${value} },{"type" :"text","text":"é\\u00e9","annotations":{"new":${value}}}],"structuredContent":{ "v" : ${value} } ,"later":${value}, "_meta":{"example.com/x" : ${value}}`;
const echo = (server: ServerName) => ({ shown: `${server}__echo`, own: "echo" });
const answered = (id: string, end: string): string => `{"jsonrpc":"2.0","id":${id},${end}}`;
const idIn = (text: string | undefined): string => /"id":("\d+")/.exec(text ?? "")?.[1] ?? "";

describe.each(pairs)("a %s client and an %s server", (clientEra, server) => {
  const names = echo(server);

  test.each(values)("keep %s in a call, its notifications and its result", async (_, value) => {
    const { said, due } = resultOf(clientEra, server, resultMembers(value));
    const progress = (token: string): string =>
      `{"x" : ${value},"progressToken": ${token} ,"progress":1.0,"total":1e1,"message":"\\u00e9"}`;
    const log = `{ "level":"error","logger":"\\u006c","data" : ${value},"x":${value} }`;
    const {
      got,
      due: asked,
      messages,
    } = await exchange([clientEra, server], "tools/call", call(value), names, (token) => ({
      before: [
        notification("notifications/progress", progress(token)),
        notification("notifications/message", log),
      ],
      end: `"result":${said}`,
    }));
    expect(got).toBe(asked);
    expect(messages).toEqual(
      [
        notification("notifications/progress", progress('"mine"')),
        notification("notifications/message", log),
        answered(idIn(messages.at(-1)), `"result":${due}`),
      ].map(oneLine),
    );
  });

  test.each(values)("keep %s in an error and in a result that comes alone", async (_, value) => {
    const line = server.startsWith("stdio") ? oneLine : (text: string) => text;
    const error = `"error":{"code":-32050,"message":"Not \\u00e9, é or \\/","data":{ "v" : ${value} }}`;
    const failed = await exchange([clientEra, server], "tools/call", call(value), names, () => ({
      end: error,
    }));
    expect(failed.got).toBe(failed.due);
    expect(failed.messages).toEqual([line(answered(idIn(failed.messages[0]), error))]);

    const { said, due } = resultOf(clientEra, server, resultMembers(value));
    const alone = await exchange([clientEra, server], "tools/call", call(value), names, () => ({
      end: `"result":${said}`,
    }));
    expect(alone.messages).toEqual([line(answered(idIn(alone.messages[0]), `"result":${due}`))]);
  });

  test.each(small)("keep %s in prompts, resources and completions", async (_, value) => {
    const line = server.startsWith("stdio") ? oneLine : (text: string) => text;
    const pair = [clientEra, server] as const;
    const meta = (parts: { token: string; end: string }): string =>
      `"_meta" : {"progressToken" : ${parts.token}, "example.com/deep" : ${value}${parts.end}}`;

    const messages = `"description":"\\u00e9","messages":[{"role":"user","x":${value},"content":{"type":"hologram","x": ${value}}}]`;
    const prompt = resultOf(clientEra, server, messages);
    const got = await exchange(
      pair,
      "prompts/get",
      (parts) =>
        `{"arguments":{"topic":"\\u00e9\\/é"}, "x" : ${value},"name" : "${parts.name}",${meta(parts)} }`,
      { shown: `${server}__ask`, own: "ask" },
      () => ({ end: `"result":${prompt.said}` }),
    );
    expect(got.got).toBe(got.due);
    expect(got.messages).toEqual([line(answered(idIn(got.messages[0]), `"result":${prompt.due}`))]);

    const contents = (uri: string): string =>
      `"contents" : [ {"x":${value},"uri" : "${uri}" ,"text":"\\u00e9","_meta":{"y":${value}}} ]`;
    const said = resultOf(clientEra, server, contents("file:///a"), { cached: true }).said;
    const due = resultOf(clientEra, server, contents(`${server}+file:///a`), { cached: true }).due;
    const read = await exchange(
      pair,
      "resources/read",
      (parts) => `{ ${meta(parts)},"x":${value},"uri":"${parts.name}"}`,
      { shown: `${server}+file:///a`, own: "file:///a" },
      () => ({ end: `"result":${said}` }),
    );
    expect(read.got).toBe(read.due);
    expect(read.messages).toEqual([line(answered(idIn(read.messages[0]), `"result":${due}`))]);

    const completion = resultOf(
      clientEra,
      server,
      `"completion" : {"values":["\\u00e9"],"total":1.0,"x":${value}},"y":${value}`,
    );
    const completed = await exchange(
      pair,
      "completion/complete",
      (parts) =>
        `{"ref":{"x":${value},"type":"ref/prompt","name":"${parts.name}"},"argument":{"name":"topic" , "value":"\\u00e9"},"context":{"arguments":{},"x":${value}},${meta(parts)}}`,
      { shown: `${server}__ask`, own: "ask" },
      () => ({ end: `"result":${completion.said}` }),
    );
    expect(completed.got).toBe(completed.due);
    expect(completed.messages).toEqual([
      line(answered(idIn(completed.messages[0]), `"result":${completion.due}`)),
    ]);
  });

  test.each(small)("keep %s in a question and in its answer", async (_, value) => {
    const form = '{"type":"object","properties":{"n":{"type":"string","x":1.0}}}';
    const question = `{ "message":"Wh\\u00f6, öh?","x" : ${value},"mode" : "form","requestedSchema":${form},"_meta":{"y":${value}} }`;
    const reply = `{ "content" : {"n":"\\u00e9é","v":${value} },"x":${value},"action" : "accept" ,"_meta":{"y":1.0}}`;
    const { said, due } = resultOf(clientEra, server, resultMembers(value));
    const recorder = servers.get(server)!;
    const replies = recorder.replies.length;
    const calls = recorder.calls.length;
    const first = await exchange(
      [clientEra, server],
      "tools/call",
      call(value),
      names,
      () => ({ question, end: `"result":${said}` }),
      reply,
    );
    expect(first.got).toBe(first.due);
    const last = clientEra === "legacy" ? first.messages : await retry(first);

    const asked = `"method":"elicitation/create","params":${question}`;
    expect(oneLine(first.messages[0] ?? "")).toContain(oneLine(asked));
    expect(oneLine(last.at(-1) ?? "")).toBe(
      oneLine(answered(idIn(last.at(-1)), `"result":${due}`)),
    );
    if (eraOf(server) === "legacy") {
      const text = recorder.replies[replies] ?? "";
      const id = /"id":("[^"]*")/.exec(text)?.[1];
      expect(oneLine(text)).toBe(oneLine(`{"jsonrpc":"2.0","id":${id},"result":${reply}}`));
    } else {
      const { text, id } = recorder.calls[calls + 1]!;
      const meta = metaOf(clientEra, "modern");
      const again = call(value)({ name: "echo", token: `"gw-${id}"`, end: meta.got });
      const given = `"inputResponses":{"it":${reply}},"requestState":"own"`;
      const params =
        clientEra === "legacy"
          ? `${again.slice(0, -2)},${given} }`
          : `${again.slice(0, -1)} ,${given}}`;
      expect(oneLine(text)).toBe(
        oneLine(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params}}`),
      );
    }

    /** The retry of a modern client: the same parameters, and what was asked for behind them. */
    function retry({ messages }: Exchanged): Promise<readonly string[]> {
      const result = messages[0] ?? "";
      const state = /"requestState":("[^"]*")/.exec(result)?.[1] ?? "";
      const inputKey = /"inputRequests":\{"([^"]*)"/.exec(result)?.[1] ?? "";
      const meta = metaOf("modern", "modern");
      const params = call(value)({ name: names.shown, token: '"mine"', end: meta.sent });
      const given = `"inputResponses":{"${inputKey}":${reply}},"requestState":${state}`;
      return clients.get("modern")!.ask({
        method: "tools/call",
        params: `${params.slice(0, -1)} ,${given}}`,
        name: names.shown,
      });
    }
  });

  test("keep every item of a list but for its name", async () => {
    const client = clients.get(clientEra)!;
    const params = `{"_meta":{${client.meta}}}`;
    const tools = await pages(client, "tools/list", params);
    const prompts = await pages(client, "prompts/list", params);
    const line = server.startsWith("stdio") ? oneLine : (text: string) => text;
    small.forEach(([what, value], index) => {
      const isTool = tools.includes(line(toolOf(value, index, `${server}__tool`)));
      const isPrompt = prompts.includes(line(promptOf(value, index, `${server}__prompt`)));
      expect([what, isTool, isPrompt]).toEqual([what, true, true]);
    });
  });

  test("keep what is told of a resource", async () => {
    const recorder = servers.get(server)!;
    const uri = "file:///told";
    const stream = await clients.get(clientEra)!.listen(`${server}+${uri}`);
    await until(() => recorder.isFollowed(uri));
    for (const [, value] of small) {
      const params = (shown: string, meta: string): string =>
        `{ "x" : ${value},"uri" : "${shown}" ,"title":"\\u00e9","_meta":{ "y" : ${value}${meta}} }`;
      recorder.tell((id) => {
        const tagged = id === undefined ? "" : `,"${subscriptionKey}":${id}`;
        return notification("notifications/resources/updated", params(uri, tagged));
      });
      const told = await heard(stream);
      const id = /subscriptionId":("\d+")/.exec(told)?.[1];
      const tagged = clientEra === "modern" ? `,"${subscriptionKey}":${id}` : "";
      const due = params(`${server}+${uri}`, tagged);
      expect(told).toBe(oneLine(notification("notifications/resources/updated", due)));
    }
    stream.close();
    await until(() => !recorder.isFollowed(uri));
  });

  test("keep any JSON at all, on its way up and down", async () => {
    await fc.assert(
      fc.asyncProperty(jsonTexts("letters"), jsonTexts("letters"), holds(clientEra)),
      { numRuns: 25 },
    );
    await fc.assert(
      fc.asyncProperty(jsonTexts("any"), jsonTexts("any"), holds(`unsanitized ${clientEra}`)),
      { numRuns: 25 },
    );
  });

  function holds(client: string): (up: string, down: string) => Promise<void> {
    return async (up, down) => {
      const line = server.startsWith("stdio") ? oneLine : (text: string) => text;
      const { said, due } = resultOf(clientEra, server, resultMembers(down));
      const {
        got,
        due: asked,
        messages,
      } = await exchange([client, server], "tools/call", call(up), names, () => ({
        end: `"result":${said}`,
      }));
      expect(got).toBe(asked);
      expect(messages).toEqual([line(answered(idIn(messages[0]), `"result":${due}`))]);
    };
  }
});

describe("what readers differ about", () => {
  const [half, other] = ["\\ud83d", "\\uDE00"];

  test.each(pairs)(
    "a %s client hears half a surrogate pair of an %s server as it is",
    async (era, server) => {
      const value = `{"a${half}":"${half}","b":"${other}x"}`;
      const { said, due } = resultOf(era, server, resultMembers(value));
      const { messages } = await exchange(
        [`unsanitized ${era}`, server],
        "tools/call",
        call("1"),
        echo(server),
        () => ({ end: `"result":${said}` }),
      );
      expect(messages).toEqual([answered(idIn(messages[0]), `"result":${due}`)]);
    },
  );

  test.each([
    ["half a surrogate pair", `"${half}"`],
    ["a key that is there twice", '{"a":1,"\\u0061":2}'],
    ["a key that sets a prototype", '{"__proto__":1}'],
  ])("%s goes to no server", async (_, value) => {
    for (const [era, server] of pairs) {
      const before = servers.get(server)!.calls.length;
      const client = clients.get(era)!;
      const params = call(value)({
        name: `${server}__echo`,
        token: "1",
        end: metaOf(era, "modern").sent,
      });
      const answer = await client.ask({ method: "tools/call", params, name: `${server}__echo` });
      expect(answer.join()).toContain('"code":"MESSAGE_MALFORMED"');
      expect(servers.get(server)!.calls.length).toBe(before);
    }
  });

  test.each(pairs.filter(([, server]) => server.startsWith("http")))(
    "every line break stays between a %s client and an %s server where a message is a whole body",
    async (era, server) => {
      const value = '{\r\n\t"a" :\r[\n\n1\r\n]}';
      const { said, due } = resultOf(era, server, resultMembers(value));
      const {
        got,
        due: asked,
        messages,
      } = await exchange([era, server], "tools/call", call(value), echo(server), () => ({
        end: `"result":${said}`,
      }));
      expect(got).toBe(asked);
      expect(messages).toEqual([answered(idIn(messages[0]), `"result":${due}`)]);
    },
  );

  test.each(pairs)(
    "a %s client hears of an error of an %s server no more than an error has",
    async (era, server) => {
      const { messages } = await exchange(
        [era, server],
        "tools/call",
        call("1"),
        echo(server),
        () => ({
          end: '"error":{"code":-32050,"hint":{"a":1},"message":"\\u0061", "data" : 1e400}',
        }),
      );
      const due = '"error":{"code":-32050,"message":"\\u0061","data":1e400}';
      expect(messages).toEqual([answered(idIn(messages[0]), due)]);
    },
  );
});

async function pages(client: RawClient, method: string, params: string): Promise<string> {
  let all = "";
  for (let cursor: string | undefined = ""; cursor !== undefined;) {
    const next: string = cursor === "" ? params : `{"cursor":${cursor},${params.slice(1)}`;
    const [text = ""] = await client.ask({ method, params: next });
    all += text;
    cursor = /"nextCursor":("[^"]*")/.exec(text)?.[1];
  }
  return all;
}

/** The next change of a resource; of lists, servers may tell too. */
async function heard(stream: OpenStream): Promise<string> {
  for (;;) {
    const text = await stream.next();
    if (!text.includes("list_changed")) return text;
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
