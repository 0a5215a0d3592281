/** What any way of dialling an upstream must do; run for each implementation. */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createTcpServer } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { EgressError } from "../../src/core/index.ts";
import type { Egress, EgressRequest } from "../../src/core/index.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export function testEgress(name: string, create: () => Egress): void {
  const ends: (() => void | Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  function open() {
    const egress = create();
    ends.push(() => egress.close());
    return egress;
  }
  async function upstream(handler: Handler) {
    const sockets = new Set<{ destroyed: boolean }>();
    const server = createServer(handler);
    server.on("connection", (socket) => sockets.add(socket));
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    ends.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
  }
  function toRequest(url: string, extra: Partial<EgressRequest> = {}): EgressRequest {
    const signal = new AbortController().signal;
    return { url, method: "POST", headers: {}, signal, headersTimeoutMs: 5_000, ...extra };
  }
  async function read(body: AsyncIterable<Uint8Array>): Promise<string> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  }
  const reasonOf = (promise: Promise<unknown>) =>
    promise.then(
      () => "answered",
      (error: unknown) => (error instanceof EgressError ? error.reason : error),
    );

  test(`${name} reads a body as a whole, or gives it up where it is too large`, async () => {
    const { url } = await upstream((_, response) => response.end("x".repeat(300_000)));
    const egress = open();
    const whole = await egress.request(toRequest(url));
    expect((await whole.read(300_000))?.length).toBe(300_000);
    const cut = await egress.request(toRequest(url));
    expect(await cut.read(299_999)).toBeUndefined();
  });

  test(`${name} sends method, path, query, headers and body, and asks for no encoding`, async () => {
    const { url } = await upstream((request, response) => {
      void (async () => {
        const { method, headers } = request;
        const sent = { method, url: request.url, a: headers["x-a"], e: headers["accept-encoding"] };
        response.setHeader("set-cookie", ["a=1", "b=2"]);
        response.end(JSON.stringify({ ...sent, body: await read(request) }));
      })();
    });
    const response = await open().request(
      toRequest(`${url}/mcp/x?y=%2F`, { headers: { "x-a": "b" }, body: "grüße" }),
    );
    expect(response.status).toBe(200);
    expect(response.headers.get("set-cookie")).toBe("a=1, b=2");
    expect(JSON.parse(await read(response.body))).toEqual({
      method: "POST",
      url: "/mcp/x?y=%2F",
      a: "b",
      e: "identity",
      body: "grüße",
    });
  });

  test(`${name} hands a redirect back and does not follow it`, async () => {
    let asked = 0;
    const { url } = await upstream((_request, response) => {
      asked += 1;
      response.writeHead(307, { location: "/other" }).end("moved");
    });
    const response = await open().request(toRequest(url));
    expect([response.status, response.headers.get("location")]).toEqual([307, "/other"]);
    expect(await read(response.body)).toBe("moved");
    expect(asked).toBe(1);
  });

  test(`${name} leaves a packed body packed`, async () => {
    const packed = gzipSync(Buffer.alloc(1_000_000));
    const { url } = await upstream((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(packed);
    });
    const response = await open().request(toRequest(url));
    let bytes = 0;
    for await (const chunk of response.body) bytes += chunk.length;
    expect([bytes, response.headers.get("content-encoding")]).toEqual([packed.length, "gzip"]);
  });

  test(`${name} gives an answer without a body as an empty one`, async () => {
    const { url } = await upstream((_request, response) => {
      response.writeHead(204).end();
    });
    const response = await open().request(toRequest(url, { method: "DELETE" }));
    expect([response.status, await read(response.body)]).toEqual([204, ""]);
  });

  test(`${name} streams a body as it comes`, async () => {
    let more: () => void = () => undefined;
    const { url } = await upstream((_request, response) => {
      response.write("one");
      more = () => response.end("two");
    });
    const response = await open().request(toRequest(url));
    const chunks: string[] = [];
    for await (const chunk of response.body) {
      chunks.push(Buffer.from(chunk).toString());
      more();
    }
    expect(chunks).toEqual(["one", "two"]);
  });

  test(`${name} says unreachable where nobody listens`, async () => {
    const server = createTcpServer();
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => {
      server.close(resolve);
    });
    const request = toRequest(`http://127.0.0.1:${port}/a?token=secret`);
    await expect(open().request(request)).rejects.toMatchObject({
      reason: "unreachable",
      message: expect.not.stringContaining("secret"),
    });
  });

  test(`${name} says broken where the connection breaks before the headers`, async () => {
    const { url } = await upstream(({ socket }) => socket.destroy());
    expect(await reasonOf(open().request(toRequest(url)))).toBe("broken");
  });

  test(`${name} says broken where the body breaks off`, async () => {
    const { url } = await upstream((_request, response) => {
      response.writeHead(200, { "content-length": "10" });
      response.write("abc", () => response.destroy());
    });
    const response = await open().request(toRequest(url));
    expect(await reasonOf(read(response.body))).toBe("broken");
  });

  test(`${name} says timeout where no headers come in time`, async () => {
    const { url } = await upstream(() => undefined);
    const request = toRequest(url, { headersTimeoutMs: 100 });
    expect(await reasonOf(open().request(request))).toBe("timeout");
  });

  test(`${name} lets a body be quiet for longer than the headers may be late`, async () => {
    const { url } = await upstream((_request, response) => {
      response.write("one");
      setTimeout(() => response.end("two"), 300);
    });
    const response = await open().request(toRequest(url, { headersTimeoutMs: 100 }));
    expect(await read(response.body)).toBe("onetwo");
  });

  test(`${name} says aborted where the caller gives up before the headers, or never began`, async () => {
    const controller = new AbortController();
    const { url } = await upstream(() => controller.abort());
    const request = toRequest(url, { signal: controller.signal });
    expect(await reasonOf(open().request(request))).toBe("aborted");
    expect(await reasonOf(open().request(request))).toBe("aborted");
  });

  test(`${name} says aborted in the middle of a body, and frees the socket`, async () => {
    let closed: () => void = () => undefined;
    const freed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { url } = await upstream((_request, response) => {
      response.on("close", closed);
      response.write("one");
    });
    const controller = new AbortController();
    const response = await open().request(toRequest(url, { signal: controller.signal }));
    const reading = reasonOf(
      (async () => {
        for await (const _chunk of response.body) controller.abort();
      })(),
    );
    expect(await reading).toBe("aborted");
    await freed;
  });

  test.each(["unread", "half read"])(
    `${name} frees the socket of a cancelled body: %s`,
    async (how) => {
      let closed: () => void = () => undefined;
      const freed = new Promise<void>((resolve) => {
        closed = resolve;
      });
      const { url } = await upstream((_request, response) => {
        response.on("close", closed);
        response.write("one");
      });
      const response = await open().request(toRequest(url));
      if (how === "half read") await response.body[Symbol.asyncIterator]().next();
      response.cancel();
      response.cancel();
      await freed;
      expect(await reasonOf(read(response.body))).not.toBe("answered");
    },
  );

  test(`${name} frees the socket where the reader breaks off`, async () => {
    let closed: () => void = () => undefined;
    const freed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { url } = await upstream((_request, response) => {
      response.on("close", closed);
      response.write("one");
    });
    const response = await open().request(toRequest(url));
    for await (const _chunk of response.body) break;
    await freed;
  });

  test(`${name} reads no faster than its reader`, async () => {
    let written = 0;
    const { url } = await upstream((_request, response) => {
      const chunk = Buffer.alloc(65_536);
      const push = () => {
        while (response.write(chunk)) written += chunk.length;
        response.once("drain", push);
      };
      push();
    });
    const response = await open().request(toRequest(url));
    await response.body[Symbol.asyncIterator]().next();
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    expect(written).toBeLessThan(64_000_000);
    response.cancel();
  });

  test(`${name} refuses headers without end`, async () => {
    const { url } = await upstream((_request, response) => {
      response.writeHead(200, { "x-a": "a".repeat(100_000) }).end("{}");
    });
    expect(await reasonOf(open().request(toRequest(url)))).toBe("broken");
  });

  test(`${name} uses a connection again`, async () => {
    const { url, sockets } = await upstream((_request, response) => response.end("{}"));
    const egress = open();
    for (let count = 0; count < 5; count += 1) {
      const response = await egress.request(toRequest(url));
      await read(response.body);
    }
    // The first one may still be closing its books when the second request starts.
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  test(`${name} that is closed ends what is open`, async () => {
    const { url } = await upstream((_request, response) => response.write("one"));
    const egress = create();
    const response = await egress.request(toRequest(url));
    const reading = reasonOf(read(response.body));
    await egress.close();
    expect(await reading).not.toBe("answered");
  });
}
