import { expect, test } from "vitest";
import { type ConfigInput, type Fault, parseConfig, secret } from "../../src/config/index.ts";
import { Secret } from "../../src/core/index.ts";
import { now, sha256 } from "./fake-ports.ts";

const context = { sha256, now };
const token = (letter: string): Secret => new Secret(letter.repeat(40));
const weather = { url: "http://127.0.0.1:9101/mcp" };
const good = {
  upstreams: { weather },
  clients: { web: { auth: { token: token("a") }, allow: { tools: ["weather/*"] } } },
} satisfies ConfigInput;

function faultsOf(input: unknown): readonly Fault[] {
  return parseConfig(input, context).faults;
}
function textOf(input: unknown): readonly string[] {
  return faultsOf(input).map(
    ({ level, path, message, suggestion }) =>
      `${level} ${path}: ${message}${suggestion === undefined ? "" : ` (${suggestion})`}`,
  );
}
function clientWith(extra: object): object {
  return { ...good, clients: { web: { ...good.clients.web, ...extra } } };
}
function ruleWith(extra: object): object {
  return { ...good, rules: [{ name: "r", on: "weather/*", then: "deny", ...extra }] };
}

test("parse fills in every default of the contract", () => {
  const { config, faults } = parseConfig(good, context);
  expect(faults).toEqual([]);
  expect(config).toMatchObject({
    listen: { host: "127.0.0.1", port: 8080, hosts: [] },
    trustedProxies: [],
    rules: [],
    audit: { file: "./audit.jsonl", arguments: true, results: false, onFull: "refuse" },
    admin: { host: "127.0.0.1", hosts: [], users: {} },
    drain: { graceMs: 0, deadlineMs: 10_000 },
    upstreams: { weather: { timeoutMs: 60_000, deadlineMs: 600_000, arguments: "enforce" } },
    clients: {
      web: {
        allow: { tools: ["weather/*"], resources: [], prompts: [], input: [] },
        rate: [{ burst: 100, perSecond: 10, per: "subject" }],
        maxRequestBytes: 4_194_304,
        maxResponseBytes: 10_485_760,
        maxConcurrent: 32,
        origins: [],
      },
    },
  });
});

test("parse makes a list of one rate, and keeps a list of several", () => {
  const rateOf = (rate: unknown) =>
    parseConfig(clientWith({ rate }), context).config?.clients["web"]?.rate;
  const one = { burst: 5, perSecond: 0.5, per: "address" };
  expect(rateOf(one)).toEqual([one]);
  expect(rateOf([one])).toEqual([one]);
  expect(rateOf([one, { per: "client" }])).toEqual([
    one,
    { burst: 100, perSecond: 10, per: "client" },
  ]);
});

test("parse gives an upstream no rate by default, and names what one lacks", () => {
  const upstreamWith = (rate: object) => ({
    ...good,
    upstreams: { weather: { ...weather, rate } },
  });
  expect(parseConfig(good, context).config?.upstreams["weather"]?.rate).toBeUndefined();
  const rate = { burst: 2, perSecond: 1 };
  expect(parseConfig(upstreamWith(rate), context).config?.upstreams["weather"]?.rate).toEqual({
    ...rate,
    per: "upstream",
  });
  expect(textOf(upstreamWith({ per: "subject" }))).toEqual([
    'error upstreams.weather.rate.burst: "burst" is missing',
    'error upstreams.weather.rate.perSecond: "perSecond" is missing',
    'error upstreams.weather.rate.per: Must be one of "upstream", "client"',
  ]);
});

test("parse turns admin off, and finds no operator under an inherited name", () => {
  expect(parseConfig({ ...good, admin: false }, context).config?.admin).toBe(false);
  const users = { ops: { auth: { token: token("o") }, can: ["read", "operate"], is: [] } };
  const { config, faults } = parseConfig({ ...good, admin: { port: 9, users } }, context);
  expect(faults).toEqual([]);
  expect(config?.admin).toEqual({ host: "127.0.0.1", port: 9, hosts: [], users });
  expect(config?.admin && config.admin.users["constructor"]).toBeUndefined();
});

