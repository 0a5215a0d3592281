/** What the text after `from` means to a plugin. */

export type Specifier =
  | { readonly kind: "entry" }
  /** By its path from the plugin's folder, which is its name for the other modules. */
  | { readonly kind: "file"; readonly name: string }
  | { readonly kind: "refused"; readonly fault: string; readonly hint: string };

const entryName = "mcp-gw/plugin";
const scripts = /\.m?[jt]s$/;

/** `importer` is the name of the module that it stands in. */
export function readSpecifier(from: string, importer: string): Specifier {
  if (from === entryName) return { kind: "entry" };
  const quoted = JSON.stringify(from.slice(0, 200));
  const refuse = (fault: string, hint: string): Specifier => ({ kind: "refused", fault, hint });
  if (/^\.{0,2}\//.test(from)) {
    const name = from.startsWith("/") ? undefined : resolveName(importer, from);
    if (name === undefined) {
      return refuse(
        `Imports ${quoted}, which is outside of the plugin's folder`,
        "put a copy beside the plugin",
      );
    }
    if (/[\\?#%]/.test(from) || !scripts.test(name)) {
      const fault = `Imports ${quoted}, which is not the name of a script`;
      return refuse(fault, "write it with its ending: .ts, .mts, .js or .mjs");
    }
    return { kind: "file", name };
  }
  const fault = `Imports ${quoted}, and a plugin can import "${entryName}" and files beside it`;
  if (/^(node|bun|deno|cloudflare):/.test(from)) {
    return refuse(fault, "what the sandbox has besides the language is in ctx: kv, fetch, log");
  }
  if (/^[a-z][a-z0-9+.-]*:/i.test(from)) return refuse(fault, "put a copy beside the plugin");
  return refuse(fault, "bundle the package into a .js file beside the plugin");
}

/** Undefined where it leads out of the folder, also where it would come back in. */
function resolveName(importer: string, relative: string): string | undefined {
  const parts = importer.split("/").slice(0, -1);
  for (const part of relative.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}
