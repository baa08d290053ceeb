import { Args, Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { namedSession, projectFrom, sessionFlag } from "../../lib/cli/history/flags.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { currentDirectory } from "../../lib/cli/session-flags.ts";
import { PictlError } from "../../lib/core/errors.ts";

export default class HistoryForget extends BaseCommand<typeof HistoryForget> {
  static override summary = "Take a session, or a project's sessions, out of the history index";
  static override description =
    "They are not found any more, also after a reindex. pi's own files stay: remove those with session delete. Later sessions of a project are indexed again; history = false in its .pictl/config.toml keeps them out.";
  static override examples = [
    "<%= config.bin %> history forget 019abc12",
    "<%= config.bin %> history forget --project ~/src/secret",
    "<%= config.bin %> history forget 019abc12 --undo",
  ];
  static override args = {
    session: Args.string({ name: "session", description: "Full id, unique prefix or name" }),
  };
  static override flags = {
    session: sessionFlag,
    project: Flags.string({
      char: "p",
      description: "All sessions of this project: its directory, or the last part of it",
      helpValue: "<project>",
    }),
    undo: Flags.boolean({ description: "Index them again" }),
  };

  async run(): Promise<void> {
    const session = namedSession(this.args.session, this.flags.session);
    const { project, undo, json } = this.flags;
    if ((session === undefined) === (project === undefined)) {
      throw new PictlError("USAGE", "Give either a session or --project.");
    }
    const client = await this.connect();
    const result = await client.request("forget_history", {
      cwd: currentDirectory(),
      ...(session === undefined ? {} : { session }),
      ...(project === undefined ? {} : { project: projectFrom(project) }),
      ...(undo ? { undo } : {}),
    });
    const count = result.sessions.length;
    const [only] = result.sessions;
    if (!json) {
      const what = count === 1 ? "one session" : `${count} sessions`;
      const where = count === 1 ? `pi's file is still there: ${only?.file}` : "pi's files are still there";
      await writeStderr(undo ? `Indexing ${what} again.\n` : `Forgot ${what}; ${where}\n`);
    }
    await this.show(result, () => result.sessions.map(({ sessionId }) => `${sessionId}\n`).join(""));
  }
}
