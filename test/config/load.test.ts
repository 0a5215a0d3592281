import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LoadOptions, loadConfig } from "../../src/config/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { now, sha256 } from "./fake-ports.ts";

const { config: ports } = await openRuntime();
const token = "t".repeat(43);
const body = `{
  upstreams: { weather: { url: "http://127.0.0.1:9101/mcp" } },
  clients: {
    web: { auth: { token: secret("WEB_TOKEN") }, allow: { tools: ["weather/*"] } },
  },
}`;
const goodTs = `import { defineConfig, secret, type ConfigInput } from "mcp-gw";
const config = ${body} satisfies ConfigInput;
export default defineConfig(config);
`;
const goodJs = `import { defineConfig, secret } from "mcp-gw";\nexport default defineConfig(${body});\n`;
const goodJson = `{
  "upstreams": { "weather": { "url": "http://127.0.0.1:9101/mcp" } },
  "clients": {
    "web": { "auth": { "token": { "secret": "WEB_TOKEN" } }, "allow": { "tools": ["weather/*"] } }
  }
}`;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcp-gw-config-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function write(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return join(folder, name);
}
function load(file: string, extra: Partial<LoadOptions> = {}) {
  const env = { WEB_TOKEN: token };
  return loadConfig({ file, env, ports, now, missingSecrets: "fault", ...extra });
}
async function faultsOf(name: string, text: string, extra: Partial<LoadOptions> = {}) {
  const { faults } = await load(await write(name, text), extra);
  return faults.map(({ file, line, level, path, message }) => {
    const where = `${file?.slice(folder.length + 1)}:${line ?? "-"}`;
    return `${where} ${level} ${path}: ${message}`;
  });
}

