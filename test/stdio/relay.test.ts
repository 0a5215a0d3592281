/** The relay before a gateway that answers as a test says. */
import { expect, test } from "vitest";
import { cancelled, initialize, initialized, legacy, modern, openPipe } from "./pipe.ts";

const url = "http://127.0.0.1:8080/mcp";

function json(text: string, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(text, {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}
function events(...data: readonly string[]): Response {
  const body = data.map((each) => `data: ${each}\n\n`).join("");
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
/** A stream that stays open until its request is broken off. */
function standing(
  first: string,
  { signal }: Request,
  onLeft = () => undefined as unknown,
): Response {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode(first));
      signal.addEventListener("abort", () => {
        onLeft();
        controller.error(new Error("aborted"));
      });
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
const result = (id: unknown): string => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{}}`;
const greeted = '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25"}}';

test("relay sends a modern message with the headers that mirror it, byte for byte", async () => {
  const seen: { headers: Headers; body: string }[] = [];
  const pipe = openPipe(
    async (request) => {
      seen.push({ headers: request.headers, body: await request.text() });
      return json(result("é"));
    },
    { headers: { authorization: "Bearer t" } },
  );
  const line = JSON.stringify(modern("é", "tools/call", { name: "größe", arguments: {} })).replace(
    '"arguments":{}',
    '"arguments" : {"n":1.0e2}',
  );
  pipe.say(line);
  expect(await pipe.hear()).toEqual({ jsonrpc: "2.0", id: "é", result: {} });
  expect(seen[0]?.body).toBe(line);
  const { headers } = seen[0] ?? { headers: new Headers() };
  expect(headers.get("authorization")).toBe("Bearer t");
  expect(headers.get("mcp-protocol-version")).toBe("2026-07-28");
  expect(headers.get("mcp-method")).toBe("tools/call");
  expect(headers.get("mcp-name")).toBe("=?base64?Z3LDtsOfZQ==?=");
  expect(headers.get("mcp-session-id")).toBeNull();
  pipe.end();
  await pipe.ended;
});

test("relay writes each event of a stream as a line", async () => {
  const note = '{"jsonrpc":"2.0","method":"notifications/progress","params":{}}';
  const pipe = openPipe(() => Promise.resolve(events(note, "", result(1))));
  pipe.say(modern(1, "tools/call", { name: "a" }));
  expect((await pipe.hear()).method).toBe("notifications/progress");
  expect(await pipe.hear()).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
  pipe.end();
  await pipe.ended;
});

test("relay makes an error with the id of a refusal that had none", async () => {
  const problem =
    '{"title":"Too many requests","status":429,"code":"RATE_EXCEEDED","requestId":"r"}';
  const answers = [
    () =>
      new Response(problem, {
        status: 429,
        headers: { "content-type": "application/problem+json" },
      }),
    () => events('{"jsonrpc":"2.0","method":"notifications/progress"}'),
    () => new Response("<html>", { status: 502 }),
    () => {
      throw new Error("connect ECONNREFUSED");
    },
  ];
  const pipe = openPipe(async () => (answers.shift() ?? (() => json("{}")))());
  pipe.say(modern("a", "tools/list"));
  expect(await pipe.hear()).toEqual({
    jsonrpc: "2.0",
    id: "a",
    error: {
      code: -31013,
      message: "Too many requests",
      data: { code: "RATE_EXCEEDED", requestId: "r" },
    },
  });
  pipe.say(modern("broken", "tools/list"));
  expect((await pipe.hear()).method).toBe("notifications/progress");
  expect(await pipe.hear()).toMatchObject({ id: "broken", error: { code: -32603 } });
  for (const id of ["html", "gone"]) {
    pipe.say(modern(id, "tools/list"));
    expect(await pipe.hear()).toMatchObject({ id, error: { code: -32603 } });
  }
  pipe.end();
  await pipe.ended;
});

test("relay answers lines that it cannot read without an id, and goes on", async () => {
  const pipe = openPipe(
    async (request) =>
      (await request.text()) === "{"
        ? json('{"jsonrpc":"2.0","error":{"code":-32700,"message":"no"}}', 400)
        : json(result(1)),
    { maxLineBytes: 300 },
  );
  const faultOf = async () => {
    const { id, error } = await pipe.hear();
    return [id, error?.code, error?.data?.code];
  };
  pipe.say("x".repeat(301));
  expect(await faultOf()).toEqual([undefined, -31011, "BODY_TOO_LARGE"]);
  pipe.say(new Uint8Array([0x22, 0xff, 0x22, 10]));
  expect(await faultOf()).toEqual([undefined, -32700, "MESSAGE_MALFORMED"]);
  pipe.say("{");
  expect(await faultOf()).toEqual([undefined, -32700, undefined]);
  pipe.say(modern(1, "tools/list"));
  expect(await pipe.hear()).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
  pipe.end();
  await pipe.ended;
});

test("a cancelled modern request is broken off and answered no more", async () => {
  const left: unknown[] = [];
  const pipe = openPipe(async (request) => {
    const { id } = (await request.json()) as { id: number };
    if (id === 2) return json(result(2));
    return standing('data: {"jsonrpc":"2.0","method":"m"}\n\n', request, () => left.push(id));
  });
  pipe.say(modern(1, "subscriptions/listen"));
  expect((await pipe.hear()).method).toBe("m");
  pipe.say(modern(2, "tools/list"));
  expect((await pipe.hear()).id).toBe(2);
  pipe.say(cancelled(7));
  pipe.say(cancelled(1));
  pipe.say(modern(2, "tools/list"));
  expect((await pipe.hear()).id).toBe(2);
  expect(left).toEqual([1]);
  pipe.end();
  await pipe.ended;
  expect(pipe.waiting()).toEqual([]);
});

test("a legacy session goes with every message, its stream is kept open, and it is ended", async () => {
  const seen: string[] = [];
  let gets = 0;
  const pipe = openPipe(async (request) => {
    const { headers, method } = request;
    const id = headers.get("mcp-session-id");
    const said = method === "POST" ? ((await request.json()) as { method?: string }).method : "";
    seen.push(`${method} ${said ?? "response"} ${id} ${headers.get("last-event-id")}`);
    if (said === "initialize") return json(greeted, 200, { "mcp-session-id": "s1" });
    if (method === "DELETE") return new Response(null, { status: 204 });
    if (method !== "GET") return new Response(null, { status: 202 });
    gets += 1;
    const data = `id: e${gets}\ndata: {"jsonrpc":"2.0","method":"n${gets}"}\n\n`;
    return gets < 2
      ? new Response(data, { headers: { "content-type": "text/event-stream" } })
      : standing(data, request);
  });
  pipe.say(initialize);
  expect((await pipe.hear()).result).toEqual({ protocolVersion: "2025-11-25" });
  pipe.say(initialized);
  expect((await pipe.hear()).method).toBe("n1");
  await expect.poll(() => pipe.clock.timers()).toBe(1);
  await pipe.clock.advance(1_000);
  expect((await pipe.hear()).method).toBe("n2");
  pipe.say({ jsonrpc: "2.0", id: "q", result: {} });
  pipe.say(cancelled(9));
  pipe.end();
  await pipe.ended;
  expect(seen).toEqual([
    "POST initialize null null",
    "POST notifications/initialized s1 null",
    "GET  s1 null",
    "GET  s1 e1",
    "POST response s1 null",
    "POST notifications/cancelled s1 null",
    "DELETE  s1 null",
  ]);
});

test("a refused notification is told to the log alone", async () => {
  const refused = '{"jsonrpc":"2.0","error":{"code":-31015,"message":"no"}}';
  const pipe = openPipe(() => Promise.resolve(json(refused, 400)));
  pipe.say(legacy(undefined, "notifications/progress"));
  pipe.end();
  await pipe.ended;
  expect(pipe.waiting()).toEqual([]);
  expect(pipe.logged).toEqual([
    'A message was refused {"kind":"notification","method":"notifications/progress","code":"-31015"}',
  ]);
});

test("a call that needs parameter headers is sent again with those that its tool declares", async () => {
  const tool = {
    name: "t",
    inputSchema: {
      type: "object",
      properties: { region: { type: "string", "x-mcp-header": "Region" } },
    },
  };
  const seen: string[] = [];
  const pipe = openPipe(async (request) => {
    const { method, id } = (await request.json()) as { method: string; id: unknown };
    const region = request.headers.get("mcp-param-region");
    seen.push(`${method} ${region}`);
    if (method === "tools/list") {
      return json(JSON.stringify({ jsonrpc: "2.0", id, result: { tools: [tool] } }));
    }
    const mismatch = `{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"missing"}}`;
    return region === null ? json(mismatch, 400) : json(result(id));
  });
  const call = { name: "t", arguments: { region: "eu" } };
  pipe.say(modern(1, "tools/call", call));
  expect(await pipe.hear()).toMatchObject({ id: 1, result: {} });
  pipe.say(modern(2, "tools/call", call));
  expect(await pipe.hear()).toMatchObject({ id: 2, result: {} });
  expect(seen).toEqual(["tools/call null", "tools/list null", "tools/call eu", "tools/call eu"]);
  pipe.end();
  await pipe.ended;
});

test("what is under way when the client closes has two seconds", async () => {
  const answers = new Map<unknown, (response: Response) => void>();
  const pipe = openPipe(async (request) => {
    const { id } = (await request.json()) as { id: unknown };
    return await new Promise<Response>((resolve, reject) => {
      answers.set(id, resolve);
      request.signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
  });
  pipe.say(modern("quick", "tools/list"));
  pipe.say(modern("slow", "tools/list"));
  await expect.poll(() => answers.size).toBe(2);
  pipe.end();
  await expect.poll(() => pipe.clock.timers()).toBe(1);
  await pipe.clock.advance(1_900);
  answers.get("quick")?.(json(result("quick")));
  expect((await pipe.hear()).id).toBe("quick");
  await pipe.clock.advance(200);
  await pipe.ended;
  expect(pipe.waiting()).toEqual([]);
});

test("a reader that does not read is not written to, and one that has gone ends the relay", async () => {
  let taken = 0;
  let take: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const written: string[] = [];
  const pipe = openPipe(
    () =>
      Promise.resolve(
        new Response(
          new ReadableStream<Uint8Array>({
            pull: (controller) => {
              taken += 1;
              controller.enqueue(new TextEncoder().encode(`data: {"method":"${taken}"}\n\n`));
            },
          }),
          { headers: { "content-type": "text/event-stream" } },
        ),
      ),
    {
      url,
      write: (text) => {
        written.push(text);
        return new Promise((resolve, reject) => {
          take = resolve;
          fail = reject;
        });
      },
    },
  );
  pipe.say(modern(1, "subscriptions/listen"));
  await expect.poll(() => written.length).toBe(1);
  const before = taken;
  await new Promise((resolve) => setImmediate(resolve));
  expect(taken).toBe(before);
  take();
  await expect.poll(() => written.length).toBe(2);
  fail(new Error("EPIPE"));
  await pipe.ended;
  expect(written).toHaveLength(2);
});
