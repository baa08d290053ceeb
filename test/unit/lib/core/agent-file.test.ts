import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openAgentFile, readAgentFile } from "../../../../src/lib/core/agent-file.ts";

describe("a file that an agent may have written", () => {
  const root = mkdtempSync(join(tmpdir(), "pictl-agent-file-"));
  const path = (name: string) => join(root, name);
  const read = (name: string, options = {}) => readAgentFile(path(name), { maxBytes: 100, ...options });
  const server = createServer();

  before(async () => {
    mkdirSync(path("w/.pictl"), { recursive: true });
    mkdirSync(path("outside"));
    writeFileSync(path("w/.pictl/config.toml"), "inside");
    writeFileSync(path("outside/config.toml"), "outside");
    symlinkSync(path("outside/config.toml"), path("link"));
    symlinkSync(path("outside"), path("w/linked"));
    symlinkSync("/dev/zero", path("endless"));
    execFileSync("mkfifo", [path("pipe")]);
    writeFileSync(path("large"), "");
    truncateSync(path("large"), 2 ** 40);
    await new Promise<void>((resolve) => server.listen(path("socket"), resolve));
  });
  after(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(root, { recursive: true });
  });

  test("is read when it is a regular one of that size at most", () => {
    assert.equal(read("outside/config.toml").toString(), "outside");
    assert.equal(read("outside/config.toml", { maxBytes: 7 }).toString(), "outside");
    assert.throws(() => read("outside/config.toml", { maxBytes: 6 }), { code: "EFBIG" });
    assert.throws(() => read("large"), { code: "EFBIG" });
    assert.throws(() => read("gone"), { code: "ENOENT" });
  });

  test("is neither waited for nor read without end", () => {
    for (const name of ["pipe", "socket"]) assert.throws(() => read(name), { code: "EFTYPE" });
    assert.throws(() => read("endless", { links: "follow" }), { code: "EFTYPE" });
    assert.throws(() => read("outside"), { code: "EISDIR" });
    assert.throws(() => read("outside/config.toml", { owner: 12345 }), { code: "EOWNER" });
  });

  test("is no link, unless links are followed", () => {
    assert.throws(() => read("link"), { code: "ELOOP" });
    assert.equal(read("link", { links: "follow" }).toString(), "outside");
  });

  test("lies behind no link below a directory", () => {
    const links = { below: path("w") };
    assert.equal(read("w/.pictl/config.toml", { links }).toString(), "inside");
    assert.equal(read("w/linked/config.toml").toString(), "outside");
    assert.throws(() => read("w/linked/config.toml", { links }), { code: "ELOOP" });
    // What is above is the user's.
    symlinkSync(path("w"), path("by-link"));
    const above = { below: path("by-link") };
    assert.equal(read("by-link/.pictl/config.toml", { links: above }).toString(), "inside");
    assert.throws(() => read("by-link/linked/config.toml", { links: above }), { code: "ELOOP" });
  });

  test("is opened as the same file under each of its names", () => {
    linkSync(path("w/.pictl/config.toml"), path("w/name"));
    const fd = openAgentFile(path("w/name"), { links: { below: path("w") } });
    assert.equal(readFileSync(fd, "utf8"), "inside");
    closeSync(fd);
  });
});
