import { type Json, type JsonObject, isObject, parseJson } from "../../src/mcp/index.ts";

/** The JSON text read, or a failed test. */
export function jsonOf(text: string): Json {
  const result = parseJson(text);
  if (!result.ok) throw new Error(`Not JSON: ${result.fault}`);
  return result.json;
}

export function objectOf(text: string): JsonObject {
  const json = jsonOf(text);
  if (!isObject(json)) throw new Error("No object");
  return json;
}

/** Processor time, which other processes of the machine do not lengthen. */
export function cpuMs(act: () => void): number {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The text's bytes in chunks of these sizes, again and again; split in the middle of characters too. */
export async function* chunksOf(
  text: string | Uint8Array,
  ...sizes: readonly number[]
): AsyncIterable<Uint8Array> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes.length === 0 ? bytes.length : Math.max(1, sizes[turn % sizes.length]!);
    yield bytes.slice(at, at + size);
    at += size;
  }
}
