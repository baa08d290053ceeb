import { BaseCommand } from "../lib/cli/base-command.ts";
import { withProgress } from "../lib/cli/progress.ts";
import { currentDirectory } from "../lib/cli/session-flags.ts";
import { EXIT_CODES } from "../lib/core/errors.ts";

export default class Doctor extends BaseCommand<typeof Doctor> {
  static override summary = "Check that pictl, pi and the daemon can work here";
  static override description =
    "Looks at node, pi, the configuration, directories and their permissions, disk, credentials, the daemon and agents without one, and says for each problem what to do. Exits 0 only when all is well, else 1.";
  static override examples = [
    "<%= config.bin %> doctor",
    "<%= config.bin %> doctor --json | jq '.findings[] | select(.status != \"ok\")'",
  ];

  async run(): Promise<void> {
    const [{ gatherFacts }, { runDoctor }, { isHealthy }] = await Promise.all([
      import("../lib/client/doctor/gather-facts.ts"),
      import("../lib/client/doctor/run-doctor.ts"),
      import("../lib/client/doctor/finding.ts"),
    ]);
    const facts = gatherFacts(() => this.connect(), currentDirectory(), process.env);
    const findings = await withProgress("Looking around", facts.then(runDoctor));
    const healthy = isHealthy(findings);
    if (!healthy) this.setExitCode(EXIT_CODES.UNHEALTHY);
    await this.show({ ok: healthy, findings }, async () => {
      const [{ renderFindings }, { colorsFor }] = await Promise.all([
        import("../lib/cli/render/findings.ts"),
        import("../lib/cli/render/color.ts"),
      ]);
      return renderFindings(findings, await colorsFor(process.stdout));
    });
  }
}
