import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import {
  type Cancellation,
  type Egress,
  Secret,
  createCanceller,
} from "../../../src/core/index.ts";
import { createClock } from "../../../src/runtime/clock.ts";
import { denoGlobal } from "../../../src/runtime/deno-global.ts";
import { createDenoEgress } from "../../../src/runtime/egress-deno.ts";
import { createNodeEgress } from "../../../src/runtime/egress-node.ts";
import type { Resolve } from "../../../src/runtime/public-address.ts";
import type { FetchGrant } from "../../../src/sandbox/index.ts";
import { createAsk, createBench } from "./ports.ts";
import { openServer } from "./server.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const clock = createClock();
function openEgress(resolve?: Resolve): Egress {
  const isNode = denoGlobal() === undefined;
  const egress = isNode ? createNodeEgress(resolve) : createDenoEgress(clock, resolve);
  ends.push(egress.close);
  return egress;
}
async function serve(...settings: Parameters<typeof openServer>) {
  const server = await openServer(...settings);
  ends.push(server.close);
  return server;
}
interface OpenSettings {
  readonly wallMs?: number;
  readonly egress?: Egress;
  readonly signal?: Cancellation | undefined;
}
/** `fetch` of a plugin with these grants. */
function open(grants: readonly FetchGrant[], settings: OpenSettings = {}) {
  const { wallMs = 5_000, egress = openEgress(), signal } = settings;
  const { ports, lines } = createBench({ egress, clock });
  const ask = createAsk(ports, { fetch: grants }, { wallMs, signal });
  return { fetch: (...args: readonly unknown[]) => ask("fetch", ...args), lines };
}
const secret = "s3cret-of-the-operator";
const secretHeaders = { Authorization: new Secret(`Bearer ${secret}`), "x-app": "mcp-gw" };

