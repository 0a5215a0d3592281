/** Reads what the guest found out about a plugin's default export. */
import { hooks, type Hook, type LoadFault, type PluginTraits } from "../face.ts";

type Facts = Readonly<Record<string, unknown>>;

const nameCharacters = 64;
const versionCharacters = 32;
const listEntries = 200;
const entryCharacters = 500;
const schemaCharacters = 256 * 1024;

/** `text` is the JSON that the guest's `adopt` gave. */
export function parseTraits(text: string): PluginTraits | LoadFault {
  const said = JSON.parse(text) as Facts;
  if (typeof said["fault"] === "string") return { fault: said["fault"] };
  if (typeof said["unknown"] === "string") return { fault: toUnknown(said["unknown"]) };
  const { facts, hooks: named } = said;
  if (!isFacts(facts) || !Array.isArray(named)) return { fault: "The default export is no plugin" };
  const found = hooks.filter((hook) => named.includes(hook));
  if (found.length === 0) return { fault: `Has none of the hooks ${hooks.join(", ")}` };
  return toTraits(facts, found, said["hasSetup"] === true);
}

function toTraits(
  facts: Facts,
  found: readonly Hook[],
  hasSetup: boolean,
): PluginTraits | LoadFault {
  const { name, version, apiVersion, configSchema } = facts;
  if (!isLabel(name, nameCharacters))
    return { fault: `"name" has to be a text of 1 to ${nameCharacters} characters` };
  if (!isLabel(version, versionCharacters))
    return { fault: `"version" has to be a text of 1 to ${versionCharacters} characters` };
  if (apiVersion !== undefined && apiVersion !== 1)
    return { fault: '"apiVersion" has to be 1: this gateway knows no other' };
  const schema = configSchema === undefined ? undefined : JSON.stringify(configSchema);
  if (schema !== undefined && (!isFacts(configSchema) || schema.length > schemaCharacters))
    return { fault: '"configSchema" has to be a JSON Schema, as an object' };
  const permissions = toPermissions(facts["permissions"] ?? {});
  if (permissions === undefined)
    return { fault: '"permissions" has to be { kv?: "client" | "shared", fetch?: [origins] }' };
  const match = toMatch(facts["match"] ?? {});
  if (match === undefined)
    return { fault: '"match" has to be { methods?: [texts], on?: [patterns], keys?: boolean }' };
  return { name, version, hooks: found, hasSetup, permissions, match, configSchema: schema };
}

function toPermissions(given: unknown): PluginTraits["permissions"] | undefined {
  if (!isFacts(given) || hasOthers(given, ["kv", "fetch"])) return undefined;
  const { kv, fetch } = given;
  if (kv !== undefined && kv !== "client" && kv !== "shared") return undefined;
  if (fetch !== undefined && !isTexts(fetch)) return undefined;
  return { ...(kv === undefined ? {} : { kv }), ...(fetch === undefined ? {} : { fetch }) };
}

function toMatch(given: unknown): PluginTraits["match"] | undefined {
  if (!isFacts(given) || hasOthers(given, ["methods", "on", "keys"])) return undefined;
  const { methods, on, keys } = given;
  if (methods !== undefined && !isTexts(methods)) return undefined;
  if (on !== undefined && !isTexts(on)) return undefined;
  if (keys !== undefined && typeof keys !== "boolean") return undefined;
  return {
    ...(methods === undefined ? {} : { methods }),
    ...(on === undefined ? {} : { on }),
    ...(keys === undefined ? {} : { keys }),
  };
}

function toUnknown(key: string): string {
  const known = [
    ...hooks,
    "setup",
    "name",
    "version",
    "apiVersion",
    "configSchema",
    "permissions",
    "match",
  ];
  const meant = known.find((one) => one.toLowerCase() === key.toLowerCase());
  const hint = meant === undefined ? "" : ` (did you mean "${meant}"?)`;
  return `The default export has the unknown key ${JSON.stringify(key)}${hint}`;
}

/** Printable, since it stands in logs and tables. */
function isLabel(value: unknown, most: number): value is string {
  return (
    typeof value === "string" && value.length <= most && /^[^\p{C}\p{Z}]([^\p{C}]*)$/u.test(value)
  );
}

function isTexts(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= listEntries &&
    value.every((one) => typeof one === "string" && one.length <= entryCharacters)
  );
}

function hasOthers(given: Facts, known: readonly string[]): boolean {
  return Object.keys(given).some((key) => !known.includes(key));
}

function isFacts(value: unknown): value is Facts {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
