import { expect, test } from "vitest";
import { startFault } from "../../src/cli/start-fault.ts";
import { parseConfig } from "../../src/config/index.ts";
import { LockedError } from "../../src/runtime/index.ts";
import { AdminListenError } from "../../src/serve.ts";

const tls = { cert: "a.pem", key: "b.pem" };

function faultOf(error: Error, input: object = {}): string {
  const { config } = parseConfig(input, { sha256: () => "", now: 0 });
  if (config === undefined) throw new Error("The config of this test is not good");
  return startFault(error, { config, folder: "/srv/gw" });
}

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${code}: as the system says it`), { code, syscall });
}

test("a start fault says what stands in the way of listening, and what to do", () => {
  const busy =
    "Cannot listen on 127.0.0.1:8080: another program listens there, maybe a gateway that still runs (end it, or set listen.port)";
  expect(faultOf(systemError("EADDRINUSE", "listen"))).toBe(busy);
  const onDeno = new Error("Address already in use (os error 98)");
  onDeno.name = "AddrInUse";
  expect(faultOf(onDeno)).toBe(busy);
  const held = new Error('Requires net access to "127.0.0.1:8080", run again with --allow-net');
  held.name = "NotCapable";
  expect(faultOf(held)).toBe(
    "Cannot listen on 127.0.0.1:8080: Deno was not given --allow-net for it",
  );
  expect(faultOf(systemError("EACCES", "listen"), { listen: { host: "::1", port: 80 } })).toBe(
    "Cannot listen on [::1]:80: this user may not use the port (listen.port names another)",
  );
  expect(faultOf(systemError("ENOTFOUND", "getaddrinfo"), { listen: { host: "nowhere" } })).toBe(
    "Cannot listen on nowhere:8080: no address is known for this name (set listen.host)",
  );
});

test("a start fault names the listener of operators where that is in the way", () => {
  const fault = (code: string, admin: object): string =>
    faultOf(new AdminListenError("", { cause: systemError(code, "listen") }), { admin });
  expect(fault("EADDRINUSE", { port: 8090 })).toBe(
    "Cannot listen on 127.0.0.1:8090: another program listens there, maybe a gateway that still runs (end it, or set admin.port)",
  );
  const users = { ann: { auth: { tokenSha256: "a".repeat(64) }, can: ["read"] } };
  expect(fault("EADDRNOTAVAIL", { host: "10.9.9.9", users })).toBe(
    "Cannot listen on 10.9.9.9: this machine has no such address (set admin.host)",
  );
});

test("a start fault names the process that writes the audit file, and what to do", () => {
  expect(faultOf(new LockedError("/srv/gw/audit.jsonl.lock", 42))).toBe(
    'Cannot write the audit file "/srv/gw/audit.jsonl": process 42 does (stop that one, or name another with audit.file)',
  );
});

test("a start fault names the audit file that cannot be opened", () => {
  expect(faultOf(systemError("ENOENT", "open"), { audit: { file: "log/a.jsonl" } })).toBe(
    'Cannot open the audit file "/srv/gw/log/a.jsonl": its folder does not exist (audit.file names another)',
  );
  expect(faultOf(systemError("EISDIR", "read"))).toBe(
    'Cannot open the audit file "/srv/gw/audit.jsonl": it is a folder (audit.file names another)',
  );
});

test("a start fault names listen.tls where its files are no certificate and key", () => {
  const error = new Error("error:0480006C:PEM routines::no start line");
  expect(faultOf(error, { listen: { tls } })).toContain("Cannot use the files of listen.tls: ");
  expect(faultOf(error)).toBe(`Cannot start: ${error.message}`);
});