describe("fetch", () => {
  test("sends method, path, query, headers and body, and hands back what was answered", async () => {
    const server = await serve((response) => {
      response.writeHead(201, { "content-type": "text/x", "set-cookie": "a=b", "x-inner": "7" });
      response.end("grüße\n");
    });
    const { fetch } = open([{ origin: server.origin }]);
    const headers = { "X-A": "b c", "Content-Type": "application/json" };
    const init = { method: "POST", headers, body: '{"ü":1}' };
    const reply = await fetch(`${server.origin}/a/../b?c=%2F#d`, init);
    expect(reply).toMatchObject({
      status: 201,
      body: "grüße\n",
      headers: { "content-type": "text/x", date: expect.any(String) as string },
    });
    expect(JSON.stringify(reply)).not.toMatch(/cookie|x-inner/);
    const [asked] = server.asked;
    expect(asked).toMatchObject({ method: "POST", url: "/b?c=%2F", body: '{"ü":1}' });
    expect(asked?.headers).toMatchObject({ "x-a": "b c", "content-type": "application/json" });
  });

  test("gets without a body by default, and posts texts as texts", async () => {
    const server = await serve((response) => response.end());
    const { fetch } = open([{ origin: server.origin }]);
    expect(await fetch(server.origin)).toMatchObject({ status: 200, body: "" });
    await fetch(`${server.origin}?a`, { method: "POST", body: "x" });
    expect(server.asked.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["GET", "/", ""],
      ["POST", "/?a", "x"],
    ]);
    expect(server.asked[0]?.headers).not.toHaveProperty("content-type");
    expect(server.asked[1]?.headers["content-type"]).toBe("text/plain;charset=UTF-8");
  });

  test("adds the operator's headers, and shows them to nobody", async () => {
    const server = await serve((response) => response.end("ok"));
    const { fetch, lines } = open([{ origin: server.origin, headers: secretHeaders }]);
    const answers = [
      await fetch(server.origin),
      await fetch(server.origin, { headers: { authorization: "Bearer mine" } }),
      await fetch(server.origin, { headers: { "X-APP": "mine" } }),
      await fetch(server.origin, { headers: { "x-app\r\nx-b": "mine" } }),
      await fetch("https://elsewhere.example/"),
    ];
    expect(server.asked).toHaveLength(1);
    expect(server.asked[0]?.headers).toMatchObject({
      authorization: `Bearer ${secret}`,
      "x-app": "mcp-gw",
    });
    expect(JSON.stringify([answers, lines])).not.toContain(secret);
  });

  test.each(["body", "header"])(
    "keeps back an answer that repeats the operator's credential: %s",
    async (where) => {
      const server = await serve((response, { headers }) => {
        const told = headers.authorization ?? "";
        response.setHeader("etag", where === "header" ? told : "x");
        response.end(where === "body" ? JSON.stringify({ headers }) : "ok");
      });
      const { fetch, lines } = open([{ origin: server.origin, headers: secretHeaders }]);
      const answer = await fetch(server.origin);
      expect(JSON.stringify([answer, lines])).not.toContain(secret);
      expect(answer).toMatch(/^fault: .*credential/);
    },
  );

  test("says nothing of a server that cannot be reached, to the log alone why", async () => {
    const server = await serve((response) => response.destroy());
    const { fetch, lines } = open([{ origin: server.origin, headers: secretHeaders }]);
    const answer = await fetch(`${server.origin}/path-${secret}?q=${secret}`);
    expect(answer).toBe(`fault: fetch cannot reach "${server.origin}"`);
    expect(lines).toHaveLength(1);
    expect(lines.join()).toContain('"plugin":"guard"');
    expect(lines.join()).not.toContain(secret);
  });

  test("follows no redirect", async () => {
    const server = await serve((response) => {
      response.writeHead(302, { location: "/elsewhere" }).end("moved");
    });
    const { fetch } = open([{ origin: server.origin }]);
    expect(await fetch(server.origin)).toMatch(/^fault: .*redirect/);
    expect(server.asked).toHaveLength(1);
  });

  test("takes an answer of 256 KB, and no larger one", async () => {
    const server = await serve((response, { url }) => {
      response.end("x".repeat(Number(url?.slice(1))));
    });
    const { fetch } = open([{ origin: server.origin }]);
    const reply = (await fetch(`${server.origin}/262144`)) as { readonly body: string };
    expect(reply.body).toHaveLength(262_144);
    expect(await fetch(`${server.origin}/262145`)).toMatch(/^fault: .*more than 262144 bytes/);
  });

  test("gives up an answer without an end before its memory is spent", async () => {
    let written = 0;
    const server = await serve((response) => {
      const piece = Buffer.alloc(65_536, "x");
      const push = (): void => {
        while (!response.destroyed && response.write(piece)) written += piece.length;
        response.once("drain", push);
      };
      push();
    });
    const { fetch } = open([{ origin: server.origin }]);
    expect(await fetch(server.origin)).toMatch(/^fault: .*more than 262144 bytes/);
    expect(written).toBeLessThan(64_000_000);
  });

  test.each([
    ["no headers", () => undefined],
    ["no end of the body", "half"],
  ])("gives up a server that sends %s in time", async (_, how) => {
    const server = await serve((response) => {
      if (how === "half") response.write("half");
    });
    const { fetch } = open([{ origin: server.origin }]);
    const begun = performance.now();
    const answer = await fetch(server.origin, { timeoutMs: 150 });
    expect(answer).toBe(`fault: "${server.origin}" is too slow for fetch`);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  test.each([
    ["no headers", () => undefined],
    ["no end of the body", "half"],
  ])("hangs up on a server that sends %s once nobody waits for it", async (_, how) => {
    const { signal, abort } = createCanceller();
    let hungUp = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      hungUp = resolve;
    });
    const server = await serve((response) => {
      response.once("close", hungUp);
      if (how === "half") response.write("half");
      abort();
    });
    const { fetch, lines } = open([{ origin: server.origin }], { signal });
    expect(await fetch(server.origin)).toBe("fault: The call is over");
    await gone;
    expect(await fetch(server.origin)).toBe("fault: The call is over");
    expect([server.asked.length, lines]).toEqual([1, []]);
  });

  test("waits no longer than the plugin may last, whatever it asks for", async () => {
    const server = await serve(() => undefined);
    const { fetch } = open([{ origin: server.origin }], { wallMs: 150 });
    const begun = performance.now();
    expect(await fetch(server.origin, { timeoutMs: 60_000 })).toMatch(/too slow/);
    expect(await fetch(server.origin)).toMatch(/too slow/);
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  test("replaces what is no UTF-8, and takes nothing that is packed", async () => {
    const server = await serve((response, { url }) => {
      if (url === "/packed") response.setHeader("content-encoding", "gzip");
      response.end(url === "/packed" ? gzipSync("x") : Buffer.from([0x61, 0xff, 0x62]));
    });
    const { fetch } = open([{ origin: server.origin }]);
    expect(await fetch(server.origin)).toMatchObject({ body: "a\ufffdb" });
    expect(await fetch(`${server.origin}/packed`)).toMatch(/^fault: .*packs/);
  });

  test.each([
    ["another port", (o: string) => `${o}0/`],
    ["another scheme", (o: string) => `${o.replace("http", "https")}/`],
    ["another spelling of the address", (o: string) => o.replace("127.0.0.1", "127.1")],
    ["a decimal address", (o: string) => o.replace("127.0.0.1", "2130706433")],
    ["the name of the address", (o: string) => o.replace("127.0.0.1", "localhost")],
    ["a user", (o: string) => o.replace("://", "://user@")],
    ["an empty user", (o: string) => o.replace("://", "://@")],
    ["the origin as a user", (o: string) => `${o}@127.0.0.1/`],
    ["the origin as a password", (o: string) => `${o}@evil.example/`],
    ["a name that begins as it", (o: string) => `${o}.evil.example/`],
    ["capitals", (o: string) => o.replace("http", "HTTP")],
    ["backslashes", (o: string) => o.replace("//", "\\\\")],
    ["a backslash in the path", (o: string) => `${o}\\a`],
    ["a space before", (o: string) => ` ${o}`],
    ["a tab inside", (o: string) => o.replace("27", "2\t7")],
    ["a line break behind", (o: string) => `${o}/\r\nx: y`],
    ["three slashes", (o: string) => o.replace("//", "///")],
    ["no scheme", (o: string) => o.replace("http:", "")],
    ["a path alone", () => "/path"],
    ["a character that is not escaped", (o: string) => `${o}/ü`],
    ["a null", (o: string) => `${o}/\0`],
    ["a file", () => "file:///etc/passwd"],
    ["data", () => "data:,x"],
    ["no text", () => 7],
    ["a list", (o: string) => [o]],
    ["far too much", (o: string) => `${o}/${"x".repeat(9_000)}`],
  ])("asks nobody for a URL with %s", async (_, toUrl) => {
    const server = await serve((response) => response.end("reached"));
    const { fetch } = open([{ origin: server.origin }]);
    expect(await fetch(toUrl(server.origin))).toMatch(/^fault: /);
    expect(server.connections()).toBe(0);
  });

  test("names the origin that is not granted, and where it is granted", async () => {
    const { fetch } = open([{ origin: "https://api.example.com" }]);
    expect(await fetch("https://user:pass@other.example/path?q")).toBe(
      'fault: fetch is not granted to this plugin for "https://other.example": grants.fetch in gateway.config.ts',
    );
    expect(await fetch("https://api.example.com:443/")).toMatch(/not written as its origin is/);
  });

  const names = [
    "Host, connection, Keep-Alive, te, trailer, transfer-encoding, Upgrade, expect, content-length",
    "cookie, Authorization, PROXY-Authorization, proxy-connection, x-forwarded-for, forwarded, via",
    "sec-fetch-site, origin, accept-encoding, content-encoding, x-http-method-override, x-real-ip",
  ];
  test.each(names.join(", ").split(", "))("takes no header %s from a guest", async (name) => {
    const server = await serve((response) => response.end("reached"));
    const { fetch } = open([{ origin: server.origin }]);
    expect(await fetch(server.origin, { headers: { [name]: "x" } })).toMatch(/^fault: /);
    expect(server.connections()).toBe(0);
  });

  test.each([
    ["a method", { method: "DELETE" }],
    ["a method in small letters", { method: "post" }],
    ["a method with a line break", { method: "GET / HTTP/1.1\r\n" }],
    ["a body with GET", { body: "x" }],
    ["a body that is no text", { method: "POST", body: { a: 1 } }],
    ["a body of more than 256 KB", { method: "POST", body: "é".repeat(131_073) }],
    ["headers that are a list", { headers: [["a", "b"]] }],
    ["a header value that is no text", { headers: { a: 1 } }],
    ["a line break in a header", { headers: { a: "b\r\nx: y" } }],
    ["a null in a header", { headers: { a: "b\0" } }],
    ["a letter beyond ASCII in a header", { headers: { a: "ü" } }],
    ["a name with a colon", { headers: { "a: b": "c" } }],
    ["an empty name", { headers: { "": "c" } }],
    ["a name with a line break", { headers: { "a\r\nb": "c" } }],
    ["one name in two spellings", { headers: { a: "1", A: "2" } }],
    [
      "33 headers",
      { headers: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, ""])) },
    ],
    ["a time that is none", { timeoutMs: "9" }],
    ["no time", { timeoutMs: 0 }],
    ["options that are a text", "POST"],
  ])("refuses %s", async (_, init) => {
    const server = await serve((response) => response.end("reached"));
    const { fetch } = open([{ origin: server.origin }]);
    expect(await fetch(server.origin, init)).toMatch(/^fault: /);
    expect(server.connections()).toBe(0);
  });

  test("does not trust a certificate that signs itself", async () => {
    const server = await serve((response) => response.end("reached"), { tls: true });
    const { fetch } = open([{ origin: server.origin, headers: secretHeaders }]);
    expect(await fetch(server.origin)).toBe(`fault: fetch cannot reach "${server.origin}"`);
    expect(server.asked).toEqual([]);
  });

  test("does not reach this machine by a name that stands for it", async () => {
    const server = await serve((response) => response.end("reached"), { tls: true });
    const names: string[] = [];
    const egress = openEgress((name, _, told) => {
      names.push(name);
      told(null, [{ address: "127.0.0.1", family: 4 }]);
    });
    const origin = `https://api.example.com:${server.port}`;
    const { fetch, lines } = open([{ origin }], { egress });
    expect(await fetch(origin)).toBe(`fault: fetch cannot reach "${origin}"`);
    expect(server.connections()).toBe(0);
    expect(names).toEqual(["api.example.com"]);
    expect(lines.join()).toContain("no public address");
  });
});
