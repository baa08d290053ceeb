import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterEach, beforeEach, it } from "node:test";
import { attack } from "../support/attack.ts";
import type { Workspace } from "../support/workspace.ts";

/** Reading the others may wait. */
const ROOT_ONLY = ["slabinfo", "vmallocinfo", "timer_list", "pagetypeinfo", "kpagecount", "kpageflags"];

attack("a sandboxed command that reads what only root may know of the kernel", "strict", (setting) => {
  let place: Workspace;
  beforeEach(() => {
    place = setting.makePlace();
    execFileSync("git", ["init", "-q", place.cwd], setting.ids);
  });
  afterEach(() => place.dispose());

  it("opens none of it, and reads the rest of /proc", async () => {
    assert.ok(
      ROOT_ONLY.some((name) => existsSync(`/proc/${name}`)),
      "there is nothing to read",
    );
    const line = `for name in ${ROOT_ONLY.join(" ")}; do head -c 8 /proc/$name >/dev/null 2>&1 && echo "$name"; done
      find /proc -maxdepth 1 -type f ! -perm -004; head -c 3 /proc/meminfo`;
    const { stdout, stderr } = await setting.runInside(place, line);
    const seen =
      setting.ids.uid === undefined && process.getuid?.() === 0
        ? stdout
        : stdout.replace(/^\/proc.*\n/gm, "");
    assert.equal(seen, "Mem", stderr);
  });
});
