/** What `mcp-gw/plugin` is inside of the sandbox; the same four functions as `src/plugin.ts`. */

export const entryName = "mcp-gw/plugin";

export const entrySource = `
export const definePlugin = (plugin) => plugin;
export const allow = (options) => ({ ...options, action: "allow" });
export const deny = (reason, code) =>
  code === undefined ? { action: "deny", reason } : { action: "deny", reason, code };
export const redact = (spans, tags) =>
  tags === undefined ? { action: "redact", spans } : { action: "redact", spans, tags };
`;
