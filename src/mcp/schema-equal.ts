/** Equality as JSON Schema has it: by value, whatever the order of keys. */

export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((each, index) => isEqual(each, b[index]));
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && isEqual(valueAt(a, key), valueAt(b, key)));
}

/**
 * Whether no two items are equal, in time of their size: comparing each with each takes a second
 * for 10,000 small objects. `spend` hears of the characters read.
 */
export function areUnique(items: readonly unknown[], spend: (characters: number) => void): boolean {
  const seen = new Set<string>();
  for (const item of items) {
    const text = toCanonicalText(item, spend);
    if (seen.has(text)) return false;
    seen.add(text);
  }
  return true;
}

/** One text for each value. */
function toCanonicalText(value: unknown, spend: (characters: number) => void): string {
  if (typeof value !== "object" || value === null) {
    const text = JSON.stringify(value);
    spend(text.length);
    return text;
  }
  if (Array.isArray(value)) {
    return `[${value.map((each) => toCanonicalText(each, spend)).join(",")}]`;
  }
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${toCanonicalText(valueAt(value, key), spend)}`);
  return `{${members.join(",")}}`;
}

/** An own member; the caller has the key from the object itself. */
export function valueAt(object: object, key: string): unknown {
  return (object as Readonly<Record<string, unknown>>)[key];
}

/** Values in a value, itself included. */
export function countValues(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce((sum: number, each) => sum + countValues(each), 1);
}

/** Whether `value` is a whole multiple of `step`, in decimal: 0.3 is one of 0.1. */
export function isMultiple(value: number, step: number): boolean {
  const quotient = value / step;
  if (Number.isInteger(value) && Number.isInteger(step)) return Number.isInteger(quotient);
  const [a, aScale] = toDecimal(value);
  const [b, bScale] = toDecimal(step);
  const scale = Math.max(aScale, bScale);
  return (a * 10n ** BigInt(scale - aScale)) % (b * 10n ** BigInt(scale - bScale)) === 0n;
}

/** Digits, and how many of them stand behind the point (negative: zeros are left out). */
function toDecimal(value: number): readonly [bigint, number] {
  const [digits = "0", exponent = "0"] = String(value).split("e");
  const [whole = "0", fraction = ""] = digits.split(".");
  return [BigInt(whole + fraction), fraction.length - Number(exponent)];
}
