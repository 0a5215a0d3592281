/** Walks over the instructions of a function; what it does not know it refuses. */
import { readByte, readU32, skip, skipLeb, type Reader } from "./bytes.ts";

export const op = {
  unreachable: 0x00,
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  call: 0x10,
  callIndirect: 0x11,
  drop: 0x1a,
  localGet: 0x20,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Const: 0x41,
  i32LtS: 0x48,
  i32LtU: 0x49,
  i32Sub: 0x6b,
  i32ShrU: 0x76,
  void: 0x40,
} as const;

export type Kind = "loop" | "call" | "stack" | "memory.copy" | "memory.fill" | "other";

/** Reads one instruction with what follows its opcode, and says which of the marked ones it was. */
export function readInstruction(reader: Reader): Kind {
  const code = readByte(reader);
  if (code === 0xfc) return readBulk(reader);
  if (code === 0x0e) {
    for (let count = readU32(reader) + 1; count > 0; count--) skipLeb(reader);
    return "other";
  }
  const isStack = code === op.globalSet && reader.bytes[reader.at] === 0;
  skipOperands(reader, code);
  if (isStack) return "stack";
  if (code === op.call || code === op.callIndirect) return "call";
  return code === op.loop ? "loop" : "other";
}

function skipOperands(reader: Reader, code: number): void {
  if (hasNoOperands(code)) return;
  // block, loop, if; br, br_if; call; locals and globals; memory.size; i32.const, i64.const
  if (
    (code >= 0x02 && code <= 0x04) ||
    code === 0x0c ||
    code === 0x0d ||
    code === 0x10 ||
    (code >= 0x20 && code <= 0x24) ||
    code === 0x3f ||
    code === 0x41 ||
    code === 0x42
  )
    return skipLeb(reader);
  // call_indirect; loads and stores with alignment and offset
  if (code === 0x11 || (code >= 0x28 && code <= 0x3e)) {
    skipLeb(reader);
    return skipLeb(reader);
  }
  if (code === 0x43) return skip(reader, 4);
  if (code === 0x44) return skip(reader, 8);
  throw new Error(`The wasm has the unknown opcode 0x${code.toString(16)}`);
}

/** unreachable, nop, else, end, return, drop, select; comparisons, arithmetic, conversions. */
function hasNoOperands(code: number): boolean {
  return (
    code === 0x00 ||
    code === 0x01 ||
    code === 0x05 ||
    code === op.end ||
    code === 0x0f ||
    code === op.drop ||
    code === 0x1b ||
    (code >= 0x45 && code <= 0xc4)
  );
}

function readBulk(reader: Reader): Kind {
  const code = readU32(reader);
  // Conversions that saturate.
  if (code <= 7) return "other";
  if (code === 10) {
    skip(reader, 2);
    return "memory.copy";
  }
  if (code === 11) {
    skip(reader, 1);
    return "memory.fill";
  }
  throw new Error(`The wasm has the unknown opcode 0xfc ${code}`);
}
