import type { Client } from "../../client/client.ts";
import { PictlError } from "../../core/errors.ts";
import type { RequestParams } from "../../protocol/requests.ts";
import { writeStderr } from "../output.ts";
import { branchOptionsFrom } from "../session-flags.ts";

type Create = NonNullable<RequestParams<"prompt">["create"]>;

/**
 * Clones the session that is to be prompted, which needs nothing but its file, and names the clone on stderr. The
 * clone doesn't become the current session.
 *
 * @param create as for a new session: a copy can have another name, model and thinking level
 * @param directory of the clone; absent: that of its session
 * @returns the clone, for the prompt
 * @throws PictlError USAGE for options that a copy can't have
 */
export async function forkSession(
  client: Client,
  target: { sessionId?: string | undefined; cwd?: string | undefined },
  { name, options = {} }: Create = {},
  directory?: string,
): Promise<{ target: { sessionId: string } }> {
  const { model, thinking, ...others } = options;
  const [given] = Object.keys(others);
  if (given !== undefined) {
    throw new PictlError(
      "USAGE",
      `A copy keeps the options of its session: ${given} can't be set with --fork.`,
      {
        hint: "Use --new for a session with other options.",
        details: { options: Object.keys(others) },
      },
    );
  }
  const { sessionId } = await client.request("clone", {
    ...target,
    ...branchOptionsFrom({ name, cwd: directory, model, thinking }),
  });
  await writeStderr(`Prompting a copy of the session: ${sessionId}\n`);
  return { target: { sessionId } };
}
