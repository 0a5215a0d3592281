/**
 * The demo: four MCP servers, four clients, each client with a policy of its own. `mcp-gw` starts
 * it with nothing else running; `mcp-gw try` walks through what each client may do.
 *
 * Each token is made at the first start, in `.mcp-gw/<client>.token`, readable by its owner alone.
 */
import { defineConfig, demoUpstream, rule, secret } from "mcp-gw";

export default defineConfig({
  listen: { host: "127.0.0.1", port: 8080 },

  upstreams: {
    weather: { ...demoUpstream("weather"), timeoutMs: 10_000 },
    database: { ...demoUpstream("database"), timeoutMs: 10_000 },
    "ai-tools": { ...demoUpstream("ai-tools"), timeoutMs: 30_000 },
    "http-api": { ...demoUpstream("http-api"), timeoutMs: 10_000 },
  },

  clients: {
    // A page in a browser: only what is public, and only from its own origin.
    "web-app": {
      auth: { token: secret({ file: ".mcp-gw/web-app.token", create: true }) },
      allow: {
        tools: ["weather/*", "ai-tools/count_tokens"],
        resources: ["weather/weather://*"],
        prompts: ["weather/*"],
      },
      origins: ["http://localhost:3000"],
      rate: { burst: 50, perSecond: 10, per: "client" },
      maxRequestBytes: 65_536,
      maxResponseBytes: 262_144,
    },

    // Many devices: two tools, small answers, and only now and then.
    "mobile-app": {
      auth: { token: secret({ file: ".mcp-gw/mobile-app.token", create: true }) },
      allow: { tools: ["weather/current", "weather/forecast"] },
      rate: { burst: 8, perSecond: 0.5, per: "client" },
      maxRequestBytes: 16_384,
      maxResponseBytes: 65_536,
      maxConcurrent: 4,
    },

    // A person at a terminal: the whole database, as far as the rules below let it.
    "cli-tool": {
      auth: { token: secret({ file: ".mcp-gw/cli-tool.token", create: true }) },
      allow: { tools: ["database/*", "ai-tools/*"] },
      rate: { burst: 100, perSecond: 20, per: "client" },
    },

    // Another program: the external API and nothing else. Keys in what it gets back are cut out.
    "api-client": {
      auth: { token: secret({ file: ".mcp-gw/api-client.token", create: true }) },
      allow: { tools: ["http-api/*"] },
      rate: { burst: 100, perSecond: 50, per: "client" },
      maxConcurrent: 64,
      sanitize: { secrets: "redact" },
    },
  },

  rules: [
    rule("read-only-sql", {
      on: "database/query",
      unless: { args: { sql: { matches: "(?i)^\\s*select\\s[^;]*;?\\s*$" } } },
      then: "deny",
      why: "Only one select statement may be run",
    }),
    rule("customers-stay", {
      on: "database/delete_rows",
      when: { args: { table: { matches: "(?i)^\\s*customers\\s*$" } } },
      then: "deny",
      why: "Customers are not deleted here",
    }),
    rule("short-forecasts-on-mobile", {
      on: "weather/forecast",
      clients: ["mobile-app"],
      when: { args: { days: { min: 4 } } },
      then: "deny",
      why: "The mobile app may ask for 3 days",
    }),
    rule("low-priority-tickets", {
      on: "http-api/create_ticket",
      unless: { args: { priority: ["low", "normal"] } },
      then: "deny",
      why: "Programs open tickets of low or normal priority",
    }),
  ],

  sanitize: { secrets: "redact", hidden: "strip" },
  audit: { file: "./audit.jsonl", arguments: true },
});