test.each([
  [true, "error admin: Must be an object, is true"],
  [
    { users: { ops: { can: ["read"] } } },
    'error admin.users.ops.auth: "auth" is missing (make a token with `mcp-gw token create`)',
  ],
  [
    { users: { ops: { auth: "anonymous", can: ["read"] } } },
    "error admin.users.ops.auth: Must be an object, is a string",
  ],
  [
    { users: { ops: { auth: { token: token("o") } } } },
    'error admin.users.ops.can: "can" is missing (write can: ["read"])',
  ],
  [
    { users: { ops: { auth: { token: token("o") }, can: ["reed"] } } },
    'error admin.users.ops.can[0]: Must be one of "read", "approve", "operate" (did you mean "read"?)',
  ],
])("parse refuses an admin listener that is not one (%#)", (admin, text) => {
  expect(textOf({ ...good, admin })).toEqual([text]);
});

test("parse takes no time to drain for an order to wait for ever", () => {
  expect(parseConfig({ ...good, drain: { graceMs: 5_000 } }, context).config?.drain).toEqual({
    graceMs: 5_000,
    deadlineMs: 10_000,
  });
  expect(textOf({ ...good, drain: { graceMs: -1, deadlineMs: 0 } })).toEqual([
    "error drain.graceMs: Must be a whole number of milliseconds from 0 to 86400000, is -1",
    "error drain.deadlineMs: Must be a whole number of milliseconds from 1 to 86400000, is 0",
  ]);
});

test("parse finds nothing under an inherited name", () => {
  const { config } = parseConfig(good, context);
  expect(config?.clients["constructor"]).toBeUndefined();
  expect(config?.upstreams["toString"]).toBeUndefined();
});

test("parse reports every unknown key at once, inherited names too, and suggests", () => {
  expect(textOf({ ...good, listn: {}, cliens: {}, toString: 1 })).toEqual([
    'error listn: "listn" is not a key of the config (did you mean "listen"?)',
    'error cliens: "cliens" is not a key of the config (did you mean "clients"?)',
    'error toString: "toString" is not a key of the config',
  ]);
  expect(textOf(clientWith({ alow: {} }))).toEqual([
    'error clients.web.alow: "alow" is not a key of clients.web (did you mean "allow"?)',
  ]);
});

test.each(["constructor", "__proto__", "hasOwnProperty"])(
  "parse refuses the inherited name %s",
  (name) => {
    const clients = Object.fromEntries([[name, good.clients.web]]);
    expect(textOf({ ...good, clients })).toContain(
      `error clients.${name}: "${name}" cannot be used as a name`,
    );
  },
);

test.each(["constructor", "prototype", "__proto__"])(
  "parse drops no test of a condition by the name %s in silence",
  (name) => {
    const args = Object.fromEntries([
      ["a", 1],
      [name, 2],
    ]);
    for (const part of ["when", "unless"]) {
      expect(textOf(ruleWith({ [part]: { args } }))).toEqual([
        `error rules[0].${part}.args.${name}: "${name}" cannot be used as a name`,
      ]);
    }
    const pointer = parseConfig(ruleWith({ unless: { args: { [`/${name}`]: 2 } } }), context);
    expect(pointer.config?.rules[0]?.unless?.args).toEqual({ [`/${name}`]: 2 });
  },
);

test.each([
  [{ ...good, issuers: {} }, "issuers", '"issuers"'],
  [
    { ...clientWith({ roles: ["x"] }), roles: { x: { claims: {}, allow: { tools: ["*"] } } } },
    "roles.x.claims",
    '"claims"',
  ],
  [
    { ...good, admin: { users: { ops: { auth: { issuer: "corp" }, can: ["read"] } } } },
    "admin.users.ops.auth.issuer",
    '"issuer"',
  ],
  [{ ...good, metrics: {} }, "metrics", '"metrics"'],
  [{ ...good, egress: {} }, "egress", '"egress"'],
  [{ ...good, sanitize: { pii: {} } }, "sanitize.pii", '"pii"'],
  [{ ...good, audit: { signKey: "x" } }, "audit.signKey", '"signKey"'],
  [{ ...good, audit: { file: { path: "x" } } }, "audit.file", "An object"],
  [clientWith({ auth: { issuer: "corp" } }), "clients.web.auth.issuer", '"issuer"'],
  [
    ruleWith({ then: undefined, sanitize: { pii: {}, secrets: "mask" } }),
    "rules[0].sanitize.pii",
    '"pii"',
  ],
  [ruleWith({ when: { claims: {}, args: { a: 1 } } }), "rules[0].when.claims", '"claims"'],
])("parse refuses what a later version brings (%#)", (input, path, what) => {
  expect(faultsOf(input)).toEqual([
    { level: "error", path, message: `${what} is not available in this version` },
  ]);
});

