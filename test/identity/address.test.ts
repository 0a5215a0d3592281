import * as fc from "fast-check";
import { expect, test } from "vitest";
import { clientAddress, isLoopback } from "../../src/identity/index.ts";

const trusted = ["10.0.0.0/8", "192.168.1.1", "fd00::/8", "::ffff:172.16.0.0/108"];

test("An untrusted peer's X-Forwarded-For is not read", () => {
  expect(clientAddress("203.0.113.9", "1.2.3.4", trusted)).toBe("203.0.113.9");
  expect(clientAddress("10.0.0.1", "1.2.3.4", [])).toBe("10.0.0.1");
  expect(clientAddress("11.0.0.1", "1.2.3.4", trusted)).toBe("11.0.0.1");
});

test("A trusted peer vouches for the hop before it, and each trusted hop for the next", () => {
  expect(clientAddress("10.0.0.1", "203.0.113.9", trusted)).toBe("203.0.113.9");
  expect(clientAddress("10.0.0.1", "6.6.6.6, 203.0.113.9, 10.9.9.9", trusted)).toBe("203.0.113.9");
  expect(clientAddress("192.168.1.1", "203.0.113.9,fd00::1", trusted)).toBe("203.0.113.9");
  expect(clientAddress("172.16.5.5", "203.0.113.9", trusted)).toBe("203.0.113.9");
  expect(clientAddress("10.0.0.1", "10.0.0.3, 10.0.0.2", trusted)).toBe("10.0.0.3");
});

test("Garbage in X-Forwarded-For ends the walk at the last good hop", () => {
  const garbage = ["", "unknown", "1.2.3.4:80", "0x7f.1", "127.1", "1.2.3.04", "[::1]", "a\u0000"];
  for (const hop of garbage) {
    expect(clientAddress("10.0.0.1", hop, trusted)).toBe("10.0.0.1");
    expect(clientAddress("10.0.0.1", `6.6.6.6, ${hop}, 10.0.0.2`, trusted)).toBe("10.0.0.2");
    expect(clientAddress("10.0.0.1", `${hop}, 203.0.113.9`, trusted)).toBe("203.0.113.9");
  }
});

test("An address has one spelling", () => {
  expect(clientAddress("::ffff:203.0.113.9", null, [])).toBe("203.0.113.9");
  expect(clientAddress("::FFFF:CB00:7109", null, [])).toBe("203.0.113.9");
  expect(clientAddress("2001:DB8:0:0:0:0:0:1", null, [])).toBe("2001:db8::1");
  expect(clientAddress("fe80::1%eth0", null, [])).toBe("fe80::1");
  expect(clientAddress("::ffff:10.0.0.1", "203.0.113.9", trusted)).toBe("203.0.113.9");
});

test("A peer without an address has none, whatever a header says", () => {
  expect(clientAddress(undefined, "1.2.3.4", trusted)).toBeUndefined();
  expect(clientAddress("", "1.2.3.4", trusted)).toBeUndefined();
  expect(clientAddress("/run/gateway.sock", null, trusted)).toBeUndefined();
});

test("A range that cannot be read trusts nobody", () => {
  for (const range of ["", "*", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/", "all"]) {
    expect(clientAddress("10.0.0.1", "1.2.3.4", [range])).toBe("10.0.0.1");
  }
});

test("What a client writes never reaches past the first untrusted hop", () => {
  fc.assert(
    fc.property(fc.string(), fc.ipV4(), (written, proxySaw) => {
      fc.pre(!proxySaw.startsWith("10."));
      const header = `${written}, ${proxySaw}`;
      expect(clientAddress("10.0.0.1", header, ["10.0.0.0/8"])).toBe(proxySaw);
    }),
  );
});

test("Loopback is 127.0.0.0/8 and ::1, in any spelling", () => {
  for (const address of [
    "127.0.0.1",
    "127.255.0.9",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
  ]) {
    expect(isLoopback(address)).toBe(true);
  }
  for (const address of [
    undefined,
    "",
    "localhost",
    "128.0.0.1",
    "::2",
    "0.0.0.0",
    "::",
    "127.1",
  ]) {
    expect(isLoopback(address)).toBe(false);
  }
});
