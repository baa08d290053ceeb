import type { Manifest, ManifestCommand, ManifestFlag } from "../../../../src/lib/cli/manifest.ts";

const flag = (name: string, rest: Partial<ManifestFlag> = {}): [string, ManifestFlag] => [
  name,
  { name, type: "boolean", ...rest },
];

function command(id: string, rest: Partial<ManifestCommand> = {}): ManifestCommand {
  return { id, summary: `About ${id}`, args: {}, flags: Object.fromEntries([flag("json")]), ...rest };
}

const session = flag("session", { type: "option", char: "s" });

/** A command line of a few commands, with what the real one has of flags and arguments. */
export const MANIFEST: Manifest = {
  topics: { session: "Sessions", config: "Settings" },
  commands: [
    command("complete", { hidden: true }),
    command("completion", { args: { shell: { name: "shell", required: true } } }),
    command("config:get", { args: { key: { name: "key" } } }),
    command("config:set", { args: { key: { name: "key" }, value: { name: "value", multiple: true } } }),
    command("doctor"),
    command("prompt", {
      args: { message: { name: "message", multiple: true } },
      flags: Object.fromEntries([
        session,
        flag("format", { type: "option", options: ["text", "json", "quiet"], description: "What to print" }),
        flag("detach", { char: "d", exclusive: ["format"] }),
        flag("wait", { allowNo: true, default: true }),
        flag("approve", { allowNo: true }),
        flag("model", { type: "option", char: "m" }),
        flag("append-system-prompt", { type: "option", multiple: true }),
        flag("file", { type: "option", char: "F" }),
        flag("cwd", { type: "option", char: "C" }),
        flag("secret", { hidden: true }),
      ]),
    }),
    command("session:bash", { args: { command: { name: "command", multiple: true } } }),
    command("session:delete", {
      args: { session: { name: "session" } },
      flags: Object.fromEntries([session, flag("yes", { char: "y" })]),
    }),
    command("session:last"),
    command("session:list", { flags: Object.fromEntries([flag("all", { char: "a" })]) }),
    command("session:queue:clear"),
    command("session:queue:list"),
  ],
};
