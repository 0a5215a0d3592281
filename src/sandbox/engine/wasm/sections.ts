/** A wasm module as its sections, without looking into them. */
import { createReader, createWriter, readByte, readU32, skip, u32 } from "./bytes.ts";

export const sectionIds = {
  type: 1,
  import: 2,
  function: 3,
  global: 6,
  export: 7,
  code: 10,
} as const;

export interface Section {
  readonly id: number;
  readonly body: Uint8Array;
}

const preamble = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

export function parseSections(bytes: Uint8Array): readonly Section[] {
  const reader = createReader(bytes);
  for (const expected of preamble)
    if (readByte(reader) !== expected) throw new Error("This is no wasm of version 1");
  const sections: Section[] = [];
  while (reader.at < reader.end) {
    const id = readByte(reader);
    const length = readU32(reader);
    const from = reader.at;
    skip(reader, length);
    sections.push({ id, body: bytes.subarray(from, reader.at) });
  }
  return sections;
}

export function toModule(sections: readonly Section[]): Uint8Array<ArrayBuffer> {
  const writer = createWriter(1 << 20);
  writer.push(...preamble);
  for (const { id, body } of sections) {
    writer.push(id, ...u32(body.length));
    writer.copy(body);
  }
  return writer.done();
}

/** A section that is a list: how many it has, and the bytes of the entries. */
export function readList(section: Section): {
  readonly count: number;
  readonly entries: Uint8Array;
} {
  const reader = createReader(section.body);
  const count = readU32(reader);
  return { count, entries: section.body.subarray(reader.at) };
}

/** The list with more entries at its end. */
export function appendTo(section: Section, more: readonly (readonly number[])[]): Section {
  const { count, entries } = readList(section);
  const writer = createWriter();
  writer.push(...u32(count + more.length));
  writer.copy(entries);
  for (const entry of more) writer.push(...entry);
  return { id: section.id, body: writer.done() };
}
