import { BaseCommand } from "../../lib/cli/base-command.ts";

export default class ConfigShow extends BaseCommand<typeof ConfigShow> {
  static override summary = "Show every setting, and where its value comes from";
  static override description =
    "Origins: default, user (your config.toml), workspace (.pictl/config.toml of this directory's repository), environment.";
  static override examples = [
    "<%= config.bin %> config show",
    "<%= config.bin %> config show --json | jq '.values[] | select(.origin != \"default\")'",
  ];

  async run(): Promise<void> {
    const [{ readConfigValues }, { configSources }] = await Promise.all([
      import("../../lib/core/config-values.ts"),
      import("../../lib/cli/config/places.ts"),
    ]);
    const values = readConfigValues(configSources());
    await this.show({ values }, async () => {
      const [{ renderConfig }, { colorsFor }] = await Promise.all([
        import("../../lib/cli/config/show.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      return renderConfig(values, await colorsFor(process.stdout));
    });
  }
}
