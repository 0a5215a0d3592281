/** A policy of a hundred lines, for the measurements: paths, amounts, hours, names, statements. */
import { allow, definePlugin, deny } from "mcp-gw/plugin";

const roots = ["/data/shared/", "/data/public/", "/srv/reports/", "/home/web/"];
const secretNames = new Set([".env", ".netrc", "id_rsa", "id_ed25519", "credentials", "shadow"]);
const endings = [".pem", ".key", ".p12", ".kdbx", ".sqlite"];
const statements = new Set(["select", "with", "explain", "show"]);
const regions = new Map([
  ["eu", ["eu-west-1", "eu-central-1"]],
  ["us", ["us-east-1", "us-west-2"]],
]);
const mostItems = 50;
const mostDepth = 6;

function checkPath(path) {
  if (path.length > 1024) return "The path is too long";
  const parts = path.split("/");
  if (parts.includes("..")) return "The path leads upwards";
  if (!roots.some((root) => path.startsWith(root))) return "The path is outside of the folders";
  const name = parts.at(-1) ?? "";
  if (secretNames.has(name)) return "The file holds credentials";
  if (endings.some((ending) => name.endsWith(ending))) return "The file holds keys";
  return undefined;
}

function checkAmount(amount, limit) {
  if (typeof amount !== "number" || !Number.isFinite(amount)) return "The amount is no number";
  if (amount < 0) return "The amount is below zero";
  return amount > limit ? `The amount is above ${limit}` : undefined;
}

function checkStatement(sql) {
  const text = sql.trim();
  if (text.includes(";")) return "Several statements at once";
  const [first = ""] = text.split(" ", 1);
  return statements.has(first.toLowerCase()) ? undefined : "The statement may change something";
}

function checkRegion(region, client) {
  const home = client.startsWith("us-") ? "us" : "eu";
  return regions.get(home).includes(region) ? undefined : `The region is outside of ${home}`;
}

function checkShape(value, depth) {
  if (typeof value !== "object" || value === null) return undefined;
  if (depth > mostDepth) return "The arguments are nested too deeply";
  const items = Array.isArray(value) ? value : Object.values(value);
  if (items.length > mostItems) return "The arguments have too many items";
  for (const item of items) {
    const fault = checkShape(item, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function checkHour(now, { from, to }) {
  const hour = new Date(now).getUTCHours();
  return hour >= from && hour < to ? undefined : "It is outside of the working hours";
}

function checkTool(name, { config, client, now }) {
  if (config.blocked.includes(name)) return "The tool is blocked";
  if (name.startsWith("admin_") && !client.id.startsWith("ops-")) return "Only for operations";
  return name.startsWith("write_") ? checkHour(now, config.hours) : undefined;
}

function checkArguments(args, { config, client }) {
  const { path, amount, sql, region } = args;
  let fault = checkShape(args, 0);
  if (typeof path === "string") fault ??= checkPath(path);
  if (amount !== undefined) fault ??= checkAmount(amount, config.mostAmount);
  if (typeof sql === "string") fault ??= checkStatement(sql);
  if (typeof region === "string") fault ??= checkRegion(region, client.id);
  return fault;
}

export default definePlugin({
  name: "policy",
  version: "1.0.0",
  apiVersion: 1,
  onToolCall({ name, arguments: args = {} }, ctx) {
    const fault = checkTool(name, ctx) ?? checkArguments(args, ctx);
    return fault === undefined ? allow() : deny(fault);
  },
});
