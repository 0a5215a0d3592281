/** Makes whole texts of parts that come in order, mixed with those of other texts. */

/** The whole text when its last part is here; undefined before, and for what fits nowhere. */
export type Assemble = (part: string) => string | undefined;

interface Begun {
  readonly parts: readonly string[];
  readonly units: number;
}

/** Of one text, in UTF-16 units: far more than a client's request may be. */
const maxUnits = 64 * 1024 * 1024;
/** Texts of which a part is here and another one is not; over that the oldest is given up. */
const maxBegun = 16;

/** A part is `[id, at, count]` as JSON, a line feed, and its piece of the text. */
export function createAssembly(): Assemble {
  const begun = new Map<string, Begun>();
  let total = 0;
  const drop = (id: string): void => {
    total -= begun.get(id)?.units ?? 0;
    begun.delete(id);
  };
  const keep = (id: string, next: Begun): void => {
    drop(id);
    total += next.units;
    begun.set(id, next);
    for (const oldest of begun.keys()) {
      if (begun.size <= maxBegun && total <= maxUnits) return;
      drop(oldest);
    }
  };

  return (part) => {
    const end = part.indexOf("\n");
    const [id, at, count] = JSON.parse(part.slice(0, end)) as [string, number, number];
    const { parts, units } = begun.get(id) ?? { parts: [], units: 0 };
    if (at !== parts.length) return undefined;
    const text = part.slice(end + 1);
    if (at + 1 < count) {
      keep(id, { parts: [...parts, text], units: units + text.length });
      return undefined;
    }
    drop(id);
    return parts.join("") + text;
  };
}
