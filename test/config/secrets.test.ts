import { expect, test } from "vitest";
import { secret } from "../../src/config/index.ts";
import { resolveSecrets } from "../../src/config/resolve-secrets.ts";
import type { SecretSettings } from "../../src/config/resolve-secrets.ts";
import { Secret } from "../../src/core/index.ts";
import { fakePorts } from "./fake-ports.ts";
import type { FakePorts } from "./fake-ports.ts";

interface Tried {
  readonly ref: unknown;
  readonly env?: Record<string, string | undefined>;
  readonly ports?: FakePorts;
  readonly missingSecrets?: SecretSettings["missingSecrets"];
}

async function resolve({ ref, env = {}, ports = fakePorts(), missingSecrets = "fault" }: Tried) {
  const input = { clients: { web: { auth: { token: ref } } } };
  const settings = { env, folder: "/etc/gw", ports, missingSecrets };
  const resolved = await resolveSecrets(input, settings);
  const { token } = (resolved.input as typeof input).clients.web.auth;
  return {
    value: token instanceof Secret ? token.reveal() : undefined,
    faults: resolved.findings.map(
      ({ level, path, message }) => `${level} ${path.join(".")}: ${message}`,
    ),
  };
}

test("a secret is the environment variable, then the file that NAME_FILE names", async () => {
  const ports = fakePorts({ "/run/secrets/t": "from-file\r\n", "/etc/gw/near": "from-near\n\n" });
  const ref = secret("T");
  const both = { T: "from-env", T_FILE: "/run/secrets/t" };
  expect((await resolve({ ref, env: both, ports })).value).toBe("from-env");
  expect((await resolve({ ref, env: { T: "", T_FILE: "/run/secrets/t" }, ports })).value).toBe(
    "from-file",
  );
  // One line break is cut and no more: what is left is the secret as it was written.
  expect((await resolve({ ref, env: { T_FILE: "near" }, ports })).value).toBe("from-near\n");
});

test("a secret's file is relative to the config, and a command is run once", async () => {
  const ports = fakePorts({ "/etc/gw/s/t": "x" });
  expect((await resolve({ ref: secret({ file: "./s/t" }), ports })).value).toBe("x");
  const ref = secret({ command: ["vault", "read"] });
  const headers = { a: ref, b: ref };
  const { input } = await resolveSecrets(
    { upstreams: { u: { headers } } },
    { env: {}, folder: "/", ports, missingSecrets: "fault" },
  );
  expect(ports.commands).toEqual(["vault read"]);
  expect(input).toEqual({
    upstreams: {
      u: { headers: { a: new Secret("from-the-vault"), b: new Secret("from-the-vault") } },
    },
  });
});

test("a secret that is not there is a fault at start and a warning in check", async () => {
  const cases = [
    [secret("T"), 'The environment variable "T" is not set'],
    [secret({ file: "t" }), 'There is no file "t"'],
    [secret({ command: ["quiet"] }), 'The command "quiet" printed nothing'],
  ] as const;
  for (const [ref, message] of cases) {
    const started = await resolve({ ref });
    expect(started.faults).toEqual([`error clients.web.auth.token: ${message}`]);
    const checked = await resolve({ ref, missingSecrets: "warn" });
    expect(checked.faults).toEqual([`warning clients.web.auth.token: ${message}`]);
    // What stands in for it must not be a token that somebody could send.
    expect(checked.value).toMatch(/^random-token-/);
  }
});

test("a command that fails says nothing of what it printed", async () => {
  const { faults } = await resolve({ ref: secret({ command: ["fail", "hunter2"] }) });
  expect(faults).toEqual(['error clients.web.auth.token: The command "fail" failed']);
});

test("a created secret is made once and used ever after", async () => {
  const ports = fakePorts();
  const ref = secret({ file: "t", create: true });
  const first = await resolve({ ref, ports });
  expect(first).toEqual({ value: "random-token-0".padEnd(43, "x"), faults: [] });
  expect(ports.files.get("/etc/gw/t")).toBe(`${first.value}\n`);
  expect(await resolve({ ref, ports })).toEqual(first);
});

test("a created secret is the other's where two processes make it at once", async () => {
  const ports = fakePorts();
  let reads = 0;
  const racing: FakePorts = {
    ...ports,
    readText: () => Promise.resolve(reads++ === 0 ? undefined : "made-by-the-other\n"),
    writeNew: () => Promise.reject(new Error("EEXIST")),
  };
  const tried = await resolve({ ref: secret({ file: "t", create: true }), ports: racing });
  expect(tried).toEqual({ value: "made-by-the-other", faults: [] });
});

test("check creates no secret and does not miss it", async () => {
  const ports = fakePorts();
  const ref = secret({ file: "t", create: true });
  expect((await resolve({ ref, ports, missingSecrets: "warn" })).faults).toEqual([]);
  expect(ports.files.size).toBe(0);
});

test.each([
  { secret: "" },
  { secret: 4 },
  { secret: "A", more: 1 },
  { secret: { command: [] } },
  { secret: { command: "vault" } },
  { secret: { file: "x", command: ["y"] } },
  { secret: { file: "x", create: "yes" } },
])("%j is not a secret", async (ref) => {
  const tried = await resolve({ ref, env: { A: "value" } });
  expect(tried).toEqual({ value: undefined, faults: [] });
});

test("a condition may test an argument of the name secret", async () => {
  const input = { rules: [{ when: { args: { secret: "T" } } }] };
  const settings = { env: {}, folder: "/", ports: fakePorts(), missingSecrets: "fault" } as const;
  expect(await resolveSecrets(input, settings)).toEqual({ input, findings: [], files: [] });
});