test.each(["openapi", "baseUrl"])("parse says only that the upstream's %s is to come", (key) => {
  expect(textOf({ ...good, upstreams: { weather, files: { [key]: "x" } } })).toEqual([
    `error upstreams.files.${key}: "${key}" is not available in this version`,
  ]);
});

test.each([
  [clientWith({ rate: { burst: 0 } }), "Must be a whole number of at least 1, is 0"],
  [clientWith({ rate: { burst: "9" } }), "Must be a number, is a string"],
  [clientWith({ rate: [] }), "Must not be empty"],
  [clientWith({ rate: [{}, {}, {}, {}, {}] }), "Must be at most 4"],
  [clientWith({ rate: 9 }), "Must be an object, is a number"],
  [
    clientWith({ maxRequestBytes: 1e12 }),
    "Must be a whole number of bytes from 1 to 1073741824, is 1000000000000",
  ],
  [
    clientWith({ rate: { per: "clent" } }),
    'Must be one of "subject", "client", "address" (did you mean "client"?)',
  ],
  [clientWith({ auth: undefined }), '"auth" is missing (make a token with `mcp-gw token create`)'],
  [clientWith({ auth: {} }), '"token" is missing (write "token" or "tokenSha256")'],
  [
    clientWith({ auth: "in the clear" }),
    'Must be { token: secret("NAME") }, { tokenSha256: "…" }, a list of these, "anonymous" or "stdio"',
  ],
  [
    { ...good, upstreams: { weather, files: {} } },
    '"url" is missing (an upstream has "url", "command" or "package")',
  ],
  [clientWith({ auth: [] }), "Must not be empty"],
  [clientWith({ auth: { token: "in the clear" } }), 'Must be a secret such as secret("NAME")'],
  [clientWith({ auth: { tokenSha256: "AB" } }), "Must be 64 lower-case hex digits"],
  [
    clientWith({ origins: ["https://a.example/x"] }),
    "Must be an origin such as https://app.example.com, without a path or a slash at its end",
  ],
  [clientWith({ allow: [] }), "Must be an object, is a list"],
  [
    clientWith({ allow: { tools: ["weather"] } }),
    'Must be "upstream/name", where "*" stands for any run of characters, or "*" alone',
  ],
  [
    clientWith({ allow: { input: [7] } }),
    'Must be a kind of input such as "sampling", or "upstream/kind", is 7',
  ],
  [ruleWith({ then: "allow" }), 'Must be one of "deny", "ask"'],
  [ruleWith({ clients: [] }), "Must not be empty"],
  [ruleWith({ when: {} }), "Must name at least one test"],
  [ruleWith({ unless: { args: {}, annotations: {} } }), "Must name at least one test"],
  [ruleWith({ when: { args: { "/a~2": 1 } } }), "Must be a JSON Pointer"],
  [
    ruleWith({ when: { args: { a: {} } } }),
    "Must be a value, a list of values, { glob }, { matches }, { min, max } or { maxLength }",
  ],
  [
    { ...good, listen: { host: secret("X") } },
    "Must be a string, is a secret, which cannot stand here",
  ],
  [{ ...good, trustedProxies: ["10.0.0.0/33"] }, "Must be an address or a range like 10.0.0.0/8"],
  [
    { ...good, upstreams: { weather: { url: "ftp://x/" } } },
    'Must be a URL that begins with "http://" or "https://"',
  ],
  [{ ...good, upstreams: { weather, a__b: weather } }, 'Must not hold "__"'],
  [{ ...good, upstreams: { weather, a_: weather } }, 'Must not end in "_"'],
])("parse says what a value must be (%#)", (input, message) => {
  expect(textOf(input).map((text) => text.replace(/^.*?: /, ""))).toEqual([message]);
});

