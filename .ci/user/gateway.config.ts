/** What somebody might write who has only the package; it is checked, tried and type-checked. */
import { defineConfig, demoUpstream, rule, secret } from "mcp-gw";

export default defineConfig({ upstreams: { weather: demoUpstream("weather") } }, ({ env }) => ({
  listen: { port: Number(env["PORT"] ?? 8090) },
  clients: {
    app: {
      auth: { token: secret({ file: ".mcp-gw/app.token", create: true }) },
      allow: { tools: ["weather/*"] },
    },
  },
  rules: [
    rule("three-days", {
      on: "weather/forecast",
      when: { args: { days: { min: 4 } } },
      then: "deny",
    }),
  ],
}));

// @ts-expect-error a rule knows its words
rule("misspelt", { on: "weather/*", when: { arguments: {} }, then: "deny" });
