/** Roles: held by somebody, for something, and still there. */
import { finding } from "../fault.ts";
import type { Finding } from "../fault.ts";
import { suggest } from "../suggest.ts";
import type { Checked } from "./subject.ts";
import { checkUntil } from "./until.ts";

export function checkRoles({ config, roles, context }: Checked): readonly Finding[] {
  const findings: Finding[] = [];
  const held = new Set<string>();
  for (const [client, { roles: names }] of Object.entries(config.clients)) {
    for (const [index, name] of names.entries()) {
      const path = ["clients", client, "roles", index];
      if (!roles.has(name)) {
        const message = `"${client}" holds the unknown role "${name}"`;
        findings.push(finding("error", path, message, suggest(name, roles)));
      } else if (names.indexOf(name) < index) {
        findings.push(finding("warning", path, `"${client}" lists the role "${name}" twice`));
      }
      held.add(name);
    }
  }
  for (const [name, { allow, until }] of Object.entries(config.roles)) {
    const path = ["roles", name];
    if (!held.has(name)) {
      findings.push(finding("warning", path, `No client holds the role "${name}"`));
    }
    const { tools, resources, prompts, input } = allow;
    // A role may be there for rules alone, which then name it.
    const isNamed = config.rules.some((rule) => rule.roles?.includes(name));
    if (!isNamed && tools.length + resources.length + prompts.length + input.length === 0) {
      const message = `The role "${name}" allows nothing, and no rule names it`;
      findings.push(finding("warning", path, message));
    }
    findings.push(...checkUntil(`The role "${name}"`, until, path, context.now));
  }
  return findings;
}