test("parse starts one process per client, unless told otherwise", () => {
  const isolationOf = (extra: object) => {
    const files = { command: "files", ...extra };
    const { config } = parseConfig({ ...good, upstreams: { weather, files } }, context);
    const upstream = config?.upstreams["files"];
    return upstream !== undefined && "isolate" in upstream ? upstream.isolate : undefined;
  };
  expect(isolationOf({})).toBe("client");
  expect(isolationOf({ isolate: "subject" })).toBe("subject");
  expect(isolationOf({ isolate: "shared" })).toBe("shared");
  expect(isolationOf({ isolate: "nobody" })).toBeUndefined();
});

test("parse says why isolate is not for an HTTP server", () => {
  expect(textOf({ ...good, upstreams: { weather: { ...weather, isolate: "client" } } })).toEqual([
    'error upstreams.weather.isolate: "isolate" is not a key of upstreams.weather (it parts the callers of a process; an HTTP server parts them by itself)',
  ]);
});

test.each([
  ["url", { url: "http://a.example", command: "b" }],
  ["url", { url: "http://a.example", package: "b@1.0.0" }],
  ["package", { command: "a", package: "b@1.0.0" }],
])("parse says that an upstream has one of three forms, and %s is too much", (key, files) => {
  expect(textOf({ ...good, upstreams: { weather, files } })).toContain(
    `error upstreams.files.${key}: "${key}" is not a key of upstreams.files (an upstream has one of "url", "command" and "package")`,
  );
});

test("parse never repeats a string that may be a secret in the wrong place", () => {
  const wrong = "hunter2-hunter2-hunter2";
  const inputs = [
    clientWith({ auth: wrong }),
    clientWith({ auth: { token: wrong } }),
    clientWith({ rate: wrong, maxConcurrent: wrong }),
    { ...good, listen: wrong, sanitize: { secrets: wrong } },
  ];
  for (const input of inputs) {
    const faults = faultsOf(input);
    expect(faults).not.toEqual([]);
    expect(JSON.stringify(faults)).not.toContain(wrong);
  }
});

test("parse checks what depends on all parts even where one part is wrong", () => {
  const input = {
    listen: { port: "80", host: "0.0.0.0" },
    upstreams: { weather, broken: { url: 4 } },
    clients: {
      web: { auth: { token: "plain" }, allow: { tools: ["wether/*", "broken/*"] } },
      local: { auth: "anonymous", allow: { tools: ["*"] }, rate: 4 },
    },
    rules: [
      { name: "r", on: "weather/*" },
      { name: "r", on: "nowhere/*", then: "deny", clients: ["wep"] },
    ],
  };
  expect(textOf(input).filter((text) => text.startsWith("error"))).toEqual([
    "error listen.port: Must be a number, is a string",
    "error upstreams.broken.url: Must be a string, is a number",
    'error clients.web.auth.token: Must be a secret such as secret("NAME")',
    "error clients.local.rate: Must be an object, is a number",
    'error clients.local.auth: An anonymous client exists only on loopback, and listen.host is "0.0.0.0" (give it a token)',
    'error clients.web.allow.tools[0]: "wether/*" names the unknown upstream "wether" (did you mean "weather"?)',
    'error rules[1].on: "nowhere/*" names the unknown upstream "nowhere"',
    'error rules[1].name: Two rules are named "r"',
    'error rules[1].clients[0]: The rule "r" names the unknown client "wep" (did you mean "web"?)',
    'error rules[0]: The rule "r" does nothing (give it "then", "set", "defaults", "rate", "sanitize" or "timeoutMs")',
  ]);
});

test.each([undefined, null, 4, "x", [], new Map()])("parse survives %s", (input) => {
  const { config, faults } = parseConfig(input, context);
  if (!(input instanceof Map)) expect(config).toBeUndefined();
  expect(faults.length).toBeGreaterThan(0);
});
