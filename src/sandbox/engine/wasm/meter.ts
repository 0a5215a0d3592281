/**
 * Puts a fuel counter into a wasm module: whatever runs long counts down, and calls the host each
 * time that the counter has passed below zero. The engine polls its own interrupt handler in
 * bytecode and regular expressions alone; this holds in its builtins too (`indexOf` on a length of
 * 2^53, a quadratic search, BigInt).
 *
 * Counted are each turn of a loop, each entry of a function that calls others (of the
 * rest, no more than its caller's own code can run), and each 64 bytes of a bulk operation:
 * without the last, moving 16 MB costs a millisecond and no fuel. How deep the stack went is kept
 * too: below that it was never written.
 */
import {
  createReader,
  createWriter,
  name,
  readByte,
  readName,
  readU32,
  s32,
  skip,
  skipLeb,
  u32,
} from "./bytes.ts";
import type { Reader, Writer } from "./bytes.ts";
import { op, readInstruction } from "./instructions.ts";
import {
  appendTo,
  parseSections,
  readList,
  sectionIds,
  toModule,
  type Section,
} from "./sections.ts";

export interface MeterSettings {
  /** The import that is called with 0 when the fuel has run out: `(i32) -> i32`. */
  readonly tick: string;
  readonly initialFuel: number;
  /** Names for the exported globals. */
  readonly fuelName: string;
  readonly stackName: string;
  readonly depthName: string;
}

/** Function and global indices that the inserted code speaks of. */
interface Targets {
  readonly fuel: number;
  readonly depth: number;
  readonly tickImport: number;
  readonly tick: number;
  readonly copy: number;
  readonly fill: number;
}

const i32 = 0x7f;
const bulkShift = 6;
const stackPointer = 0;

/** Throws where the module is not of the kind that it knows. */
export function meter(bytes: Uint8Array, settings: MeterSettings): Uint8Array<ArrayBuffer> {
  const sections = parseSections(bytes);
  const find = (id: number): Section => {
    const [found, second] = sections.filter((section) => section.id === id);
    if (found === undefined || second !== undefined)
      throw new Error(`The wasm does not have exactly one section ${id}`);
    return found;
  };
  const imports = readFunctionImports(find(sectionIds.import));
  const tickImport = imports.indexOf(settings.tick);
  if (tickImport === -1) throw new Error(`The wasm does not import "${settings.tick}"`);
  const defined = readList(find(sectionIds.function)).count;
  const first = imports.length + defined;
  checkGlobals(find(sectionIds.global));
  const targets = {
    fuel: 1,
    depth: 2,
    tickImport,
    tick: first,
    copy: first + 1,
    fill: first + 2,
  };
  const parameters = readParameters(find(sectionIds.type), find(sectionIds.function));
  const nothing = findType(find(sectionIds.type), [], []);
  const bulk = findType(find(sectionIds.type), [i32, i32, i32], []);
  const changed = new Map<number, Section>([
    [
      sectionIds.function,
      appendTo(find(sectionIds.function), [u32(nothing), u32(bulk), u32(bulk)]),
    ],
    [
      sectionIds.global,
      appendTo(find(sectionIds.global), [
        [i32, 1, op.i32Const, ...s32(settings.initialFuel), op.end],
        [i32, 1, op.i32Const, ...s32(2 ** 31 - 1), op.end],
      ]),
    ],
    [
      sectionIds.export,
      appendTo(find(sectionIds.export), [
        [...name(settings.fuelName), 3, ...u32(targets.fuel)],
        [...name(settings.stackName), 3, ...u32(stackPointer)],
        [...name(settings.depthName), 3, ...u32(targets.depth)],
      ]),
    ],
    [sectionIds.code, meterCode(find(sectionIds.code), parameters, targets)],
  ]);
  return toModule(sections.map((section) => changed.get(section.id) ?? section));
}

/** Exactly one global, the stack pointer; what else could change would have to be put back too. */
function checkGlobals(section: Section): void {
  const { count, entries } = readList(section);
  if (count !== 1 || entries[0] !== i32 || entries[1] !== 1)
    throw new Error("The wasm has other globals than its stack pointer");
}

function readFunctionImports(section: Section): readonly string[] {
  const reader = createReader(section.body);
  const names: string[] = [];
  for (let count = readU32(reader); count > 0; count--) {
    readName(reader);
    const field = readName(reader);
    const kind = readByte(reader);
    if (kind === 0) {
      skipLeb(reader);
      names.push(field);
    } else if (kind === 2) {
      const hasMaximum = readByte(reader) === 1;
      skipLeb(reader);
      if (hasMaximum) skipLeb(reader);
    } else throw new Error(`The wasm imports "${field}", which is neither function nor memory`);
  }
  return names;
}

function findType(section: Section, parameters: readonly number[], results: readonly number[]) {
  const wanted = [0x60, parameters.length, ...parameters, results.length, ...results].join();
  const reader = createReader(section.body);
  const count = readU32(reader);
  for (let index = 0; index < count; index++) {
    const from = reader.at;
    skip(reader, 1);
    skip(reader, readU32(reader));
    skip(reader, readU32(reader));
    if (section.body.subarray(from, reader.at).join() === wanted) return index;
  }
  throw new Error("The wasm lacks a type of function that the fuel counter needs");
}

