import { mkdtemp, rm } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { findRunning, leadsHere, writeRunFile } from "../../src/cli/run-file.ts";
import { type LoadedConfig, parseConfig } from "../../src/config/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { auditLockOf } from "../../src/instance.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

test.each<readonly [url: string, own: string | undefined, isHere: boolean]>([
  ["http://127.0.0.1:1", undefined, true],
  ["http://127.9.9.9:1/x", undefined, true],
  ["http://[::1]:1", undefined, true],
  ["https://localhost:1", undefined, true],
  ["http://0.0.0.0:1", undefined, true],
  ["http://[::]:1", undefined, true],
  ["http://10.0.0.5:1", "10.0.0.5", true],
  ["http://gw.internal:1", "GW.internal", true],
  ["http://10.0.0.5:1", "127.0.0.1", false],
  ["http://127.0.0.1.evil.test:1", undefined, false],
  ["http://127.0.0.1@evil.test:1", undefined, false],
  ["http://localhost.evil.test:1", undefined, false],
  ["http://[::ffff:a00:5]:1", undefined, false],
])("%s leads to a gateway on %s of this machine: %s", (url, own, isHere) => {
  expect(leadsHere(url, own)).toBe(isHere);
});

const outside = Object.values(networkInterfaces())
  .flat()
  .find((each) => each !== undefined && !each.internal && each.family === "IPv4")?.address;

test.runIf(outside !== undefined)(
  "A run file that names another place is not asked, unless the config listens there",
  async () => {
    const runtime = await openRuntime();
    const folder = await mkdtemp(join(tmpdir(), "mcp-gw-"));
    ends.push(() => rm(folder, { recursive: true, force: true }));
    let asked = 0;
    const server: Server = createServer((_, response) => {
      asked++;
      response.end("ok");
    });
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    ends.push(() => server.close());
    const url = `http://${outside}:${(server.address() as AddressInfo).port}`;
    const loadedOn = (host: string): LoadedConfig => {
      const parsed = parseConfig({ listen: { host } }, { ...runtime.crypto, now: Date.now() });
      if (parsed.config === undefined) throw new Error(JSON.stringify(parsed.faults));
      const watched = { secrets: [], sources: [] };
      const file = join(folder, "gateway.config.json");
      return { config: parsed.config, folder, file, digest: "d", faults: [], watched };
    };
    const loaded = loadedOn("127.0.0.1");
    const lock = await runtime.lock(auditLockOf(loaded));
    ends.push(lock.release);
    const { file: config } = loaded;
    await writeRunFile(
      loaded,
      { pid: runtime.pid, url, config, digest: "d", clients: {} },
      runtime,
    );
    expect(await findRunning(loaded, runtime)).toBeUndefined();
    expect(asked).toBe(0);
    expect((await findRunning(loadedOn(outside ?? ""), runtime))?.url).toBe(url);
    expect(asked).toBe(1);
  },
);
