/**
 * An argument of a call: a number, bytes in memory (their address is passed; the same buffer is the same memory), or what
 * an earlier call returned.
 */
export type Operand = number | bigint | Buffer | { resultOf: number };

/** One call of a program: its number and up to six arguments. */
export interface Call {
  number: number;
  args: readonly Operand[];
}

/** Set in the exit code when it was a call before the last one that failed. */
export const PREPARATION_FAILED = 0x80;

/** Where the program lies in its memory. */
export const PROGRAM_ADDRESS = 0x40_0000n;
const HEADERS = 64 + 56;
const EXIT_GROUP = { x64: 231, arm64: 94 };

/**
 * A static ELF program that makes system calls one after another and exits with 0, or with the errno of the first that
 * failed (with {@link PREPARATION_FAILED} for all but the last). Node makes no system calls of one's choosing, and
 * neither a compiler nor an interpreter that does is everywhere.
 *
 * Source of the layout: elf(5); of the calling conventions: syscall(2).
 *
 * @returns undefined for an architecture that it isn't written for
 */
export function syscallProgram(
  calls: readonly Call[],
  architecture: NodeJS.Architecture,
): Buffer | undefined {
  if (architecture !== "x64" && architecture !== "arm64") return undefined;
  const emit = architecture === "x64" ? emitX64 : emitArm64;
  // The length of the code doesn't depend on the addresses in it: a first pass measures.
  const length = emit(calls, () => 0n, 0n).length;
  const data: Buffer[] = [];
  let end = PROGRAM_ADDRESS + BigInt(HEADERS + length);
  const results = end;
  data.push(Buffer.alloc(8 * calls.length));
  end += BigInt(8 * calls.length);
  const placed = new Map<Buffer, bigint>();
  const place = (bytes: Buffer): bigint => {
    const known = placed.get(bytes);
    if (known !== undefined) return known;
    const padded = Buffer.alloc(Math.ceil((bytes.length + 1) / 8) * 8);
    bytes.copy(padded);
    data.push(padded);
    const address = end;
    placed.set(bytes, address);
    end += BigInt(padded.length);
    return address;
  };
  const code = emit(calls, place, results);
  return Buffer.concat([headers(architecture, Number(end - PROGRAM_ADDRESS)), code, ...data]);
}

/** Text as C has it. */
export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

function headers(architecture: "x64" | "arm64", size: number): Buffer {
  const bytes = Buffer.alloc(HEADERS);
  bytes.write("\x7fELF\x02\x01\x01", "latin1");
  bytes.writeUInt16LE(2, 16); // executable
  bytes.writeUInt16LE(architecture === "x64" ? 62 : 183, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(PROGRAM_ADDRESS + BigInt(HEADERS), 24);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  const segment = bytes.subarray(64);
  segment.writeUInt32LE(1, 0); // loaded
  segment.writeUInt32LE(7, 4); // read, written and run
  segment.writeBigUInt64LE(PROGRAM_ADDRESS, 16);
  segment.writeBigUInt64LE(PROGRAM_ADDRESS, 24);
  segment.writeBigUInt64LE(BigInt(size), 32);
  segment.writeBigUInt64LE(BigInt(size), 40);
  segment.writeBigUInt64LE(0x1000n, 48);
  return bytes;
}

type Emit = (calls: readonly Call[], place: (bytes: Buffer) => bigint, results: bigint) => Buffer;

/** The value of an operand, or the address that it is to be loaded from. */
function resolve(
  operand: Operand,
  place: (bytes: Buffer) => bigint,
  results: bigint,
): { value: bigint; loaded: boolean } {
  if (Buffer.isBuffer(operand)) return { value: place(operand), loaded: false };
  if (typeof operand === "object") return { value: results + BigInt(8 * operand.resultOf), loaded: true };
  return { value: BigInt.asUintN(64, BigInt(operand)), loaded: false };
}

const emitX64: Emit = (calls, place, results) => {
  // mov REG, imm64 and mov REG, [REG] of rdi, rsi, rdx, r10, r8, r9
  const MOVE = ["48bf", "48be", "48ba", "49ba", "49b8", "49b9"];
  const LOAD = ["488b3f", "488b36", "488b12", "4d8b12", "4d8b00", "4d8b09"];
  const code: string[] = [];
  for (const [index, { number, args }] of calls.entries()) {
    for (const [position, operand] of args.entries()) {
      const { value, loaded } = resolve(operand, place, results);
      code.push(MOVE[position] ?? "", imm64(value), loaded ? (LOAD[position] ?? "") : "");
    }
    const isLast = index === calls.length - 1;
    // mov rdi, rax; neg rdi; or edi, 0x80 (83 /1 would extend the sign); exit_group
    const exit = `4889c748f7df${isLast ? "" : "81cf80000000"}b8${imm32(EXIT_GROUP.x64)}0f05`;
    code.push("48b8", imm64(BigInt(number)), "0f05");
    code.push("4885c0", "79", (exit.length / 2).toString(16).padStart(2, "0"), exit);
    code.push("48bf", imm64(results + BigInt(8 * index)), "488907");
  }
  code.push("31ff", "b8", imm32(EXIT_GROUP.x64), "0f05");
  return Buffer.from(code.join(""), "hex");
};

const emitArm64: Emit = (calls, place, results) => {
  const code: number[] = [];
  const move = (register: number, value: bigint) => {
    for (let part = 0; part < 4; part++) {
      const bits = Number((value >> BigInt(16 * part)) & 0xffffn);
      code.push(((part === 0 ? 0xd280_0000 : 0xf280_0000) | (part << 21) | (bits << 5) | register) >>> 0);
    }
  };
  const SVC = 0xd400_0001;
  const exit = (before: readonly number[]) => {
    code.push(...before);
    move(8, BigInt(EXIT_GROUP.arm64));
    code.push(SVC);
  };
  for (const [index, { number, args }] of calls.entries()) {
    for (const [position, operand] of args.entries()) {
      const { value, loaded } = resolve(operand, place, results);
      move(position, value);
      if (loaded) code.push((0xf940_0000 | (position << 5) | position) >>> 0); // ldr xN, [xN]
    }
    move(8, BigInt(number));
    const isLast = index === calls.length - 1;
    // neg x0, x0; add x0, x0, #0x80
    const failed = isLast ? [0xcb00_03e0] : [0xcb00_03e0, 0x9102_0000];
    const skipped = failed.length + 4 + 1 + 1;
    code.push(SVC, (0xb6f8_0000 | (skipped << 5)) >>> 0); // tbz x0, #63: past the exit
    exit(failed);
    move(1, results + BigInt(8 * index));
    code.push(0xf900_0020); // str x0, [x1]
  }
  exit([0xd280_0000]); // mov x0, #0
  const bytes = Buffer.alloc(code.length * 4);
  for (const [index, word] of code.entries()) bytes.writeUInt32LE(word >>> 0, index * 4);
  return bytes;
};

function imm64(value: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes.toString("hex");
}

function imm32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString("hex");
}
