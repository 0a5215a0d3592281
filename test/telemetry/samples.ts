/** Reads Prometheus' text format 0.0.4 as strictly as a scraper does. */

export interface Scrape {
  /** The value of a series, written as in the text; undefined where there is none. */
  readonly value: (series: string) => number | undefined;
  /** Every series of a metric, or of all. */
  readonly series: (name?: string) => readonly string[];
  /** Metrics by name, with their type. */
  readonly types: ReadonlyMap<string, string>;
}

const name = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const label = `[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"`;
const sample = new RegExp(`^((${name})(?:\\{${label}(?:,${label})*\\})?) (\\S+)$`);
const comment = new RegExp(`^# (HELP|TYPE) (${name}) (.+)$`);
const suffixes = ["_bucket", "_sum", "_count"];

/** Throws where a line is none, a series stands twice, or a metric is not told of before its series. */
export function readScrape(text: string): Scrape {
  if (!text.endsWith("\n")) throw new Error("The last line does not end");
  const values = new Map<string, number>();
  const types = new Map<string, string>();
  const helps = new Set<string>();
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const [, kind, about = "", said = ""] = comment.exec(line) ?? [];
    if (kind !== undefined) {
      const known = kind === "TYPE" ? types.has(about) : helps.has(about);
      if (known) throw new Error(`Twice: ${line}`);
      if (kind === "TYPE") types.set(about, said);
      else helps.add(about);
      continue;
    }
    const [, series, metric = "", value = ""] = sample.exec(line) ?? [];
    if (series === undefined || Number.isNaN(Number(value))) throw new Error(`No sample: ${line}`);
    if (values.has(series)) throw new Error(`Twice: ${series}`);
    const family = familyOf(metric, types);
    if (family === undefined || !helps.has(family)) throw new Error(`Not told of: ${line}`);
    values.set(series, Number(value));
  }
  return {
    value: (series) => values.get(series),
    series: (of) =>
      [...values.keys()].filter((each) => of === undefined || each.replace(/\{.*/, "") === of),
    types,
  };
}

function familyOf(metric: string, types: ReadonlyMap<string, string>): string | undefined {
  if (types.has(metric)) return metric;
  const suffix = suffixes.find((each) => metric.endsWith(each));
  const family = suffix === undefined ? undefined : metric.slice(0, -suffix.length);
  return family !== undefined && types.get(family) === "histogram" ? family : undefined;
}
