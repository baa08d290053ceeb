import assert from "node:assert/strict";
import { test } from "node:test";
import { seccompFilter } from "../../../../../src/lib/sandbox/bubblewrap/seccomp.ts";

const ALLOW = 0x7fff_0000;
const EPERM = 0x0005_0000 | 1;
const ENOSYS = 0x0005_0000 | 38;
const EAFNOSUPPORT = 0x0005_0000 | 97;
const AUDIT = { x64: 0xc000003e, arm64: 0xc00000b7 };

/** What the kernel would make of a call: the part of classic BPF that the filter uses (linux/filter.h). */
function verdict(program: Buffer, call: { arch: number; number: number; args?: number[] }): number {
  const data = new Map<number, number>([
    [0, call.number],
    [4, call.arch],
    ...(call.args ?? []).map((value, index): [number, number] => [16 + 8 * index, value]),
  ]);
  let accumulator = 0;
  for (let at = 0; at * 8 < program.length; at++) {
    const code = program.readUInt16LE(at * 8);
    const [jumpTrue, jumpFalse] = [program.readUInt8(at * 8 + 2), program.readUInt8(at * 8 + 3)];
    const value = program.readUInt32LE(at * 8 + 4);
    if (code === 0x06) return value;
    if (code === 0x20) accumulator = data.get(value) ?? 0;
    else if (code === 0x15) at += accumulator === value ? jumpTrue : jumpFalse;
    else if (code === 0x35) at += accumulator >= value ? jumpTrue : jumpFalse;
    else if (code === 0x45) at += (accumulator & value) !== 0 ? jumpTrue : jumpFalse;
    else throw new Error(`unknown instruction ${code}`);
  }
  throw new Error("the program ends without a verdict");
}

const NUMBERS = {
  x64: { socket: 41, ioctl: 16, clone: 56, ptrace: 101, keyctl: 250, read: 0, socketpair: 53, mount: 165 },
  arm64: {
    socket: 198,
    ioctl: 29,
    clone: 220,
    ptrace: 117,
    keyctl: 219,
    read: 63,
    socketpair: 199,
    mount: 40,
  },
};

for (const arch of ["x64", "arm64"] as const) {
  test(`${arch}: refuses what it is for, and lets the rest through`, () => {
    const program = seccompFilter(arch);
    assert.ok(program);
    const number = NUMBERS[arch];
    const ask = (call: number, ...args: number[]) =>
      verdict(program, { arch: AUDIT[arch], number: call, args });
    assert.equal(ask(number.read), ALLOW);
    assert.equal(ask(number.socketpair, 1, 1, 0), ALLOW);
    assert.deepEqual(
      [2, 10].map((family) => ask(number.socket, family, 1, 0)),
      [ALLOW, ALLOW],
    );
    assert.deepEqual(
      [1, 17, 38, 40].map((family) => ask(number.socket, family, 1, 0)),
      Array(4).fill(EAFNOSUPPORT),
    );
    assert.equal(ask(number.socket, 16, 3, 0), ALLOW);
    assert.equal(ask(number.socket, 16, 3, 9), EAFNOSUPPORT);
    assert.equal(ask(number.ioctl, 0, 0x5401), ALLOW);
    assert.equal(ask(number.ioctl, 0, 0x5412), EPERM);
    assert.equal(ask(number.clone, 0x11), ALLOW);
    assert.equal(ask(number.clone, 0x1000_0011), EPERM);
    for (const call of [number.ptrace, number.keyctl, number.mount]) assert.equal(ask(call), EPERM);
    assert.equal(ask(425), ENOSYS, "io_uring");
    assert.equal(ask(435), ENOSYS, "clone3");
  });

  test(`${arch}: another word size, whose numbers mean other calls, gets nothing`, () => {
    const program = seccompFilter(arch);
    assert.ok(program);
    assert.equal(verdict(program, { arch: 0x40000003, number: 3 }), ENOSYS);
  });
}

test("x64: the other set of calls for the same kernel (x32) gets nothing", () => {
  const program = seccompFilter("x64");
  assert.ok(program);
  assert.equal(verdict(program, { arch: AUDIT.x64, number: 0x4000_0000 + 41, args: [1] }), ENOSYS);
});

test("an architecture whose numbers aren't known has no filter", () => {
  assert.equal(seccompFilter("riscv64"), undefined);
});
