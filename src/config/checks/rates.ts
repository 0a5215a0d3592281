/** Rates: two that say the same would count each request twice. */
import { finding } from "../fault.ts";
import type { Finding } from "../fault.ts";
import type { Checked } from "./subject.ts";

export function checkRates({ config }: Checked): readonly Finding[] {
  return Object.entries(config.clients).flatMap(([name, { rate }]) => {
    const said = rate.map(({ burst, perSecond, per }) => `${burst} ${perSecond} ${per}`);
    return said.flatMap((text, index) => {
      if (said.indexOf(text) === index) return [];
      const path = ["clients", name, "rate", index];
      return [finding("error", path, "Says what another rate of the list says already")];
    });
  });
}
