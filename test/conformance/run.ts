/**
 * Runs the official conformance suite against the test server itself, then through the gateway, then
 * against what the gateway sends upstream; exits with 1 when a scored check fails that is not exempt.
 *
 *     npm run conformance -- [direct|gateway|client]… [--setting both] [--revision 2026-07-28]
 *         [--scenario NAME] [--era legacy]
 *
 * `--era` is that of the client before the gateway, else the one of the scenario.
 */
import { parseArgs } from "node:util";
import { clientScenarios } from "./client-scenarios.ts";
import { type Setting, exemptions, settings } from "./exempt.ts";
import { startSetting } from "./gateway.ts";
import { clientCommand } from "./processes.ts";
import { exemptionsOf, report } from "./report.ts";
import { type Revision, judgeClient, judgeServer, revisions } from "./suite.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    setting: { type: "string" },
    revision: { type: "string" },
    scenario: { type: "string" },
    era: { type: "string" },
  },
});
const parts = chosenParts();
const era = values.era === undefined ? [] : ["--era", values.era];
const chosen = <Value extends string>(all: readonly Value[], name: string | undefined) =>
  all.filter((each) => name === undefined || each === name);

/** What each era of an upstream can be asked without a gateway; a process on stdio has no URL. */
const speaks: Readonly<Record<Setting, readonly Revision[]>> = {
  both: revisions,
  legacy: ["2025-11-25"],
  modern: ["2026-07-28"],
  stdio: [],
};

function chosenParts(): readonly string[] {
  const known = ["direct", "gateway", "client"];
  const unknown = positionals.find((part) => !known.includes(part));
  if (unknown !== undefined) throw new Error(`Cannot run "${unknown}": it is none of ${known}`);
  return positionals.length === 0 ? known : positionals;
}

async function judge(setting: Setting, revision: Revision, isDirect: boolean): Promise<boolean> {
  const running = await startSetting(setting, isDirect);
  try {
    const scenarios = await judgeServer(running.url, revision);
    const title = `${revision} ${isDirect ? "of" : "through the gateway,"} upstream ${setting}`;
    const known = isDirect ? [] : exemptionsOf(exemptions, setting, revision);
    return report({ title, scenarios, exemptions: known });
  } finally {
    await running.close();
  }
}

async function judgeClients(revision: Revision, names: readonly string[]): Promise<boolean> {
  const scenarios = [];
  for (const name of names) {
    scenarios.push(await judgeClient(clientCommand(...era), name, revision));
  }
  return report({ title: `${revision} of what the gateway sends`, scenarios, exemptions: [] });
}

const verdicts: boolean[] = [];
for (const isDirect of [true, false]) {
  if (!parts.includes(isDirect ? "direct" : "gateway")) continue;
  for (const setting of chosen(settings, values.setting)) {
    for (const revision of chosen(isDirect ? speaks[setting] : revisions, values.revision)) {
      verdicts.push(await judge(setting, revision, isDirect));
    }
  }
}
for (const revision of parts.includes("client") ? chosen(revisions, values.revision) : []) {
  const names = chosen(clientScenarios(revision), values.scenario);
  if (names.length > 0) verdicts.push(await judgeClients(revision, names));
}
// A misspelt option chooses nothing, and nothing is not a pass.
const isTaken = verdicts.length > 0 && verdicts.every(Boolean);
console.log(`\n${isTaken ? "Taken" : "Not taken"}, ${verdicts.length} runs`);
process.exit(isTaken ? 0 : 1);
