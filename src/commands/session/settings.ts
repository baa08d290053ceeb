import { Args } from "@oclif/core";
import { BaseCommand } from "../../lib/cli/base-command.ts";
import { stateOf } from "../../lib/cli/change-model.ts";
import { sessionFlag, targetFrom } from "../../lib/cli/session-flags.ts";
import { type SettingValue, sessionSettings } from "../../lib/cli/session-settings.ts";
import { PictlError } from "../../lib/core/errors.ts";

const NOT_TOLD = "not told by pi";

export default class SessionSettings extends BaseCommand<typeof SessionSettings> {
  static override summary = "Show pi's settings for a session, or change one";
  static override description = `${Object.entries(sessionSettings)
    .map(([key, { values }]) => `${key} (${values.join(" or ")})`)
    .join(
      ", ",
    )}. pi writes a change into its own settings.json, so that it also holds for sessions that start later.`;
  static override examples = [
    "<%= config.bin %> session settings",
    "<%= config.bin %> session settings steering-mode all",
    "<%= config.bin %> session settings -s review auto-compaction off",
  ];
  static override args = {
    key: Args.string({ description: `One of ${Object.keys(sessionSettings).join(", ")}` }),
    value: Args.string({ description: "The value to change it to" }),
  };
  static override flags = { session: sessionFlag };

  async run(): Promise<void> {
    const { key, value } = this.args;
    const setting = key === undefined ? undefined : settingOf(key);
    if (setting !== undefined && value !== undefined) checkValue(key, value, setting.values);
    const target = targetFrom(this.flags.session);
    const client = await this.connect();
    if (setting !== undefined && value !== undefined) {
      const { type, ...fields } = setting.command(value);
      await client.command(type, { ...target, ...fields });
    }
    const state = await stateOf(client, target);
    const all = Object.fromEntries(
      Object.entries(sessionSettings)
        .filter(([name]) => key === undefined || name === key)
        .map(([name, { read }]): [string, SettingValue] => [
          name,
          // What was just set is known also where pi doesn't tell.
          read(state) ?? value ?? null,
        ]),
    );
    await this.show(all, async () => {
      if (key !== undefined) return `${all[key] ?? NOT_TOLD}\n`;
      const [{ renderDetails }, { colorsFor }] = await Promise.all([
        import("../../lib/cli/render/details.ts"),
        import("../../lib/cli/render/color.ts"),
      ]);
      const told = Object.entries(all).map(([name, each]) => [name, each ?? NOT_TOLD]);
      return renderDetails(Object.fromEntries(told), await colorsFor(process.stdout));
    });
  }
}

function settingOf(key: string) {
  const setting = Object.hasOwn(sessionSettings, key) ? sessionSettings[key] : undefined;
  if (setting !== undefined) return setting;
  throw new PictlError("USAGE", `There is no setting "${key}".`, {
    hint: `There are ${Object.keys(sessionSettings).join(", ")}.`,
    details: { key },
  });
}

function checkValue(key: string | undefined, value: string, values: readonly string[]): void {
  if (values.includes(value)) return;
  throw new PictlError("USAGE", `${key} can't be "${value}".`, {
    hint: `It takes ${values.join(" or ")}.`,
    details: { key, value, values },
  });
}
