/**
 * What a config says of tools, against the tools that were locked: a name or an argument that is not
 * there silently never matches. Of upstreams that are not locked nothing is said.
 */
import { compileGlob, compileLinear, globsOverlap } from "../../core/index.ts";
import {
  type Json,
  type JsonObject,
  compileSchema,
  isObject,
  member,
  reread,
  stringOf,
  textOf,
} from "../../mcp/index.ts";
import { type Finding, type PathKey, finding } from "../fault.ts";
import type { Config, RoleConfig, RuleConfig, TestConfig } from "../schema.ts";
import { suggest } from "../suggest.ts";

/** The input schemas of locked tools, by upstream and tool. */
export type Definitions = ReadonlyMap<string, ReadonlyMap<string, Json | undefined>>;

type Path = readonly PathKey[];
interface Tool {
  readonly target: string;
  readonly schema: Json | undefined;
}

export function checkDefinitions(config: Config, definitions: Definitions): readonly Finding[] {
  const tools = [...definitions].flatMap(([upstream, named]) =>
    [...named].map(([name, schema]): Tool => ({ target: `${upstream}/${name}`, schema })),
  );
  const unlocked = Object.keys(config.upstreams).filter((name) => !definitions.has(name));
  const mayBeUnlocked = (pattern: string): boolean =>
    unlocked.some((name) => globsOverlap(pattern, `${name}/*`));

  function checkPattern(pattern: string, path: Path, isBare: boolean): readonly Finding[] {
    if (mayBeUnlocked(pattern) || tools.some(({ target }) => compileGlob(pattern)(target)))
      return [];
    // One that speaks of every kind may be meant for resources.
    if (pattern === "*" || (isBare && pattern.includes(":"))) return [];
    const meant = suggest(
      pattern,
      tools.map(({ target }) => target),
    );
    const hint = isBare ? "write { prompts: […] } for one of prompts" : undefined;
    return [finding("warning", path, `"${pattern}" matches no tool that is locked`, meant ?? hint)];
  }

  function checkRule(rule: RuleConfig, path: Path): readonly Finding[] {
    const { on } = rule;
    const at = [...path, "on"];
    const isBare = typeof on === "string" || Array.isArray(on);
    const patterns: readonly string[] =
      typeof on === "string" ? [on] : Array.isArray(on) ? on : (on.tools ?? []);
    const findings = patterns.flatMap((pattern, index) =>
      checkPattern(pattern, [...at, ...placeOf(on, index)], isBare),
    );
    const speaksOfOthers = !isBare && (on.prompts !== undefined || on.resources !== undefined);
    if (findings.length > 0 || speaksOfOthers || patterns.some(mayBeUnlocked)) return findings;
    const matched = tools.filter(({ target }) =>
      patterns.some((each) => compileGlob(each)(target)),
    );
    return checkArguments(rule, path, matched);
  }

  return [
    ...(["clients", "roles"] as const).flatMap((key) =>
      Object.entries<Pick<RoleConfig, "allow">>(config[key]).flatMap(([name, { allow }]) =>
        allow.tools.flatMap((pattern, index) =>
          checkPattern(pattern, [key, name, "allow", "tools", index], false),
        ),
      ),
    ),
    ...config.rules.flatMap((rule, index) => checkRule(rule, ["rules", index])),
  ];
}

function placeOf(on: RuleConfig["on"], index: number): Path {
  if (typeof on === "string") return [];
  return Array.isArray(on) ? [index] : ["tools", index];
}

function checkArguments(rule: RuleConfig, path: Path, tools: readonly Tool[]): readonly Finding[] {
  if (tools.length === 0) return [];
  const findings: Finding[] = [];
  const known = new Set(tools.flatMap(({ schema }) => namesOf(schema)));
  const isOpen = tools.some(({ schema }) => takesMore(schema));
  const check = (name: string, values: readonly unknown[], at: Path): void => {
    if (!known.has(name)) {
      const message = `No tool that the rule "${rule.name}" is for has an argument "${name}"`;
      if (!isOpen) findings.push(finding("warning", at, message, suggest(name, known)));
      return;
    }
    for (const value of values) {
      const faults = tools.map(({ schema }) => faultOf(schema, name, value));
      const [first] = faults;
      if (first === undefined || faults.includes(undefined)) continue;
      findings.push(finding("warning", at, `The argument "${name}" ${first}`));
    }
  };
  for (const key of ["when", "unless"] as const) {
    const condition = rule[key];
    if (condition === undefined || typeof condition === "function") continue;
    for (const [name, test] of Object.entries(condition.args ?? {})) {
      const at = [...path, key, "args", name];
      const needed = neededTypes(test);
      if (!name.startsWith("/")) check(name, valuesOf(test), at);
      if (needed !== undefined && known.has(name) && !tools.some(canBe(name, needed))) {
        const message = `The argument "${name}" is never a ${needed[0]}, so the test never passes`;
        findings.push(finding("warning", at, message));
      }
      if (name.startsWith("/"))
        check(
          name.slice(1).replace(/\/.*/s, "").replaceAll("~1", "/").replaceAll("~0", "~"),
          [],
          at,
        );
    }
  }
  for (const key of ["set", "defaults"] as const) {
    for (const [name, value] of Object.entries(rule[key] ?? {})) {
      check(name, [value], [...path, key, name]);
    }
  }
  return findings;
}

/** Values of which each must be one that the argument can have. */
function valuesOf(test: TestConfig): readonly unknown[] {
  if (test === null || typeof test !== "object") return [test];
  return Array.isArray(test) ? test : [];
}

function neededTypes(test: TestConfig): readonly string[] | undefined {
  if (test === null || typeof test !== "object" || Array.isArray(test)) return undefined;
  return "min" in test || "max" in test ? ["number", "integer"] : ["string"];
}

/** True as well where the schema does not say it in a plain word. */
function canBe(name: string, types: readonly string[]): (tool: Tool) => boolean {
  return ({ schema }) => {
    const property = member(member(schema, "properties"), name);
    if (property === undefined) return takesMore(schema);
    const type = stringOf(member(property, "type"));
    return type === undefined || types.includes(type);
  };
}

function namesOf(schema: Json | undefined): readonly string[] {
  const properties = member(schema, "properties");
  return isObject(properties) ? properties.node.members.map(({ key }) => key) : [];
}

/** Where arguments are named elsewhere than in `properties`, or may have any name. */
const elsewhere = [
  "$ref",
  "allOf",
  "anyOf",
  "oneOf",
  "if",
  "dependentSchemas",
  "patternProperties",
];
function takesMore(schema: Json | undefined): boolean {
  if (!isObject(member(schema, "properties"))) {
    return member(schema, "additionalProperties")?.node.type !== "false";
  }
  const more = member(schema, "additionalProperties");
  if (more !== undefined && more.node.type !== "false") return true;
  return elsewhere.some((key) => member(schema, key) !== undefined);
}

/** What the schema has against this value of one argument; undefined for nothing that can be told. */
function faultOf(schema: Json | undefined, name: string, value: unknown): string | undefined {
  if (!isObject(schema)) return undefined;
  const compiled = compileSchema(withoutRequired(schema), compileLinear);
  if ("fault" in compiled) return undefined;
  const part = `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const faults = compiled.validate(
    JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`),
  );
  return faults.find(({ where }) => where === part || where.startsWith(`${part}/`))?.message;
}

/** The other arguments are not at hand. */
function withoutRequired(schema: JsonObject): Json {
  const { required: _, ...rest } = JSON.parse(textOf(schema)) as Record<string, unknown>;
  return reread(JSON.stringify(rest));
}
