import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/index.ts";
import { Secret } from "../../src/core/index.ts";
import { now, sha256 } from "./fake-ports.ts";

const token = (letter: string): Secret => new Secret(letter.repeat(40));
const weather = { url: "http://127.0.0.1:9101/mcp" };
const allow = { tools: ["weather/*"] };
const web = { auth: { token: token("a") }, allow };

function textOf(input: object): readonly string[] {
  const { config, faults } = parseConfig({ upstreams: { weather }, ...input }, { sha256, now });
  const isRefused = faults.some((fault) => fault.level === "error");
  expect(config === undefined).toBe(isRefused);
  return faults.map(({ level, path, message }) => `${level} ${path}: ${message}`);
}

describe("tokens", () => {
  test("one token of two clients is a fault, plain against plain and plain against hash", () => {
    const same = { auth: { token: token("a") }, allow };
    const hashed = { auth: { tokenSha256: sha256("a".repeat(40)) }, allow };
    expect(textOf({ clients: { web, same } })).toEqual([
      'error clients.same.auth.token: "same" and "web" have the same token',
    ]);
    expect(textOf({ clients: { web, other: { ...hashed, auth: [hashed.auth] } } })).toEqual([
      'error clients.other.auth[0].tokenSha256: "other" and "web" have the same token',
    ]);
  });

  test("one client may list several tokens, and hears of one listed twice", () => {
    const both = { auth: [{ token: token("a") }, { token: token("b") }], allow };
    expect(textOf({ clients: { both } })).toEqual([]);
    const twice = { auth: [{ token: token("a") }, { token: token("a") }], allow };
    expect(textOf({ clients: { twice } })).toEqual([
      'warning clients.twice.auth[1].token: "twice" lists one token twice',
    ]);
  });

  test("a plain token of 31 characters is refused, one of 32 is not", () => {
    const of = (length: number) => ({
      clients: { web: { auth: { token: new Secret("k".repeat(length)) }, allow } },
    });
    expect(textOf(of(31))).toEqual([
      "error clients.web.auth.token: Must be at least 32 characters, is 31",
    ]);
    expect(textOf(of(32))).toEqual([]);
  });

  test("a token that no bearer header can carry is refused", () => {
    const spaced = { auth: { token: new Secret(`${"a".repeat(32)} b`) }, allow };
    expect(textOf({ clients: { spaced } })).toEqual([
      "error clients.spaced.auth.token: Holds characters that no bearer token can carry",
    ]);
  });

  test("a token counts to the end of its last day, then is a warning", () => {
    const until = (day: string) => ({
      clients: { web: { ...web, auth: { ...web.auth, until: day } } },
    });
    expect(textOf(until("2026-06-01"))).toEqual([]);
    expect(textOf(until("2026-05-31"))).toEqual([
      "warning clients.web.auth.until: The token expired after 2026-05-31",
    ]);
  });
});

