/** The laws that hold however an exchange goes: no answer without its record, no slot for ever. */
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import type { Runtime, Serve, ServeOptions } from "../src/runtime/index.ts";
import { settle } from "./audit/fakes.ts";
import type { SeenRequest } from "./e2e/echo-server.ts";
import { allowAll, authA, modernRequest, post, tokenA } from "./e2e/gateway.ts";
import { type Stand, callOf, openSession, openStand, plenty } from "./security/stand.ts";

type Act = (id: string, response: ServerResponse, request: SeenRequest) => void;

const resultText = (id: string) =>
  `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"done"}],"resultType":"complete"}}`;
const sendResult: Act = (id, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(resultText(id));
};
/** Begins a stream with three events, under the token that the call asked for news with. */
const sendProgress: Act = (_, response, { body }) => {
  const token = /"progressToken":("[^"]*"|\d+)/.exec(body)?.[1];
  const params = `{"progressToken":${token},"progress":1}`;
  const message = `{"jsonrpc":"2.0","method":"notifications/progress","params":${params}}`;
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(`data: ${message}\n\n`.repeat(3));
};
const endStream = (id: string, response: ServerResponse) =>
  response.end(`data: ${resultText(id)}\n\n`);

type Send = (
  url: string,
  init: RequestInit & { headers: Record<string, string> },
) => Promise<Response>;
const overSocket: Send = (url, init) => fetch(url, init);
/** Nothing is buffered on the way: what the client has not read, the gateway has not sent. */
const inProcess: Send = async (url, init) => {
  const headers = { ...init.headers, host: "127.0.0.1" };
  return handle(new Request(url, { ...init, headers }), { address: "127.0.0.1" });
};

