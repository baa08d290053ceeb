import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import { listenForDatagram } from "../../src/lib/sandbox/check/datagram-listener.ts";
import { sendFromPair } from "../../src/lib/sandbox/check/rows/sockets.ts";
import { programOf } from "../../src/lib/sandbox/check/steps.ts";
import { attack } from "../support/attack.ts";
import { scaled } from "../support/speed.ts";
import type { Workspace } from "../support/workspace.ts";

attack(
  "a sandboxed program that sends to a Unix socket from one of a pair",
  "minimal",
  ({ profile, makePlace, ids }) => {
    let place: Workspace;
    let heard: string[];
    let message: Promise<void>;
    let end: (() => Promise<void>) | undefined;
    beforeEach(async () => {
      place = makePlace();
      heard = [];
      const arrival = Promise.withResolvers<void>();
      message = arrival.promise;
      // A server of the machine's, in plain sight.
      end = await listenForDatagram(join(place.cwd, "server"), (text) => {
        heard.push(text);
        arrival.resolve();
      });
      for (const from of ["inside", "outside"])
        writeFileSync(join(place.cwd, from), programOf(sendFromPair("server", from)) ?? "", { mode: 0o755 });
    });
    afterEach(async () => {
      await end?.();
      place.dispose();
    });

    it("isn't heard, while the same program outside is", { timeout: scaled(10_000) }, async () => {
      const { code } = await place.run(["sandbox", "run", "--profile", profile, "--", "./inside"], {
        cwd: place.cwd,
      });
      assert.equal(code, 0x80 + 97, "EAFNOSUPPORT, before the last call");
      assert.equal(spawnSync("./outside", { cwd: place.cwd, ...ids }).status, 0);
      await message;
      assert.deepEqual(heard, ["outside"]);
    });
  },
);
