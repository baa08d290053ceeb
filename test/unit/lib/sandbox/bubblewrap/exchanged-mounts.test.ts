import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { findExchangedMount } from "../../../../../src/lib/sandbox/bubblewrap/exchanged-mounts.ts";
import type { Mount } from "../../../../../src/lib/sandbox/bubblewrap/mount-points.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-mounts-")));
after(() => rmSync(root, { recursive: true }));
/** Where agents write. */
const work = join(root, "work");
for (const name of ["sub", "git"]) mkdirSync(join(work, name), { recursive: true });
writeFileSync(join(work, "key"), "");

const mount = (id: string, parent: string, device: string, from: string, point: string, type = "ext4") =>
  ({ id, parent, device, root: from, point, type }) satisfies Mount;
/** The root of the machine is the directory `/sys-root` of its file system. */
const HOST = [mount("1", "0", "8:1", "/sys-root", "/"), mount("2", "1", "0:5", "/", "/dev", "devtmpfs")];
const onDisk = (point: string, from = point) => mount("9", "7", "8:1", `/sys-root${from}`, point);

const find = (args: readonly string[], inside: readonly Mount[], host: readonly Mount[] = HOST) =>
  findExchangedMount(args, inside, host, [work]);

describe("mounts that aren't what was asked for", () => {
  const sub = join(work, "sub");
  const args = ["--size", "1", "--tmpfs", "/tmp", "--bind", work, work, "--bind", sub, sub];

  test("are found by where they lie, or because there are none", () => {
    assert.equal(find(args, [onDisk(work), onDisk(sub)]), undefined);
    assert.deepEqual(find(args, [onDisk(work), onDisk(sub, "/home/me/.ssh")]), {
      place: sub,
      found: "/home/me/.ssh",
    });
    assert.deepEqual(find(args, [onDisk(work), onDisk("/elsewhere", sub)]), { place: sub, found: undefined });
  });

  test("are found at a place where one of several was mounted elsewhere", () => {
    const twice = [...args, "--bind", sub, sub];
    assert.equal(find(twice, [onDisk(work), onDisk(sub), onDisk(sub)]), undefined);
    assert.deepEqual(find(twice, [onDisk(work), onDisk("/elsewhere", "/home/me/.ssh"), onDisk(sub)]), {
      place: sub,
      found: undefined,
    });
  });

  test("are found where something is to be covered", () => {
    const key = join(work, "key");
    const cover = ["--ro-bind", "/dev/null", key, "--perms", "0000", "--tmpfs", sub];
    const nothing = mount("9", "7", "0:5", "/null", key, "devtmpfs");
    const memory = mount("9", "7", "0:9", "/", sub, "tmpfs");
    assert.equal(find(cover, [nothing, memory]), undefined);
    assert.deepEqual(find(cover, [memory]), { place: key, found: undefined });
    assert.deepEqual(find(cover, [nothing, onDisk(sub)]), { place: sub, found: sub });
  });

  test("may be missing where what was to be mounted has gone, and nowhere else", () => {
    const optional = (name: string) => ["--ro-bind-try", join(work, name), join(work, name)];
    assert.equal(find(optional("gone"), []), undefined);
    assert.deepEqual(find(optional("key"), []), { place: join(work, "key"), found: undefined });
    assert.deepEqual(find(optional("gone"), [onDisk(join(work, "gone"), "/etc/shadow")]), {
      place: join(work, "gone"),
      found: "/etc/shadow",
    });
  });

  test("aren't those which lie behind the user's own link, or on another file system of the machine", () => {
    symlinkSync(work, join(root, "link"));
    const linked = join(root, "link", "sub");
    const bind = ["--ro-bind", linked, linked];
    assert.equal(find(bind, [onDisk(sub)]), undefined);
    assert.deepEqual(find(bind, [onDisk(sub, "/etc")]), { place: linked, found: "/etc" });
    const disks = [...HOST, mount("3", "1", "8:2", "/", work), mount("4", "3", "8:3", "/", work)];
    const here = [mount("9", "7", "8:3", "/", work), mount("9", "7", "8:3", "/sub", sub)];
    assert.equal(find(args, here, disks), undefined);
    assert.deepEqual(find(args, [mount("9", "7", "8:2", "/", work), ...here.slice(1)], disks), {
      place: work,
      found: work,
    });
  });

  test("where no agent writes are the machine's own affair", () => {
    assert.equal(
      find(["--ro-bind", "/usr", "/usr", "--ro-bind", "/opt", "/opt"], [onDisk("/usr", "/x")]),
      undefined,
    );
  });

  test("are looked for past targets of links that look like arguments", () => {
    assert.equal(
      find(["--symlink", "--bind", "/x", "--dir", "/y", ...args], [onDisk(work), onDisk(sub)]),
      undefined,
    );
  });
});