describe("exposure", () => {
  const local = { auth: "anonymous", allow };

  test.each(["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])(
    "an anonymous client may exist on %s",
    (host) => {
      expect(textOf({ listen: { host }, clients: { local } })).toEqual([]);
    },
  );

  test.each([
    [{ listen: { host: "0.0.0.0" } }, 'listen.host is "0.0.0.0"'],
    [{ listen: { host: "::" } }, 'listen.host is "::"'],
    [{ listen: { host: "127.0.0.1.example.com" } }, 'listen.host is "127.0.0.1.example.com"'],
    [{ listen: { host: "localhost.example.com" } }, 'listen.host is "localhost.example.com"'],
    [{ publicUrl: "https://mcp.example.com" }, "publicUrl is set"],
    [{ trustedProxies: ["127.0.0.1"] }, "trustedProxies is set"],
  ])("an anonymous client that others could reach is refused (%#)", (extra, why) => {
    expect(textOf({ ...extra, clients: { local } })).toContain(
      `error clients.local.auth: An anonymous client exists only on loopback, and ${why}`,
    );
  });

  test("two anonymous clients are refused", () => {
    expect(textOf({ clients: { local, again: local } })).toEqual([
      'error clients.again.auth: "again" and "local" are both anonymous',
    ]);
  });

  test("a foreign Host beside an anonymous client is a warning", () => {
    const warn = (hosts: string[]) => textOf({ listen: { hosts }, clients: { local } });
    expect(warn(["mcp.example.com:8080"])).toHaveLength(1);
    expect(warn(["localhost:8080", "127.0.0.1:8080", "[::1]:8080"])).toEqual([]);
  });

  test("listening for others unencrypted is a warning, which TLS or publicUrl lift", () => {
    const listen = { host: "0.0.0.0" };
    expect(textOf({ listen, clients: { web } })).toHaveLength(1);
    const tls = { cert: "a.pem", key: "b.pem" };
    expect(textOf({ listen: { ...listen, tls }, clients: { web } })).toEqual([]);
    expect(textOf({ listen, publicUrl: "https://x.example", clients: { web } })).toEqual([]);
  });

  test("a client that may do nothing, and no client at all, are warnings", () => {
    expect(textOf({ clients: { idle: { auth: { token: token("a") } } } })).toEqual([
      'warning clients.idle: "idle" may do nothing: its "allow" is empty',
    ]);
    expect(textOf({})).toEqual(["warning clients: No client is named: every call is refused"]);
  });
});

describe("upstreams", () => {
  test("two upstreams under one prefix are refused, by name and by expose.prefix", () => {
    const prefixed = { ...weather, expose: { prefix: "weather" } };
    expect(textOf({ upstreams: { weather, other: prefixed }, clients: { web } })).toEqual([
      'error upstreams.other.expose.prefix: "other" and "weather" show their names under one prefix, "weather"',
    ]);
    const bare = { ...weather, expose: { prefix: "" } };
    expect(textOf({ upstreams: { weather: bare, other: weather }, clients: { web } })).toEqual([]);
    expect(textOf({ upstreams: { weather: bare, other: bare }, clients: { web } })).toHaveLength(1);
  });

  test("credentials in a URL are refused and not repeated", () => {
    const text = textOf({
      upstreams: { weather: { url: "https://me:hunter2@x.example/mcp" } },
      clients: { web },
    });
    expect(text).toEqual(["error upstreams.weather.url: Must not hold a user name or a password"]);
  });

  test.each(["Content-Length", "transfer-encoding", "MCP-Protocol-Version", "Mcp-Name"])(
    "the gateway's own header %s cannot be set",
    (header) => {
      const upstreams = { weather: { ...weather, headers: { [header]: "1" } } };
      expect(textOf({ upstreams, clients: { web } })).toEqual([
        `error upstreams.weather.headers.${header}: "${header}" is set by the gateway itself`,
      ]);
    },
  );

  test("a header value with a line break is refused, in a secret too", () => {
    const upstreams = {
      weather: { ...weather, headers: { a: "x\r\ny: z", b: new Secret("1\n2") } },
    };
    expect(textOf({ upstreams, clients: { web } })).toEqual([
      "error upstreams.weather.headers.a: Holds characters that no header can carry",
      "error upstreams.weather.headers.b: Holds characters that no header can carry",
    ]);
  });

  test("a secret that leaves the machine over http is a warning", () => {
    const headers = { authorization: new Secret("Bearer x") };
    const at = (url: string) =>
      textOf({ upstreams: { weather: { url, headers } }, clients: { web } });
    expect(at("http://crm.example.com/mcp")).toHaveLength(1);
    expect(at("http://127.0.0.1/mcp")).toEqual([]);
    expect(at("https://crm.example.com/mcp")).toEqual([]);
  });

  test("a process without containment is a warning", () => {
    expect(textOf({ upstreams: { weather: { command: "node" } }, clients: { web } })).toEqual([
      `warning upstreams.weather: "weather" runs without containment, with all rights of the gateway's user`,
    ]);
  });
});

describe("patterns", () => {
  const allowing = (lists: object) => textOf({ clients: { web: { ...web, allow: lists } } });

  test.each(["*", "weather/*", "w*/x", "*/get", "wea*er/a/b"])(
    "%s speaks of weather",
    (pattern) => {
      expect(allowing({ tools: [pattern] })).toEqual([]);
    },
  );

  test.each(["Weather/*", "weathe/*", "weather2/x", "x*/y"])("%s is unknown", (pattern) => {
    const upstream = pattern.slice(0, pattern.indexOf("/"));
    expect(allowing({ prompts: [pattern] })).toEqual([
      `error clients.web.allow.prompts[0]: "${pattern}" names the unknown upstream "${upstream}"`,
    ]);
  });

  test.each(["weather://*", "file:///data/*.csv", "*", "*.csv", "https://*.example.com/a"])(
    "the resource pattern %s is in normal form",
    (uri) => {
      expect(allowing({ resources: [`weather/${uri}`] })).toEqual([]);
    },
  );

  test.each(["file:///a/../b", "file:///a%2Fb", "FILE:///a", "file:///a\\b", "file:///*/../*"])(
    "the resource pattern %s is refused",
    (uri) => {
      const refused = "Is not a URI in normal form, so it matches nothing";
      expect(allowing({ resources: [`weather/${uri}`] })).toEqual([
        `error clients.web.allow.resources[0]: ${refused}`,
      ]);
      expect(
        textOf({
          clients: { web },
          rules: [{ name: "r", on: { resources: [`weather/${uri}`] }, then: "deny" }],
        }),
      ).toEqual([`error rules[0].on.resources[0]: ${refused}`]);
    },
  );

  test("a pattern for what the upstream does not expose is a warning", () => {
    const upstreams = { weather: { ...weather, expose: { tools: ["get_*"] } } };
    const tools = ["weather/get_now", "weather/*_now", "weather/set"];
    expect(textOf({ upstreams, clients: { web: { ...web, allow: { tools } } } })).toEqual([
      'warning clients.web.allow.tools[2]: "weather/set" matches nothing that "weather" exposes',
    ]);
  });

  test("a condition's pattern that is not linear-time is refused", () => {
    const rule = (matches: string) =>
      textOf({
        clients: { web },
        rules: [{ name: "r", on: "*", then: "deny", when: { args: { a: { matches } } } }],
      });
    expect(rule("^a+$")).toEqual([]);
    expect(rule("(?=a)")).toHaveLength(1);
    expect(rule("(")).toHaveLength(1);
  });
});

describe("input", () => {
  const granting = (...input: string[]) =>
    parseConfig(
      {
        upstreams: {
          weather,
          files: { command: "files", isolate: "shared" },
          own: { command: "own" },
        },
        clients: { web: { ...web, allow: { ...allow, input } } },
      },
      { sha256, now },
    )
      .faults.filter(({ path }) => path.startsWith("clients"))
      .map(
        ({ level, path, message, suggestion }) => `${level} ${path}: ${message} (${suggestion})`,
      );

  test.each(["elicitation", "elicitation:form", "elicitation:url", "sampling", "roots"])(
    "%s may be granted to an upstream",
    (kind) => {
      expect(granting(`weather/${kind}`, `wea*/${kind}`)).toEqual([]);
    },
  );

  test("an unknown kind or upstream is refused, with what was meant", () => {
    expect(granting("sampeling", "weather/elicit", "wether/roots", "*", "weather/*")).toEqual([
      'error clients.web.allow.input[0]: "sampeling" names the unknown kind of input "sampeling" (did you mean "sampling"?)',
      'error clients.web.allow.input[1]: "weather/elicit" names the unknown kind of input "elicit" (it is one of elicitation, elicitation:form, elicitation:url, sampling, roots)',
      'error clients.web.allow.input[2]: "wether/roots" names the unknown upstream "wether" (did you mean "weather"?)',
      'error clients.web.allow.input[3]: "*" names the unknown kind of input "*" (it is one of elicitation, elicitation:form, elicitation:url, sampling, roots)',
      'error clients.web.allow.input[4]: "weather/*" names the unknown kind of input "*" (it is one of elicitation, elicitation:form, elicitation:url, sampling, roots)',
    ]);
  });

  test("a grant that reaches a shared process is a warning", () => {
    const warning = (index: number) =>
      `warning clients.web.allow.input[${index}]: "files" is one process for all, so before 2026-07-28 it can ask nobody for input (set isolate: "client")`;
    expect(granting("weather/roots", "sampling", "f*/roots")).toEqual([warning(1), warning(2)]);
  });
});

describe("a part that cannot be used", () => {
  const same = { auth: { token: token("a") }, allow };

  test.each([
    ["an unnamed rule", { rules: [{ on: "weather/*", then: "deny" }] }],
    ["a bad proxy", { trustedProxies: ["nowhere", "10.0.0.0/8"] }],
  ])("%s hides no fault of the others", (_, part) => {
    const texts = textOf({ clients: { web, same }, ...part });
    expect(texts.length).toBe(2);
    expect(texts.join("\n")).toContain('"same" and "web" have the same token');
  });
});

describe("the store", () => {
  const keys = [new Secret("k".repeat(32))];
  const of = (redis: string | Secret) => textOf({ keys, store: { redis }, clients: { web } });
  const must =
    'error store.redis: Must be "redis://[[user]:password@]host[:port][/database]", or "rediss:" for TLS';

  test.each(["redis://127.0.0.1", "rediss://u:p%40@h:1/3", "redis://[::1]:6379/"])(
    "has a URL such as %s",
    (url) => {
      expect(of(url)).toEqual([]);
      expect(of(new Secret(url))).toEqual([]);
    },
  );

  test.each(["p@ss", "http://h", "redis://", "redis://:a/b@h", "redis://h/main", "redis://h?db=1"])(
    "has no URL such as %s, of which nothing is repeated",
    (url) => {
      expect(of(new Secret(url))).toEqual([must]);
    },
  );
});

describe("keys", () => {
  test("a key of 31 bytes is refused, one of 32 is not, whatever its characters", () => {
    const of = (text: string) => textOf({ keys: [new Secret(text)], clients: { web } });
    expect(of("k".repeat(31))).toEqual(["error keys[0]: Must be at least 32 bytes, is 31"]);
    expect(of("k".repeat(32))).toEqual([]);
    expect(of("é".repeat(16))).toEqual([]);
  });

  test("a key that is listed twice is a warning", () => {
    const keys = [new Secret("k".repeat(32)), new Secret("k".repeat(32))];
    expect(textOf({ keys, clients: { web } })).toEqual(["warning keys[1]: Is listed twice"]);
  });
});

describe("admin", () => {
  const ops = { auth: { token: token("o") }, can: ["operate"] };
  const admin = (extra: object, more: object = {}) =>
    textOf({ clients: { web }, admin: extra, ...more });

  test.each(["127.0.0.1", "::1", "[::1]", "localhost"])("on %s needs no users", (host) => {
    expect(admin({ host })).toEqual([]);
  });

  test.each(["0.0.0.0", "::", "192.168.1.4", "localhost.example.com"])(
    "on %s needs users, and is a warning without TLS",
    (host) => {
      const reached = `"${host}" is reached from other machines`;
      const warning = `warning admin.host: ${reached}, and tokens of operators travel unencrypted`;
      expect(admin({ host })).toEqual([
        `error admin.host: ${reached}, and there is no admin user`,
        warning,
      ]);
      expect(admin({ host, users: { ops } })).toEqual([warning]);
      const listen = { tls: { cert: "a.pem", key: "b.pem" } };
      expect(admin({ host, users: { ops } }, { listen })).toEqual([]);
      expect(textOf({ clients: { web }, admin: false })).toEqual([]);
    },
  );

  test("has a port of its own", () => {
    const refused = ["error admin.port: Is the port of the clients too: 8080"];
    expect(admin({ port: 8080 })).toEqual(refused);
    expect(admin({ port: 8080, host: "localhost" })).toEqual(refused);
    expect(admin({ port: 8080, host: "127.0.0.2" })).toEqual([]);
    expect(admin({ port: 8081 })).toEqual([]);
    expect(admin({ port: 0 }, { listen: { port: 0 } })).toEqual([]);
    const everywhere = { listen: { host: "::", port: 9 }, publicUrl: "https://x.example" };
    expect(admin({ port: 9 }, everywhere)).toHaveLength(1);
    expect(
      admin({ port: 9, host: "0:0:0:0:0:0:0:1" }, { listen: { host: "::1", port: 9 } }),
    ).toEqual(["error admin.port: Is the port of the clients too: 9"]);
  });

  test("takes no token of a client or of another user, plain or hashed", () => {
    const hashed = (letter: string) => ({
      auth: [{ tokenSha256: sha256(letter.repeat(40)) }],
      can: ["read"],
    });
    expect(admin({ users: { web: hashed("a"), ops } })).toEqual([
      'error admin.users.web.auth[0].tokenSha256: "admin.users.web" and "web" have the same token',
    ]);
    expect(admin({ users: { ops, eve: hashed("o") } })).toEqual([
      'error admin.users.eve.auth[0].tokenSha256: "admin.users.eve" and "admin.users.ops" have the same token',
    ]);
  });

  test("takes no token that is short, and says which one expired", () => {
    const of = (auth: object) => admin({ users: { ops: { ...ops, auth } } });
    expect(of({ token: new Secret("k".repeat(31)) })).toEqual([
      "error admin.users.ops.auth.token: Must be at least 32 characters, is 31",
    ]);
    expect(of({ token: token("o"), until: "2026-05-31" })).toEqual([
      "warning admin.users.ops.auth.until: The token expired after 2026-05-31",
    ]);
  });

  test("knows whose calls are an operator's own, and of no client that is not there", () => {
    const of = (...is: string[]) => admin({ users: { ops: { ...ops, is } } });
    expect(of("web", "web/ada", "*/ada", "web/https://id.example/ada")).toEqual([]);
    expect(of("web", "web-app", "web-app/ada")).toEqual([
      'error admin.users.ops.is[1]: "admin.users.ops" names the unknown client "web-app"',
      'error admin.users.ops.is[2]: "admin.users.ops" names the unknown client "web-app"',
    ]);
    for (const none of ["", "*", "*/", "web/", "/ada", "w*/ada", "**/ada"]) {
      expect(of(none)).toEqual([
        'error admin.users.ops.is[0]: Must be a client, "client/subject" or "*/subject"',
      ]);
    }
  });

  test("with a fault of its own hides no fault of the others, and makes none up", () => {
    const same = { auth: { token: token("a") }, allow };
    const users = { ops: { ...ops, can: [] } };
    expect(textOf({ clients: { web, same }, admin: { host: "0.0.0.0", users } })).toEqual([
      'error admin.users.ops.can: Must hold at least one of "read", "approve", "operate"',
      'error clients.same.auth.token: "same" and "web" have the same token',
    ]);
  });
});

describe("rates", () => {
  test("of one list may be for the same callers, and have to differ", () => {
    const of = (...rate: object[]) => textOf({ clients: { web: { ...web, rate } } });
    const burst = { burst: 5, perSecond: 1, per: "client" };
    expect(of(burst, { ...burst, burst: 6 }, { ...burst, per: "address" })).toEqual([]);
    expect(of(burst, { per: "subject" }, burst)).toEqual([
      "error clients.web.rate[2]: Says what another rate of the list says already",
    ]);
  });
});