/** A call that has asked for news of its progress. */
const follow = (url: string, send = overSocket): Promise<Response> => {
  const { headers, body } = callOf("x__echo", {}, { meta: { progressToken: "p" } });
  const authorization = `Bearer ${tokenA}`;
  return send(url, { method: "POST", headers: { ...headers, authorization }, body });
};
/** The same of a legacy client, in its session. */
const followLegacy = (url: string, session: string, send = overSocket): Promise<Response> => {
  const params = { name: "x__echo", arguments: {}, _meta: { progressToken: "p" } };
  return send(url, {
    method: "POST",
    headers: {
      authorization: `Bearer ${tokenA}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-session-id": session,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 5, method: "tools/call", params }),
  });
};
async function readEvent(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  reader?.releaseLock();
  await settle();
  return new TextDecoder().decode(value);
}
const idOf = (events: string): string => /^id: (.*)$/m.exec(events)?.[1] ?? "";
/** Asks for what came after an event on its stream. */
async function comeBack(url: string, session: string, after: string) {
  const headers = {
    authorization: `Bearer ${tokenA}`,
    accept: "text/event-stream",
    "mcp-session-id": session,
    "last-event-id": after,
  };
  const response = await fetch(url, { headers });
  return { status: response.status, text: await response.text() };
}
const leave = (response: Response): void => void response.body?.cancel();

let stand: Stand;
let ends: (() => void | Promise<void>)[] = [];
let act: Act = sendResult;
/** While true, the audit file takes nothing. */
let isFull = false;
/** The gateway's listener closes after this. */
let closing: Promise<void> = Promise.resolve();
let handle: ServeOptions["fetch"];
afterEach(async () => {
  isFull = false;
  closing = Promise.resolve();
  act = sendResult;
  for (const end of ends.splice(0)) await end();
});

interface Opened {
  readonly client?: object;
  readonly config?: object;
}
async function open({ client, config }: Opened = {}): Promise<string> {
  stand = await openStand({
    upstream: { raw: (...all) => act(...all) },
    config: (url) => ({
      upstreams: { x: { url } },
      clients: { a: { auth: authA, allow: allowAll, rate: plenty, ...client } },
      ...config,
    }),
    ground: ({ files, serve }) => ({ files: failing(files), serve: watched(serve) }),
  });
  ends.push(stand.close);
  return `${stand.url}/mcp`;
}
function failing(files: Runtime["files"]): Runtime["files"] {
  return {
    ...files,
    openAppend: async (path) => {
      const file = await files.openAppend(path);
      const append = async (text: string): Promise<void> => {
        if (isFull) throw new Error("ENOSPC");
        await file.append(text);
      };
      return { ...file, append };
    },
  };
}
function watched(serve: Serve): Serve {
  return async (options) => {
    handle = options.fetch;
    const listening = await serve(options);
    const close = async (deadlineMs: number): Promise<void> => {
      await closing;
      await listening.close(deadlineMs);
    };
    return { ...listening, close };
  };
}

describe("where the audit file takes no record", () => {
  test("the answer of a call that is under way is withheld", async () => {
    const url = await open();
    act = (...all) => {
      isFull = true;
      sendResult(...all);
    };
    const answer = await post(url, callOf("x__echo"));
    expect([answer.status, answer.json().id]).toEqual([503, 1]);
    expect(answer.json().error?.data.code).toBe("AUDIT_UNAVAILABLE");
    expect(answer.text).not.toContain("done");
    expect(await stand.records()).toEqual([]);
  });

  test("the last message of a stream is withheld", async () => {
    const url = await open();
    act = (id, response, request) => {
      sendProgress(id, response, request);
      isFull = true;
      endStream(id, response);
    };
    const text = await (await follow(url)).text();
    expect(text).toContain("notifications/progress");
    expect(text).toContain("AUDIT_UNAVAILABLE");
    expect(text).not.toContain("done");
  });

  test("the next call is refused before its server hears of it", async () => {
    const url = await open();
    const legacy = await openSession(url);
    act = (...all) => {
      isFull = true;
      sendResult(...all);
    };
    await post(url, callOf("x__echo"));
    const seen = stand.upstream.all.length;
    for (const method of ["tools/call", "tools/list", "server/discover"]) {
      const answer = await post(url, modernRequest(method, { name: "x__echo" }));
      expect([answer.status, answer.json().error?.data.code]).toEqual([503, "AUDIT_UNAVAILABLE"]);
    }
    const old = await legacy.ask("tools/call", { name: "x__echo", arguments: {} });
    expect(old.json().error?.data.code).toBe("AUDIT_UNAVAILABLE");
    const note = await legacy.send({ jsonrpc: "2.0", method: "notifications/initialized" });
    expect([note.status, note.json().code]).toEqual([503, "AUDIT_UNAVAILABLE"]);
    expect(stand.upstream.all.length).toBe(seen);
  });

  test.each([
    ["read", { ...callOf("x__echo"), body: "{" }, "MESSAGE_MALFORMED"],
    ["decided", callOf("x__nothing"), "TARGET_UNKNOWN"],
  ])("a refusal of what was %s goes out all the same", async (_, request, code) => {
    const url = await open({ client: { maxConcurrent: 1 } });
    isFull = true;
    expect((await post(url, request)).json().error?.data.code).toBe(code);
    // From here on the file is known to fail; a refusal gives its slot back all the same.
    for (let round = 0; round < 3; round++) {
      const answer = await post(url, request);
      expect(answer.json().error?.data.code).toMatch(/MESSAGE_MALFORMED|AUDIT_UNAVAILABLE/);
    }
  });

  test('calls go on where the config says "drop"', async () => {
    const url = await open({ config: { audit: { onFull: "drop" } } });
    isFull = true;
    for (let round = 0; round < 2; round++) {
      const answer = await post(url, callOf("x__echo"));
      expect(answer.json().result?.content?.[0]?.text).toBe("done");
    }
  });
});

test("a gateway that closes refuses what is new and ends what it has begun", async () => {
  let letClose: () => void = () => undefined;
  closing = new Promise((resolve) => {
    letClose = resolve;
  });
  const url = await open();
  ends = [];
  let answerNow: () => void = () => undefined;
  act = (...all) => {
    answerNow = () => sendResult(...all);
  };
  const begun = post(url, callOf("x__echo"));
  await expect.poll(() => stand.upstream.calls.length).toBe(1);
  const closed = stand.close();
  const refused = await post(url, callOf("x__echo"));
  expect([refused.status, refused.json().code]).toEqual([503, "DRAINING"]);
  expect((await fetch(`${stand.url}/readyz`)).status).toBe(503);
  expect((await fetch(`${stand.url}/livez`)).status).toBe(200);
  expect(stand.upstream.calls).toHaveLength(1);
  answerNow();
  expect((await begun).json().result?.content?.[0]?.text).toBe("done");
  const decisions = (await stand.records()).map(({ decision, code }) => [decision, code]);
  expect(decisions).toContainEqual(["allowed", undefined]);
  letClose();
  await closed;
});

describe.each([
  ["that are on their way", overSocket],
  ["that it has not taken", inProcess],
])("a client that leaves a stream whose next events are ones %s", (_, send) => {
  /** The only stream slot is free again: a stream that takes it leaves the call slot to a call. */
  async function expectFree(url: string): Promise<void> {
    act = sendProgress;
    const second = await follow(url);
    expect(await readEvent(second)).toContain("notifications/progress");
    act = sendResult;
    const beside = await post(url, callOf("x__echo"));
    expect([beside.status, beside.json().code]).toEqual([200, undefined]);
    leave(second);
  }

  test("gives its slot back, and its server hears that it is cancelled", async () => {
    const url = await open({ client: { maxConcurrent: 1 } });
    let isCancelled = false;
    act = (id, response, request) => {
      response.on("close", () => {
        isCancelled = true;
      });
      sendProgress(id, response, request);
    };
    const stream = await follow(url, send);
    expect(await readEvent(stream)).toContain("notifications/progress");
    leave(stream);
    await expect.poll(() => isCancelled).toBe(true);
    await expect
      .poll(async () => (await stand.records()).at(-1))
      .toMatchObject({ decision: "cancelled", method: "tools/call" });
    await expectFree(url);
  });

  test("gives its slot back also where that cannot be recorded", async () => {
    const url = await open({ client: { maxConcurrent: 1 } });
    act = sendProgress;
    const stream = await follow(url, send);
    await readEvent(stream);
    isFull = true;
    leave(stream);
    await expect.poll(stand.trace).toContain("Cannot record");
    isFull = false;
    act = sendResult;
    const status = async () => (await post(url, callOf("x__echo"))).status;
    await expect.poll(status, { timeout: 10_000 }).toBe(200);
    await expectFree(url);
  });

  test("gives it back at the end of its call where it is legacy, which goes on", async () => {
    const url = await open({ client: { maxConcurrent: 1 } });
    const { session } = await openSession(url);
    let finish: () => void = () => undefined;
    act = (id, response, request) => {
      sendProgress(id, response, request);
      finish = () => endStream(id, response);
    };
    const stream = await followLegacy(url, session, send);
    const first = await readEvent(stream);
    expect(first).toContain("notifications/progress");
    leave(stream);
    finish();
    await expect
      .poll(async () => (await stand.records()).at(-1))
      .toMatchObject({ decision: "allowed", method: "tools/call" });
    const rest = await comeBack(url, session, idOf(first));
    expect([rest.status, rest.text.includes("done")]).toEqual([200, true]);
    await expectFree(url);
  });
});

describe("a legacy client that comes back for its stream", () => {
  test.each(["", "1", "nothing:1", "0".repeat(32) + ":1", "../x", "a".repeat(500)])(
    "is told that an event is not known that nobody gave it: %j",
    async (after) => {
      const url = await open();
      const { session } = await openSession(url);
      const answer = await comeBack(url, session, after);
      expect(answer.status).toBe(404);
      expect(answer.text).toContain("EVENT_UNKNOWN");
    },
  );

  test("gets none of it where that cannot be recorded, and leaves no slot behind", async () => {
    const url = await open({ client: { maxConcurrent: 1 } });
    const { session } = await openSession(url);
    act = (id, response, request) => {
      sendProgress(id, response, request);
      endStream(id, response);
    };
    const first = idOf(await (await followLegacy(url, session)).text());
    isFull = true;
    const lost = await comeBack(url, session, first);
    expect([lost.status, lost.text.includes("done")]).toEqual([503, false]);
    expect(lost.text).toContain("AUDIT_UNAVAILABLE");
    isFull = false;
    const again = async () => (await comeBack(url, session, first)).text;
    await expect.poll(again, { timeout: 10_000 }).toContain("done");
  });
});
