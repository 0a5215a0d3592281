/** Numbers and texts as WebAssembly's binary format writes them (core specification, 5.2). */

export interface Reader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
}

export function createReader(bytes: Uint8Array, at = 0, end = bytes.length): Reader {
  return { bytes, at, end };
}

export function readByte(reader: Reader): number {
  const byte = reader.bytes[reader.at];
  if (byte === undefined || reader.at >= reader.end) throw new Error("The wasm breaks off");
  reader.at++;
  return byte;
}

/** Unsigned LEB128, at most 32 bits. */
export function readU32(reader: Reader): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = readByte(reader);
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw new Error("The wasm holds a number of more than 32 bits");
}

/** Passes over a LEB128 of either sign, at most 64 bits. */
export function skipLeb(reader: Reader): void {
  for (let count = 0; count < 10; count++) if (readByte(reader) < 0x80) return;
  throw new Error("The wasm holds a number of more than 64 bits");
}

export function skip(reader: Reader, count: number): void {
  if (reader.at + count > reader.end) throw new Error("The wasm breaks off");
  reader.at += count;
}

export function readName(reader: Reader): string {
  const length = readU32(reader);
  const from = reader.at;
  skip(reader, length);
  return new TextDecoder().decode(reader.bytes.subarray(from, reader.at));
}

export function u32(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

/** Signed LEB128 of an i32. */
export function s32(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    const isLast = (rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0);
    bytes.push(isLast ? byte : byte | 0x80);
    if (isLast) return bytes;
  }
}

export function name(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  return [...u32(bytes.length), ...bytes];
}

/** Grows by doubling: the code section has half a megabyte. */
export interface Writer {
  readonly push: (...bytes: number[]) => void;
  readonly copy: (from: Uint8Array) => void;
  readonly done: () => Uint8Array<ArrayBuffer>;
}

export function createWriter(capacity = 1 << 10): Writer {
  let buffer = new Uint8Array(capacity);
  let length = 0;
  const reserve = (count: number) => {
    if (length + count <= buffer.length) return;
    const larger = new Uint8Array(Math.max(buffer.length * 2, length + count));
    larger.set(buffer.subarray(0, length));
    buffer = larger;
  };
  const copy = (from: Uint8Array) => {
    reserve(from.length);
    buffer.set(from, length);
    length += from.length;
  };
  return {
    copy,
    push: (...bytes) => copy(Uint8Array.from(bytes)),
    done: () => buffer.slice(0, length),
  };
}
