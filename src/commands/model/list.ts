import { Args } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { matchModels } from "../../lib/cli/find-model.ts";
import { listModels } from "../../lib/cli/list-models.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import type { PiModel } from "../../lib/cli/pi-data.ts";
import { withProgress } from "../../lib/cli/progress.ts";
import { sessionFlag } from "../../lib/cli/session-flags.ts";

/** A search without a result (docs/exit-codes.md). */
const EXIT_NOTHING_FOUND = 4;

export default class ModelList extends BaseCommand<typeof ModelList> {
  static override summary = "List the models that pi has a credential for";
  static override description =
    "As the current session of this directory sees them; no session is needed. With a pattern only those with it in their name; exits 4 when there is none. Prices are dollars for a million tokens in and out.";
  static override examples = [
    "<%= config.bin %> model list",
    "<%= config.bin %> model list sonnet",
    "<%= config.bin %> model list --json | jq -r '.models[] | select(.reasoning) | .id'",
  ];
  static override args = { pattern: Args.string({ description: "A part of provider/id or of the name" }) };
  static override flags = { session: sessionFlag };

  async run(): Promise<void> {
    const { pattern } = this.args;
    const client = await this.connect();
    const all = await withProgress("Asking pi", listModels(client, this.flags.session));
    const models = pattern === undefined ? all : matchModels(all, pattern);
    await this.show({ models }, () => this.#render(models, all.length));
    if (models.length === 0 && pattern !== undefined) this.setExitCode(EXIT_NOTHING_FOUND);
  }

  async #render(models: readonly PiModel[], all: number): Promise<string> {
    if (models.length === 0) {
      await writeStderr(
        all === 0
          ? "pi has a credential for no model. Export an API key, or log in with pi itself (`pi`, then `/login`).\n"
          : `None of the ${all} models that can be used has "${this.args.pattern}" in its name.\n`,
      );
      return "";
    }
    const [{ renderModels }, { colorsFor, widthOf }] = await Promise.all([
      import("../../lib/cli/render/model-list.ts"),
      import("../../lib/cli/render/color.ts"),
    ]);
    return await renderModels(models, {
      colors: await colorsFor(process.stdout),
      width: widthOf(process.stdout),
    });
  }
}
