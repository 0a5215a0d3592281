import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
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

test.each([
  ["mjs", "mjs", (n: number) => `export const port = ${n};`],
  ["js", "mjs", (n: number) => `await 0;\nexport const port = ${n};`],
  ["ts", "js", (n: number) => `export const port = ${n};`],
  ["ts", "cjs", (n: number) => `exports.port = ${n};`],
  ["ts", "js", (n: number) => `exports.port = ${n};`],
  ["ts", "json", (n: number) => `{ "port": ${n} }`],
] as const)(
  "a reload sees what changed in a config as .%s and its part as .%s",
  async (main, part, textOf) => {
    const importing = (n: number) =>
      `import * as part from "./part.${part}";
     export default { listen: { port: (part.port ?? part.default.port) + ${n} } };`;
    const portOf = async (n: number) => {
      await write(`part.${part}`, textOf(n));
      return (await load(await write(`a.${main}`, importing(10 * n)))).config?.listen.port;
    };
    expect(await portOf(1)).toBe(11);
    expect(await portOf(2)).toBe(22);
  },
);

test("a reload sees what changed behind a symbolic link", async () => {
  await mkdir(join(folder, "real"));
  await symlink(join(folder, "real"), join(folder, "link"));
  const file = join(folder, "link", "a.ts");
  await write("real/a.ts", 'export { default } from "./part.mjs";');
  const portOf = async () => (await load(file)).config?.listen.port;
  await write("real/part.mjs", "export default { listen: { port: 1 } };");
  expect(await portOf()).toBe(1);
  await write("real/part.mjs", "export default { listen: { port: 2 } };");
  expect(await portOf()).toBe(2);
});

test("an import in a comment is not run", async () => {
  await write("old.mjs", "throw new Error('run');");
  await write("a.ts", '// import "./old.mjs";\nexport default {};');
  expect((await load(join(folder, "a.ts"))).config).toBeDefined();
});

describe("secrets are read", () => {
  const secrets = `import { defineConfig, secret } from "mcp-gw";
export default defineConfig({
  keys: [secret("GW_KEY"), secret("OLD_KEY")],
  store: { redis: secret("REDIS_URL") },
  upstreams: {
    a: { url: "http://127.0.0.1/mcp", headers: { authorization: secret("UP") } },
    b: { command: "b", env: { KEY: secret("UP") } },
  },
  clients: { web: { auth: [{ token: secret("WEB") }], allow: { tools: ["*"] } } },
  admin: {
    users: {
      ops: { auth: { token: secret("OPS") }, can: ["operate"] },
      team: { auth: [{ token: secret("TEAM") }], can: ["read"] },
    },
  },
});`;
  const names = ["GW_KEY", "OLD_KEY", "REDIS_URL", "UP", "WEB", "OPS", "TEAM"];
  const env: Record<string, string> = {
    ...Object.fromEntries(names.map((name) => [name, name.padEnd(40, "x")])),
    REDIS_URL: "redis://127.0.0.1",
  };

  test("in every place that may hold one", async () => {
    const loaded = await load(await write("a.ts", secrets), { env });
    expect(loaded.faults.filter(({ level }) => level === "error")).toEqual([]);
    const { keys, store, admin } = loaded.config ?? {};
    expect(keys?.map((key) => key.reveal())).toEqual([env["GW_KEY"], env["OLD_KEY"]]);
    const url = typeof store === "object" ? store.redis : undefined;
    expect(typeof url === "object" && url.reveal()).toBe(env["REDIS_URL"]);
    const auths = Object.values((admin && admin.users) || {}).flatMap(({ auth }) => auth);
    const tokens = auths.map((auth) => "token" in auth && auth.token.reveal());
    expect(tokens).toEqual([env["OPS"], env["TEAM"]]);
  });

  test("and each of them is missed", async () => {
    const { faults } = await load(await write("a.ts", secrets), { env: {} });
    const missed = faults.flatMap(({ path, message }) =>
      message.endsWith("is not set") ? [path] : [],
    );
    expect(missed.toSorted()).toEqual(
      [
        "keys[0]",
        "keys[1]",
        "store.redis",
        "upstreams.a.headers.authorization",
        "upstreams.b.env.KEY",
        "clients.web.auth[0].token",
        "admin.users.ops.auth.token",
        "admin.users.team.auth[0].token",
      ].toSorted(),
    );
  });
});

