/** The arguments that a guest sends along: outside bytes, until they are read. */
import type { Fault } from "./acts.ts";

/** `maxLength` in UTF-16 units: whoever waits on the main thread pays for what is read there. */
export function readArgs(text: string, maxLength: number): readonly unknown[] | Fault {
  const fault = { fault: "The host cannot read what it is asked" };
  if (text.length > maxLength) return { fault: "The host is asked with too much" };
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : fault;
  } catch (error) {
    if (error instanceof SyntaxError) return fault;
    throw error;
  }
}
