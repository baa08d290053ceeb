import { PictlError } from "../../core/errors.ts";
import { exportTarget, formatOf } from "../export-target.ts";
import { type CommandContext, noSession } from "./slash-command.ts";

/** `/export`: to the file that is named, else to one named after the session, in the shell's directory. */
export async function exportTo({ talk, argument }: CommandContext): Promise<void> {
  const { sessionId } = talk;
  if (sessionId === undefined) throw noSession("There is nothing to write yet.");
  const file = argument === "" ? `session-${sessionId.slice(0, 8)}.md` : argument;
  const target = exportTarget(file, false);
  if (target.kind !== "file") {
    throw new PictlError("INVALID_INPUT", `${file} is not an ordinary file.`, { hint: "Choose another." });
  }
  const { path } = await talk.client.request("export_session", {
    sessionId,
    format: formatOf(file),
    outputPath: target.path,
  });
  talk.conversation.notice("quiet", `Written to ${path}`);
}

/** `/name` */
export async function rename({ talk, argument }: CommandContext): Promise<void> {
  if (argument === "") throw new PictlError("USAGE", "A name is missing.", { hint: "/name review" });
  const target = await talk.needSession();
  const { name } = await talk.client.request("set_session_name", { ...target, name: argument });
  await talk.refresh();
  talk.conversation.notice("quiet", `Named ${name}`);
}
