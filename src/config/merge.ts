/** Makes one config of its parts; what two of them set is a fault that names both. */
import { partsOf } from "./define.ts";
import type { ConfigContext } from "./define.ts";
import { finding } from "./fault.ts";
import type { Finding, PathKey } from "./fault.ts";

export interface Merged {
  readonly input: unknown;
  readonly findings: readonly Finding[];
}

type Table = Record<string, unknown>;
interface NamedPart {
  readonly label: string;
  readonly table: Table;
}

/** Keys whose entries come from many parts. */
const byName = new Set(["upstreams", "clients", "issuers", "roles"]);

/**
 * `exported` is what the file gives: a config, what `defineConfig` made of parts, a function, or a
 * promise of one. Rejects with what a part throws.
 */
export async function mergeParts(exported: unknown, context: ConfigContext): Promise<Merged> {
  const parts = await flatten(exported, "", context, 0);
  const findings: Finding[] = [];
  const tables: NamedPart[] = [];
  for (const { label, value } of parts) {
    if (isTable(value)) tables.push({ label, table: value });
    else if (parts.length === 1) return { input: value, findings };
    else findings.push(finding("error", [], `Part ${label} must be an object`));
  }
  if (tables.length === 1 && parts.length === 1) return { input: tables[0]?.table, findings };
  return { input: merge(tables, findings), findings };
}

interface LabelledValue {
  readonly label: string;
  readonly value: unknown;
}

async function flatten(
  value: unknown,
  label: string,
  context: ConfigContext,
  depth: number,
): Promise<LabelledValue[]> {
  if (depth > 16) throw new Error("The parts of the config are nested more than 16 deep");
  const settled: unknown = await value;
  if (typeof settled === "function") {
    return await flatten(settled(context), label, context, depth + 1);
  }
  const parts = partsOf(settled);
  if (parts === undefined) return [{ label: label === "" ? "1" : label, value: settled }];
  const flat: LabelledValue[] = [];
  for (const [index, part] of parts.entries()) {
    const inner = parts.length === 1 ? label : `${label}${label && "."}${index + 1}`;
    flat.push(...(await flatten(part, inner, context, depth + 1)));
  }
  return flat;
}

function merge(parts: readonly NamedPart[], findings: Finding[]): Table {
  const setBy = new Map<string, string>();
  const claim = (path: readonly PathKey[], label: string, what: string): boolean => {
    const id = JSON.stringify(path);
    const other = setBy.get(id);
    setBy.set(id, other ?? label);
    if (other === undefined || other === label) return true;
    findings.push(finding("error", path, `${what} is set in part ${other} and in part ${label}`));
    return false;
  };
  const whole = bare();
  const rules: unknown[] = [];
  const plugins: unknown[] = [];
  for (const { label, table } of parts) {
    for (const [key, value] of Object.entries(table)) {
      if (value === undefined) continue;
      if (byName.has(key) && isTable(value) && (whole[key] === undefined || isTable(whole[key]))) {
        const entries = (whole[key] as Table | undefined) ?? bare();
        whole[key] = entries;
        for (const [name, entry] of Object.entries(value)) {
          if (claim([key, name], label, `"${name}"`)) entries[name] = entry;
        }
      } else if (key === "rules" && Array.isArray(value)) {
        for (const rule of value) {
          const name: unknown = isTable(rule) ? rule["name"] : undefined;
          if (typeof name === "string") claim(["rules", name], label, `The rule "${name}"`);
          rules.push(rule);
        }
        whole[key] = rules;
      } else if (key === "plugins" && Array.isArray(value)) {
        plugins.push(...(value as readonly unknown[]));
        whole[key] = plugins;
      } else if (claim([key], label, `"${key}"`)) whole[key] = value;
    }
  }
  return whole;
}

/** Without a prototype: a name like `__proto__` is a name like any other. */
function bare(): Table {
  return Object.create(null) as Table;
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
