import { Args } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { writeStderr } from "../../lib/cli/output.ts";

export default class ConfigGet extends BaseCommand<typeof ConfigGet> {
  static override summary = "Print the value of one setting that holds here";
  static override description =
    "Prints nothing for one without a value, where pi's or pictl's own choice holds. A program's arguments come one a line.";
  static override examples = [
    "<%= config.bin %> config get model",
    "<%= config.bin %> config get limits.park_after --json",
  ];
  static override args = {
    key: Args.string({ description: "Key, as in `config show`", required: true }),
  };

  async run(): Promise<void> {
    const [{ findConfigKey, readConfigValues }, { configSources }] = await Promise.all([
      import("../../lib/core/config-values.ts"),
      import("../../lib/cli/config/places.ts"),
    ]);
    const { key } = findConfigKey(this.args.key);
    const value = readConfigValues(configSources()).find((one) => one.key === key);
    await this.show(value, async () => {
      if (value === undefined || value.value === null) {
        const { originText } = await import("../../lib/cli/config/show.ts");
        await writeStderr(`${key} is not set: ${value === undefined ? "default" : originText(value)}.\n`);
        return "";
      }
      return [value.value].flat().join("\n").concat("\n");
    });
  }
}
