import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr, writeStdout } from "../../lib/cli/output.ts";
import type { PiTreeNode } from "../../lib/cli/pi-data.ts";
import { pickSession } from "../../lib/cli/pick-session.ts";
import { sessionArg, sessionFlag } from "../../lib/cli/session-flags.ts";
import { jsonText } from "../../lib/core/json-text.ts";

interface Tree {
  tree: PiTreeNode[];
  leafId: string | null;
}

export default class SessionTree extends BaseCommand<typeof SessionTree> {
  static override summary = "Draw a session as the tree that it is";
  static override description =
    "Messages and summaries, indented where the conversation branches. * marks the active branch, [ ] an entry's label. `session fork --at` takes the ids of your messages.";
  static override examples = [
    "<%= config.bin %> session tree",
    "<%= config.bin %> session tree review --all",
  ];
  static override args = { session: sessionArg };
  static override flags = {
    session: sessionFlag,
    all: Flags.boolean({
      char: "a",
      description: "Every entry: tool results, changes of model and thinking level, … too",
    }),
  };

  async run(): Promise<void> {
    const target = pickSession(this.args.session, this.flags.session);
    const client = await this.connect();
    const data = (await client.command("get_tree", target)) as Tree;
    if (this.flags.json) {
      // A conversation is a chain of hundreds of levels: indented, it would be mostly spaces.
      await writeStdout(`${jsonText(data)}\n`);
      return;
    }
    const [{ renderTree }, { colorsFor, widthOf }] = await Promise.all([
      import("../../lib/cli/render/session-tree.ts"),
      import("../../lib/cli/render/color.ts"),
    ]);
    const text = renderTree(data.tree, {
      leafId: data.leafId,
      all: this.flags.all,
      colors: await colorsFor(process.stdout),
      width: widthOf(process.stdout),
    });
    if (text === "") await writeStderr("The session is empty.\n");
    await writeStdout(text, { styled: true });
  }
}
