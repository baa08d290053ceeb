import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { selectSessions, sessionStates } from "../../lib/cli/select-sessions.ts";
import { currentDirectory } from "../../lib/cli/session-flags.ts";
import { wholeNumber } from "../../lib/cli/whole-number.ts";

export default class SessionList extends BaseCommand<typeof SessionList> {
  static override summary = "List the sessions of this directory, or all of them";
  static override description =
    "Newest first, those of pi's own terminal interface included. In a repository those of the directories above are listed too, as a prompt may continue them. * marks the session that a prompt here continues; with --all, the current session of each directory.";
  static override examples = [
    "<%= config.bin %> session list",
    "<%= config.bin %> session list --all --limit 20",
    "<%= config.bin %> session list --all --state working --json | jq -r '.sessions[].id'",
  ];
  static override flags = {
    all: Flags.boolean({ char: "a", description: "The sessions of every directory" }),
    state: Flags.option({ options: sessionStates, description: "Only sessions in this state" })(),
    limit: Flags.string({ char: "l", description: "At most this many, the newest ones", helpValue: "<n>" }),
  };

  async run(): Promise<void> {
    const { flags } = this;
    const limit = flags.limit === undefined ? undefined : wholeNumber(flags.limit, "--limit");
    const client = await this.connect();
    const all = (await client.request("list_sessions", flags.all ? {} : { cwd: currentDirectory() }))
      .sessions;
    const sessions = selectSessions(all, { state: flags.state, limit });
    await this.show({ sessions }, () =>
      this.#render(
        sessions,
        all.map(({ id }) => id),
      ),
    );
  }

  /** Why nothing is listed, of `count` sessions in any state. */
  #noneLine(count: number): string {
    const { all, state } = this.flags;
    if (state === undefined || count === 0)
      return all ? "No sessions.\n" : "No sessions here. --all lists those of every directory.\n";
    const others = count === 1 ? "one is in another state" : `${count} are in other states`;
    return `No session${all ? "" : " here"} is ${state}; ${others}.\n`;
  }

  async #render(sessions: Parameters<typeof selectSessions>[0], otherIds: string[]): Promise<string> {
    if (sessions.length === 0) {
      await writeStderr(this.#noneLine(otherIds.length));
      return "";
    }
    const [{ renderSessionList }, { colorsFor, widthOf }] = await Promise.all([
      import("../../lib/cli/render/session-list.ts"),
      import("../../lib/cli/render/color.ts"),
    ]);
    return renderSessionList(sessions, {
      colors: await colorsFor(process.stdout),
      width: widthOf(process.stdout),
      directories: this.flags.all || sessions.some(({ cwd }) => cwd !== currentDirectory()),
      otherIds,
    });
  }
}
