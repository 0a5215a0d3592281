import type { LookupAddress } from "node:dns";
import { afterEach, describe, expect, test } from "vitest";
import { type Egress, EgressError } from "../../src/core/index.ts";
import { createClock } from "../../src/runtime/clock.ts";
import { denoGlobal } from "../../src/runtime/deno-global.ts";
import { createDenoEgress } from "../../src/runtime/egress-deno.ts";
import { createNodeEgress } from "../../src/runtime/egress-node.ts";
import { type Resolve, createPublicLookup, isPublic } from "../../src/runtime/public-address.ts";
import { openServer } from "../sandbox/host/server.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
const four = (address: string): LookupAddress => ({ address, family: 4 });
const six = (address: string): LookupAddress => ({ address, family: 6 });

function openEgress(resolve: Resolve): Egress {
  const egress =
    denoGlobal() === undefined
      ? createNodeEgress(resolve)
      : createDenoEgress(createClock(), resolve);
  ends.push(egress.close);
  return egress;
}

describe("isPublic", () => {
  test.each([
    "1.1.1.1",
    "93.184.216.34",
    "172.15.0.1",
    "172.32.0.1",
    "2606:4700::1",
    "2a00:1450::1",
  ])("takes %s for public", (address) => expect(isPublic(address)).toBe(true));
  const inside = [
    "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.255 169.254.169.254",
    "172.16.0.1 172.31.255.255 192.0.0.192 192.168.1.1 198.18.0.1 224.0.0.1 240.0.0.1",
    "255.255.255.255 168.63.129.16 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:1.1.1.1 fe80::1",
    "fe80::1%eth0 fc00::1 fd00:ec2::254 fec0::1 ff02::1 64:ff9b::7f00:1 64:ff9b::101:101",
    "2002:7f00:1:: 2001::1 100::1 4000::1 2001:db8::1 3fff::1 5f00::1 ::ffff:0:127.0.0.1",
  ];
  const noAddresses = " localhost 127.1 0x7f.1 1.1.1 01.1.1.1 2606:4700::1%1 [2606:4700::1]";
  test.each([...inside, noAddresses].join(" ").split(" "))(
    "does not take %j for public",
    (address) => expect(isPublic(address)).toBe(false),
  );
});

describe("createPublicLookup", () => {
  const ask = (addresses: LookupAddress[], all: boolean): Promise<unknown[]> =>
    new Promise((resolve) => {
      const lookup = createPublicLookup((_, options, told) => {
        expect(options.all).toBe(true);
        told(null, addresses);
      });
      lookup("a.example", { all }, (...told: unknown[]) => resolve(told));
    });

  test("leaves out what is not public, and asks once", async () => {
    const mixed = [four("127.0.0.1"), four("1.1.1.1"), six("::1"), six("2606:4700::1")];
    expect(await ask(mixed, true)).toEqual([null, [four("1.1.1.1"), six("2606:4700::1")]]);
    expect(await ask(mixed, false)).toEqual([null, "1.1.1.1", 4]);
  });

  test("fails where nothing is left, and where there was nothing", async () => {
    for (const addresses of [[], [four("10.0.0.1"), six("fd00::1")]]) {
      const [error] = await ask(addresses, true);
      expect(error).toBeInstanceOf(EgressError);
      expect(error).toMatchObject({
        reason: "unreachable",
        message: expect.not.stringMatching(/10\.0|fd00/) as string,
      });
    }
  });
});

describe("egress to public addresses alone", () => {
  const toRequest = (url: string, publicOnly: boolean) => ({
    url,
    method: "GET" as const,
    headers: {},
    signal: new AbortController().signal,
    headersTimeoutMs: 5_000,
    publicOnly,
  });

  test("dials no name that stands for this machine, though it did so for others", async () => {
    const server = await openServer((response) => response.end("ok"));
    ends.push(server.close);
    let asked = 0;
    const egress = openEgress((_, __, told) => {
      asked++;
      told(null, [four("127.0.0.1")]);
    });
    const url = `http://localhost:${server.port}/`;
    const free = await egress.request(toRequest(url, false));
    expect((await free.read(100))?.length).toBe(2);
    await expect(egress.request(toRequest(url, true))).rejects.toMatchObject({
      reason: "unreachable",
    });
    expect([server.asked.length, asked]).toEqual([1, 1]);
  });

  test("says unreachable where a name has no address", async () => {
    const egress = openEgress((name, _, told) => {
      told(Object.assign(new Error(`ENOTFOUND ${name}`), { code: "ENOTFOUND" }), []);
    });
    await expect(egress.request(toRequest("http://a.example/", true))).rejects.toMatchObject({
      reason: "unreachable",
    });
  });

  test("dials an address that is written as one", async () => {
    const server = await openServer((response) => response.end("ok"));
    ends.push(server.close);
    const egress = openEgress(() => expect.unreachable());
    const response = await egress.request(toRequest(`${server.origin}/`, true));
    expect(response.status).toBe(200);
    response.cancel();
  });

  test("is closed with what it opened", async () => {
    const server = await openServer((response) => response.write("one"));
    ends.push(server.close);
    const egress = openEgress(() => expect.unreachable());
    const response = await egress.request(toRequest(`${server.origin}/`, true));
    const reading = response.read(100);
    const failed = expect(reading).rejects.toBeInstanceOf(EgressError);
    await egress.close();
    await failed;
  });
});