describe("what is watched", () => {
  const short = (paths: readonly string[]) => paths.map((path) => path.slice(folder.length + 1));

  test("are the config, its .env and what it imports, near and far", async () => {
    await mkdir(join(folder, "teams"));
    await mkdir(join(folder, "node_modules"));
    await write("node_modules/p.mjs", "export {};");
    await write("teams/a.ts", 'export { b } from "./b";');
    await write("teams/b.js", 'import "../config.ts";\nexport const b = require("../c.json").b;');
    await write("c.json", '{ "b": 1 }');
    const file = await write(
      "config.ts",
      `import "./node_modules/p.mjs";
      import { b } from "./teams/a.ts";
      export default { listen: { port: b } };`,
    );
    const loaded = await load(file);
    expect(loaded.config?.listen.port).toBe(1);
    expect(short(loaded.watched.sources)).toEqual([
      "config.ts",
      ".env",
      "teams/a.ts",
      "teams/b.js",
      "c.json",
    ]);
    expect(loaded.watched.secrets).toEqual([]);
  });

  test("are the files of secrets and of TLS, absolute and once each", async () => {
    await write("token", token);
    await write("c.pem", "x");
    await write("k.pem", "x");
    const file = await write(
      "a.ts",
      `import { secret } from "mcp-gw";
      const token = secret("TOKEN");
      const headers = { a: secret({ file: "./token" }), b: secret("PLAIN"), c: token };
      export default {
        listen: { tls: { cert: "c.pem", key: "k.pem" } },
        upstreams: { u: { url: "http://127.0.0.1/", headers } },
        clients: { web: { auth: { token } } },
      };`,
    );
    const env = { TOKEN_FILE: join(folder, "token"), PLAIN: "p", PLAIN_FILE: "other" };
    const envFile = join(folder, "prod.env");
    await write("prod.env", "");
    const loaded = await load(file, { env, envFile });
    expect(loaded.faults.filter(({ level }) => level === "error")).toEqual([]);
    expect(short(loaded.watched.secrets)).toEqual(["token", "c.pem", "k.pem"]);
    expect(short(loaded.watched.sources)).toEqual(["a.ts", "prod.env"]);
  });

  test("is told of a config that is refused, since that may mend it", async () => {
    const watchedOf = async (text: string) => {
      const { config, watched } = await load(await write("a.ts", text));
      expect(config).toBeUndefined();
      return [...watched.sources, ...watched.secrets].map((path) => path.slice(folder.length + 1));
    };
    expect(await watchedOf('import "./none.ts";')).toEqual(["a.ts", ".env", "none.ts"]);
    await write("part.ts", "const a = {{;");
    expect(await watchedOf('import "./part";')).toEqual(["a.ts", ".env", "part.ts"]);
    expect(
      await watchedOf(
        'export default { clients: { a: { auth: { token: { secret: { file: "t" } } } } } };',
      ),
    ).toEqual(["a.ts", ".env", "t"]);
    const missing = await load(join(folder, "none.ts"));
    expect(missing.watched.sources).toEqual([join(folder, "none.ts"), join(folder, ".env")]);
  });
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
    // As one in 64 keys in base64 begins; the folder of the config is known anyway.
    const paths = { KEY: "/hunter2hunter2", HOME: folder };
    const both = await faultsOf(
      "a.ts",
      throws("throw new Error(`bad ${env.KEY} in ${env.HOME}`);"),
      { env: paths },
    );
    expect(both).toEqual([`a.ts:1 error : Threw while it was loaded: bad [secret] in ${folder}`]);
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
