import { Flags } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { withProgress } from "../../lib/cli/progress.ts";

const STEPS = [["daemon-reload"], ["enable", "--now", "pictl.socket"]] as const;

export default class DaemonInstall extends BaseCommand<typeof DaemonInstall> {
  static override summary = "Have systemd start the daemon when it is needed";
  static override description =
    "Writes a socket and a service of systemd for your user (pictl.socket, pictl.service) and says how to enable them. systemd then listens on the daemon's socket and starts it with the first connection. Not needed otherwise: the first command that needs the daemon starts it.";
  static override examples = [
    "<%= config.bin %> daemon install --print",
    "<%= config.bin %> daemon install --now",
  ];
  static override flags = {
    print: Flags.boolean({ description: "Only show the files" }),
    now: Flags.boolean({
      description: "Enable it, too; a daemon that runs is stopped first",
      exclusive: ["print"],
    }),
  };

  async run(): Promise<void> {
    const { print, now } = this.flags;
    const { unitFiles, writeUnits } = await import("../../lib/client/systemd/install.ts");
    const files = await unitFiles();
    const next = now ? [] : STEPS.map((step) => `systemctl --user ${step.join(" ")}`);
    if (!print) writeUnits(files);
    if (now) await withProgress("Handing the socket over to systemd", this.#enable());
    await this.show({ files, written: !print, enabled: now, next }, () => {
      if (print) return files.map(({ path, text }) => `# ${path}\n${text}`).join("\n");
      const wrote = files.map(({ path }) => `Wrote ${path}\n`).join("");
      return now ? `${wrote}systemd listens for pictl.\n` : `${wrote}Now run:\n  ${next.join("\n  ")}\n`;
    });
  }

  async #enable(): Promise<void> {
    const [{ systemctl }, { stopDaemon }] = await Promise.all([
      import("../../lib/client/launch-systemctl.ts"),
      import("../../lib/client/stop-daemon.ts"),
    ]);
    const [reload, enable] = STEPS;
    await systemctl(reload);
    // Its socket is about to be another one.
    await stopDaemon();
    await systemctl(enable);
  }
}
