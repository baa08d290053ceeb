import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { Baselines } from "../../src/lib/agent/sandbox/baselines.ts";
import type { LaterChange, SandboxReview } from "../../src/lib/core/sandbox-review.ts";

const SESSION = "a-session";

/** Resolves when the clock of files, which is some milliseconds late, has come to this moment. */
export async function clockTick(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A workspace whose baseline is taken, and what a review of it says: without a sandbox, an agent or a daemon. */
export class ReviewPlace {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "pictl-review-")));
  readonly workspace = join(this.root, "work");
  readonly baselines = new Baselines(join(this.root, "state", "baselines"));

  constructor(t: TestContext, files: Readonly<Record<string, string>> = {}) {
    t.after(() => rmSync(this.root, { recursive: true, force: true }));
    mkdirSync(this.workspace);
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), text);
  }

  at(path: string): string {
    return join(this.workspace, path);
  }

  /** @param roots beside the workspace */
  async begin(roots: readonly string[] = []): Promise<void> {
    await clockTick();
    await this.baselines.take(SESSION, [this.workspace, ...roots]);
    await clockTick();
  }

  async review(accept = false): Promise<SandboxReview> {
    return await this.baselines.review(SESSION, { accept });
  }

  /** The changes by their paths below the workspace, or absolute ones. */
  async changes(): Promise<Record<string, LaterChange>> {
    const { changes } = await this.review();
    const prefix = `${this.workspace}/`;
    return Object.fromEntries(
      changes.map((change) => [
        change.path.startsWith(prefix) ? change.path.slice(prefix.length) : change.path,
        change,
      ]),
    );
  }
}
