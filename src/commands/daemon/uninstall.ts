import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr } from "../../lib/cli/output.ts";
import { PictlError } from "../../lib/core/errors.ts";

export default class DaemonUninstall extends BaseCommand<typeof DaemonUninstall> {
  static override summary = "Take back what daemon install did";
  static override description =
    "Has systemd let go of the socket and removes pictl.socket and pictl.service, if `daemon install` wrote them. A daemon that runs ends when its turns have.";
  static override examples = ["<%= config.bin %> daemon uninstall"];

  async run(): Promise<void> {
    const install = await import("../../lib/client/systemd/install.ts");
    const { foreignUnits, hasOwnUnits, removeUnits, unitFiles } = install;
    const files = await unitFiles();
    const kept = foreignUnits(files);
    if (hasOwnUnits(files)) await this.#tell(["disable", "--now", "pictl.socket"]);
    const removed = removeUnits(files);
    if (removed.length > 0) await this.#tell(["daemon-reload"]);
    for (const path of kept) await writeStderr(`${path} was not written by pictl and stays.\n`);
    await this.show({ removed, kept }, () =>
      removed.length === 0
        ? "There is nothing to remove.\n"
        : removed.map((path) => `Removed ${path}\n`).join(""),
    );
  }

  /** Where systemd can't be reached it holds nothing either, so the files go all the same. */
  async #tell(args: string[]): Promise<void> {
    const { systemctl } = await import("../../lib/client/launch-systemctl.ts");
    try {
      await systemctl(args);
    } catch (error) {
      if (!(error instanceof PictlError)) throw error;
      await writeStderr(`${error.message}\n`);
    }
  }
}