test("one config is the same as TypeScript, JavaScript, a module and JSON", async () => {
  const digests = new Set<string | undefined>();
  const files = { "a.ts": goodTs, "a.js": goodJs, "a.mjs": goodJs, "a.json": goodJson };
  for (const [name, text] of Object.entries(files)) {
    const loaded = await load(await write(name, text));
    expect(loaded.faults).toEqual([]);
    const auth = loaded.config?.clients["web"]?.auth;
    expect(typeof auth === "object" && "token" in auth && auth.token.reveal()).toBe(token);
    expect(loaded).toMatchObject({ file: join(folder, name), folder });
    digests.add(loaded.config && loaded.digest);
  }
  expect([...digests]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
});

test("loading writes nothing beside the config", async () => {
  await load(await write("a.ts", goodTs));
  expect(await readdir(folder)).toEqual(["a.ts"]);
});

test("a reload sees the changed file and the changed part that it imports", async () => {
  const file = await write(
    "a.ts",
    'import { defineConfig } from "mcp-gw";\nimport { port } from "./part.ts";\nexport default defineConfig({ listen: { port } });',
  );
  const portOf = async () => (await load(file)).config?.listen.port;
  await write("part.ts", "export const port: number = 1;");
  expect(await portOf()).toBe(1);
  await write("part.ts", "export const port: number = 2;");
  expect(await portOf()).toBe(2);
  await write("a.ts", "export default { listen: { port: 3 } };");
  expect(await portOf()).toBe(3);
});

test("the digest tells configs apart and not secrets", async () => {
  const file = await write("a.ts", goodTs);
  const digest = async (env: Record<string, string>) => {
    const loaded = await load(file, { env });
    return loaded.config && loaded.digest;
  };
  const first = await digest({ WEB_TOKEN: "a".repeat(40) });
  expect(await digest({ WEB_TOKEN: "b".repeat(40) })).toBe(first);
  await write("a.ts", goodTs.replace("weather/*", "weather/get"));
  expect(await digest({ WEB_TOKEN: "a".repeat(40) })).not.toBe(first);
});

describe(".env", () => {
  test("beside the config fills in what the environment does not have", async () => {
    const file = await write("a.ts", goodTs);
    await write(".env", `WEB_TOKEN=${"d".repeat(40)}\n`);
    const tokenOf = async (env: Record<string, string | undefined>) => {
      const auth = (await load(file, { env })).config?.clients["web"]?.auth;
      return typeof auth === "object" && "token" in auth ? auth.token.reveal() : undefined;
    };
    expect(await tokenOf({})).toBe("d".repeat(40));
    expect(await tokenOf({ WEB_TOKEN: undefined })).toBe("d".repeat(40));
    expect(await tokenOf({ WEB_TOKEN: token })).toBe(token);
  });

  test("of another name is read instead, and missed", async () => {
    const file = await write("a.ts", goodTs);
    const envFile = await write("prod.env", `WEB_TOKEN=${"p".repeat(40)}`);
    expect((await load(file, { env: {}, envFile })).faults).toEqual([]);
    const missing = await load(file, { envFile: join(folder, "none.env") });
    expect(missing.faults).toMatchObject([{ message: "There is no such file" }]);
  });

  test("that is malformed is a fault with its line", async () => {
    await write(".env", "A=1\n\nhunter2\n");
    expect(await faultsOf("a.ts", goodTs)).toEqual([".env:3 error : Must be NAME=value"]);
  });
});

test("faults of TypeScript and of JSON have their lines", async () => {
  const wrong = { from: /"?allow"?: /, to: '"alow": ' };
  const message = '"alow" is not a key of clients.web';
  const texts = [
    ["a.ts", goodTs, 5],
    ["a.js", goodJs, 5],
    ["a.json", goodJson, 4],
  ] as const;
  for (const [name, text, line] of texts) {
    expect(await faultsOf(name, text.replace(wrong.from, wrong.to))).toEqual(
      [
        `${name}:${line} warning clients.web: "web" may do nothing: its "allow" is empty`,
        `${name}:${line} error clients.web.alow: ${message}`,
      ].toSorted((a) => (a.includes("error") ? -1 : 1)),
    );
  }
});

test("a secret that is not set refuses the start and warns in check", async () => {
  const text = 'The environment variable "WEB_TOKEN" is not set';
  expect(await faultsOf("a.ts", goodTs, { env: {} })).toEqual([
    `a.ts:5 error clients.web.auth.token: ${text}`,
  ]);
  const checked = await load(join(folder, "a.ts"), { env: {}, missingSecrets: "warn" });
  expect(checked.config).toBeDefined();
  expect(checked.faults).toMatchObject([{ level: "warning", message: text, line: 5 }]);
});

test("a created secret has mode 0600", async () => {
  const text = goodTs.replace('secret("WEB_TOKEN")', 'secret({ file: "web.token", create: true })');
  expect(await faultsOf("a.ts", text)).toEqual([]);
  const { mode, size } = await stat(join(folder, "web.token"));
  expect((mode & 0o777).toString(8)).toBe("600");
  expect(size).toBeGreaterThanOrEqual(44);
});

test("TLS files are relative to the config and missed before the start", async () => {
  const text = 'export default { listen: { tls: { cert: "c.pem", key: "k.pem" } } };';
  await write("c.pem", "x");
  expect((await faultsOf("a.ts", text)).filter((fault) => fault.includes("error"))).toEqual([
    'a.ts:1 error listen.tls.key: Cannot read the file "k.pem"',
  ]);
});

describe("a file that cannot be loaded", () => {
  test.each([
    ["a.ts", "\nexport default { a: 1,, };", "a.ts:2 error : Cannot be read: Unexpected token"],
    [
      "a.json",
      '{\n  "listen": {},\n  "listen": {}\n}',
      "a.json:3 error : Is refused: duplicate-key",
    ],
    ["a.json", '{\n  "listen": {},\n}', "a.json:3 error : Is not valid JSON"],
    ["a.ts", "export const config = {};", "a.ts:- error : Has no default export"],
    [
      "a.ts",
      'import x from "./none.ts";\nexport default x;',
      'a.ts:1 error : Imports "./none.ts", which is not found',
    ],
    [
      "a.ts",
      'import x from "no-such-package";\nexport default x;',
      'a.ts:1 error : Imports "no-such-package", which is not found',
    ],
    [
      "a.ts",
      "\n\nexport default { listen: nothing };",
      "a.ts:3 error : Threw while it was loaded: nothing is not defined",
    ],
    [
      "a.ts",
      "export default () => {\n  throw new Error('set REGION');\n};",
      "a.ts:2 error : Threw while it was loaded: set REGION",
    ],
    ["a.ts", "export default Promise.reject(4);", "a.ts:- error : Threw while it was loaded"],
    [
      "a.yaml",
      "a: 1",
      "a.yaml:- error : The name of a config must end in one of .ts, .js, .mjs, .json",
    ],
  ])("%s, %j", async (name, text, fault) => {
    expect(await faultsOf(name, text)).toEqual([fault]);
  });

  test("names the part that has the fault", async () => {
    await write("part.ts", "\n\nexport const a = {{;");
    const text = 'import { a } from "./part.ts";\nexport default a;';
    expect(await faultsOf("a.ts", text)).toEqual([
      "part.ts:3 error : Cannot be read: Unexpected token",
    ]);
  });

  test("is named where it is not there", async () => {
    const { faults } = await load(join(folder, "none.ts"));
    expect(faults).toMatchObject([
      { message: "There is no such file", file: join(folder, "none.ts") },
    ]);
  });

  test("is named where it is a folder", async () => {
    const { faults } = await load(folder);
    expect(faults).toMatchObject([{ message: "Cannot be read: it is a folder", file: folder }]);
  });

  test("quotes neither the environment nor what it parsed", async () => {
    const env = { WEB_TOKEN: token, KEY: '{"hunter2hunter2' };
    const throws = (code: string) => `export default ({ env }) => { ${code} };`;
    const thrown = await faultsOf("a.ts", throws("throw new Error(`bad ${env.KEY}`);"), { env });
    expect(thrown).toEqual(["a.ts:1 error : Threw while it was loaded: bad [secret]"]);
    const parsed = await faultsOf("a.ts", throws("JSON.parse(env.KEY);"), { env });
    expect(parsed).toEqual(["a.ts:1 error : Reads a text that is not valid (SyntaxError)"]);
  });
});

test("a secret's value is in no fault", async () => {
  const short = "hunter2";
  const text = goodTs.replace("WEB_TOKEN", "SHORT");
  const { faults } = await load(await write("a.ts", text), { env: { SHORT: short } });
  expect(faults).toMatchObject([{ message: "Must be at least 32 characters, is 7", line: 5 }]);
  expect(JSON.stringify(faults)).not.toContain(short);
  expect(JSON.stringify(faults)).not.toContain(sha256(short));
});
