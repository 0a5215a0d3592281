/** What `mcp-gw plugin test` prints of a plugin. */
import type { FixtureResult, HostileResult } from "../sandbox/index.ts";
import { toMegabytes } from "./plugin-run-output.ts";
import { toSafeLine } from "./safe-text.ts";
import { toTable } from "./table.ts";

export interface TestedPlugin {
  readonly file: string;
  readonly ok: boolean;
  /** Why it does not load. */
  readonly faults: readonly string[];
  readonly fixtures: readonly FixtureResult[];
  readonly hostile?: readonly HostileResult[];
}

export function toTestText({ file, faults, fixtures, hostile = [] }: TestedPlugin): string {
  return [file, ...faults, ...toFixtureLines(fixtures), ...hostile.flatMap(toHostileLines)].join(
    "\n",
  );
}

function toFixtureLines(fixtures: readonly FixtureResult[]): readonly string[] {
  if (fixtures.length === 0) return [];
  const rows = fixtures.map(({ ok, name, outcome, ms, fuel, memory }) => [
    ok ? "ok" : "FAIL",
    toSafeLine(name, 80),
    outcome,
    (ms * 1_000).toFixed(0),
    String(fuel),
    toMegabytes(memory),
  ]);
  const failures = fixtures.flatMap(({ name, line, why }) =>
    why === undefined
      ? []
      : [`FAIL  ${toSafeLine(name, 80)} (line ${line})`, `  ${toSafeLine(why, 700)}`],
  );
  return [toTable(["", "fixture", "verdict", "µs", "fuel", "memory"], rows), ...failures];
}

function toHostileLines({ hook, calls, failures }: HostileResult): readonly string[] {
  return [
    `${failures.length === 0 ? "ok" : "FAIL"}  ${hook} with ${calls} hostile inputs`,
    ...failures.map(
      ({ input, outcome, why }) =>
        `  ${toSafeLine(input, 100)}: ${outcome}: ${toSafeLine(why, 200)}`,
    ),
  ];
}
