/** The smallest parts of the schema, which more than one of its files is made of. */
import * as v from "valibot";
import { Secret } from "../core/index.ts";
import type { SecretRef } from "./secret.ts";

export const isNoName =
  'Must be at most 64 letters, digits, ".", "_" or "-" that begin with a letter or digit';
export const nameShape: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export const text = v.pipe(v.string(), v.minLength(1, "Must not be empty"));

export function wholeNumber(min: number, max: number, message: string) {
  return v.pipe(v.number(), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
}

/** The user writes a `SecretRef`; by the time this is parsed its value has been read. */
export const secretValue = v.pipe(
  v.custom<Secret | SecretRef>(
    (value) => value instanceof Secret,
    'Must be a secret such as secret("NAME")',
  ),
  v.transform((value) => value as Secret),
);
export const textOrSecret = v.pipe(
  v.custom<string | Secret | SecretRef>(
    (value) => typeof value === "string" || value instanceof Secret,
    `Must be a string or a secret such as secret("NAME")`,
  ),
  v.transform((value) => value as string | Secret),
);
/** Where these stand, `{ secret: … }` names a secret; elsewhere it is data. */
export const secretNodes: ReadonlySet<unknown> = new Set([secretValue, textOrSecret]);

/** `upstream/name`, where `*` stands for any run of characters; or `*` alone. */
export const pattern = v.pipe(
  v.string(),
  v.check(
    (value) => value === "*" || /^[^/]+\/./s.test(value),
    'Must be "upstream/name", where "*" stands for any run of characters, or "*" alone',
  ),
  v.maxLength(1024, "Must be at most 1024 characters"),
);
export const patterns = v.pipe(v.array(pattern), v.minLength(1, "Must not be empty"));
export function isPattern(value: string): boolean {
  return v.is(pattern, value);
}