/** How many each function has. */
function readParameters(types: Section, functions: Section): readonly number[] {
  const byType: number[] = [];
  const reader = createReader(types.body);
  for (let left = readU32(reader); left > 0; left--) {
    skip(reader, 1);
    const count = readU32(reader);
    byType.push(count);
    skip(reader, count);
    skip(reader, readU32(reader));
  }
  const indexes = createReader(functions.body);
  return Array.from({ length: readU32(indexes) }, () => {
    const count = byType[readU32(indexes)];
    if (count === undefined) throw new Error("The wasm has a function without a type");
    return count;
  });
}

function meterCode(section: Section, parameters: readonly number[], targets: Targets): Section {
  const reader = createReader(section.body);
  const writer = createWriter(1 << 20);
  const count = readU32(reader);
  writer.push(...u32(count + 3));
  const add = (body: Uint8Array) => {
    writer.push(...u32(body.length));
    writer.copy(body);
  };
  for (let index = 0; index < count; index++) {
    const length = readU32(reader);
    const from = reader.at;
    skip(reader, length);
    const body = createReader(section.body, from, reader.at);
    add(meterBody(body, parameters[index] ?? 0, targets));
  }
  const noLocals = 0;
  const oneLocal = [1, 1, i32];
  const tick = [op.i32Const, 0, op.call, ...u32(targets.tickImport), op.drop, op.end];
  add(Uint8Array.from([noLocals, ...tick]));
  for (const bulk of [
    [10, 0, 0],
    [11, 0],
  ])
    add(Uint8Array.from([...oneLocal, ...toBulk(bulk, targets)]));
  return { id: section.id, body: writer.done() };
}

/** Each function gets one more local, which spares the inserted code half of its loads. */
function meterBody(reader: Reader, parameters: number, targets: Targets): Uint8Array {
  const writer = createWriter();
  const groups = readU32(reader);
  const start = reader.at;
  let local = parameters;
  for (let left = groups; left > 0; left--) {
    local += readU32(reader);
    skip(reader, 1);
  }
  writer.push(...u32(groups + 1));
  writer.copy(reader.bytes.subarray(start, reader.at));
  writer.push(1, i32);
  const one = toCharge([op.i32Const, 1], local, targets);
  if (callsOthers(createReader(reader.bytes, reader.at, reader.end))) writer.push(...one);
  meterInstructions(reader, writer, { one, depth: toDepth(local, targets), targets });
  return writer.done();
}

function callsOthers(reader: Reader): boolean {
  while (reader.at < reader.end) if (readInstruction(reader) === "call") return true;
  return false;
}

interface Inserts {
  readonly one: readonly number[];
  readonly depth: readonly number[];
  readonly targets: Targets;
}
function meterInstructions(reader: Reader, writer: Writer, { one, depth, targets }: Inserts): void {
  let copied = reader.at;
  while (reader.at < reader.end) {
    const from = reader.at;
    const kind = readInstruction(reader);
    if (kind === "other" || kind === "call") continue;
    if (kind === "loop" || kind === "stack") {
      writer.copy(reader.bytes.subarray(copied, reader.at));
      writer.push(...(kind === "loop" ? one : depth));
    } else {
      writer.copy(reader.bytes.subarray(copied, from));
      writer.push(op.call, ...u32(kind === "memory.copy" ? targets.copy : targets.fill));
    }
    copied = reader.at;
  }
  writer.copy(reader.bytes.subarray(copied, reader.at));
}

/** Takes what `amount` leaves on the stack from the fuel, and calls the host below zero. */
function toCharge(
  amount: readonly number[],
  local: number,
  { fuel, tick }: Targets,
): readonly number[] {
  const left = u32(local);
  return [
    op.globalGet,
    fuel,
    ...amount,
    op.i32Sub,
    op.localTee,
    ...left,
    op.globalSet,
    fuel,
  ].concat(
    [op.localGet, ...left, op.i32Const, 0, op.i32LtS, op.if, op.void],
    [op.call, ...u32(tick), op.end],
  );
}

/** After the stack pointer was set: keeps the lowest that it ever was. */
function toDepth(local: number, { depth }: Targets): readonly number[] {
  const now = u32(local);
  return [op.globalGet, stackPointer, op.localTee, ...now, op.globalGet, depth, op.i32LtU].concat([
    op.if,
    op.void,
    op.localGet,
    ...now,
    op.globalSet,
    depth,
    op.end,
  ]);
}

/** The body of a function `(to, from or value, count)` that charges and then does it. */
function toBulk(instruction: readonly number[], targets: Targets): readonly number[] {
  const amount = [op.localGet, 2, op.i32Const, bulkShift, op.i32ShrU];
  const operands = [op.localGet, 0, op.localGet, 1, op.localGet, 2];
  const local = 3;
  return [...toCharge(amount, local, targets), ...operands, 0xfc, ...instruction, op.end];
}
