import assert from "node:assert/strict";
import { test } from "node:test";
import { seccompFilter } from "../../../../../src/lib/sandbox/bubblewrap/seccomp.ts";
import {
  FIRST_SHARED_NUMBER,
  MODE_CALLS,
  REFUSED,
  SHARED_CALLS,
} from "../../../../../src/lib/sandbox/bubblewrap/system-calls.ts";

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
    else if (code === 0x54) accumulator &= value;
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

  test(`${arch}: lets pairs of sockets be made only when both stay connected to each other`, () => {
    const program = seccompFilter(arch);
    assert.ok(program);
    const pair = (family: number, type: number) =>
      verdict(program, { arch: AUDIT[arch], number: NUMBERS[arch].socketpair, args: [family, type, 0] });
    const CLOEXEC_NONBLOCK = 0o2004000;
    assert.deepEqual(
      [1, 5].flatMap((type) => [pair(1, type), pair(1, type | CLOEXEC_NONBLOCK)]),
      Array(4).fill(ALLOW),
      "stream, seqpacket",
    );
    assert.deepEqual(
      [2, 3].flatMap((type) => [pair(1, type), pair(1, type | CLOEXEC_NONBLOCK)]),
      Array(4).fill(EAFNOSUPPORT),
      "datagrams, and raw, which the kernel takes for datagrams",
    );
    assert.equal(pair(30, 1), EAFNOSUPPORT, "TIPC");
  });

  test(`${arch}: refuses the setuid and setgid bits in every call that sets a mode, and no other bits`, () => {
    const program = seccompFilter(arch);
    assert.ok(program);
    const CREATE = 0o100;
    const TMPFILE = 0o20200000;
    for (const [name, call] of Object.entries(MODE_CALLS)) {
      const { [arch]: number, mode, flags } = call;
      if (number === undefined) continue;
      const ask = (bits: number, with_: number): number => {
        const args: number[] = [0, 0, 0, 0];
        args[mode] = bits;
        if (flags !== undefined) args[flags] = with_;
        return verdict(program, { arch: AUDIT[arch], number, args });
      };
      for (const with_ of [CREATE, TMPFILE | 2]) {
        for (const bits of [0o4755, 0o2755, 0o6000, 0o104755]) assert.equal(ask(bits, with_), EPERM, name);
        for (const bits of [0o777, 0o1777, 0o100644, 0]) assert.equal(ask(bits, with_), ALLOW, name);
      }
      // Without O_CREAT the argument is whatever the register holds.
      if (flags !== undefined) assert.equal(ask(0o7777, 0o2000002), ALLOW, name);
    }
  });

  test(`${arch}: calls that are newer than the table, or have no number, are unknown`, () => {
    const program = seccompFilter(arch);
    assert.ok(program);
    const ask = (number: number) => verdict(program, { arch: AUDIT[arch], number });
    const newest = FIRST_SHARED_NUMBER + SHARED_CALLS.length - 1;
    assert.equal(ask(newest), ALLOW);
    // 512 to 547 are x32's, which an x64 kernel before 5.4 took from any program.
    for (const number of [newest + 1, 512, 520, 547, 0x3fff_ffff]) assert.equal(ask(number), ENOSYS);
    for (const number of [423, arch === "x64" ? 337 : 295]) assert.equal(ask(number), ENOSYS);
    assert.equal(ask(arch === "x64" ? 336 : 293), ALLOW);
  });

  test(`${arch}: refuses each call that is listed`, () => {
    const program = seccompFilter(arch);
    assert.ok(program);
    const ask = (number: number) => verdict(program, { arch: AUDIT[arch], number });
    for (const [name, { [arch]: number }] of Object.entries(REFUSED))
      if (number !== undefined) assert.equal(ask(number), EPERM, name);
    const answers = { allow: ALLOW, refuse: EPERM, unknown: ENOSYS };
    for (const [index, [name, answer]] of SHARED_CALLS.entries())
      assert.equal(ask(FIRST_SHARED_NUMBER + index), answers[answer], name);
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

test("the table of shared numbers has each call in its place", () => {
  const number = (name: string) => FIRST_SHARED_NUMBER + SHARED_CALLS.findIndex(([each]) => each === name);
  assert.deepEqual(
    ["clone3", "openat2", "quotactl_fd", "cachestat", "mseal", "open_tree_attr", "listns"].map(number),
    [435, 437, 443, 451, 462, 467, 470],
  );
  assert.equal(SHARED_CALLS.length, 471 - FIRST_SHARED_NUMBER + 1);
  for (const [name, , reason] of SHARED_CALLS) assert.ok(reason.length > 4, name);
});

test("an architecture whose numbers aren't known has no filter", () => {
  assert.equal(seccompFilter("riscv64"), undefined);
});
