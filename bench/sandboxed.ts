import { Client } from "../src/lib/client/client.ts";
import type { Place } from "./place.ts";

/** Starts of agents through the daemon, bare and in a sandbox. Both end with the answer to `get_state`. */
export interface SandboxedStarts {
  sandboxed(): Promise<void>;
  bare(): Promise<void>;
  /** Ends the agents of the round before. */
  prepare(): Promise<void>;
  end(): void;
}

export async function sandboxedStarts(place: Place): Promise<SandboxedStarts> {
  // The first one has what pi is compiled to made; it is there when its session has been closed and made anew.
  await place.pictl("prompt", "--new", "--sandbox", "strict", "--model", "scripted/echo", "hello");
  await place.pictl("daemon", "stop");
  await place.pictl("daemon", "start");
  const client = await Client.connect(place.socket);
  if (client === undefined) throw new Error("no daemon runs");
  client.introduce("0.0.0-bench", place.env);
  const made: string[] = [];
  const start = async (sandbox?: "strict") => {
    const { sessionId } = await client.request("create_session", {
      cwd: place.cwd,
      options: { model: "scripted/echo", ephemeral: true, ...(sandbox === undefined ? {} : { sandbox }) },
    });
    made.push(sessionId);
    await client.command("get_state", { sessionId });
  };
  return {
    sandboxed: () => start("strict"),
    bare: () => start(),
    async prepare() {
      for (const sessionId of made.splice(0)) await client.request("close_session", { sessionId });
    },
    end: () => client.close(),
  };
}
