import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { Client } from "../src/lib/client/client.ts";
import { encodeFrame, FrameDecoder } from "../src/lib/protocol/framing.ts";
import type { Place } from "./place.ts";

const MAX_FRAME_BYTES = 1024 * 1024 * 1024;

/** Times of one turn, in milliseconds from the moment the prompt was written. */
export interface TurnTimes {
  firstEvent: number;
  settled: number;
  deltas: number;
}

/** Prompts something and sees the records of its turns. Both ways parse every record, as a user would. */
export interface Prompter {
  prompt(message: string): Promise<TurnTimes>;
  end(): Promise<void>;
}

class TurnClock {
  readonly #began = performance.now();
  #first: number | undefined;
  #deltas = 0;

  /** @returns the times once the turn has settled */
  see(event: { type: string; assistantMessageEvent?: { type: string } }): TurnTimes | undefined {
    this.#first ??= performance.now() - this.#began;
    if (event.assistantMessageEvent?.type === "text_delta") this.#deltas += 1;
    if (event.type !== "agent_settled") return undefined;
    return { firstEvent: this.#first, settled: performance.now() - this.#began, deltas: this.#deltas };
  }
}

/** pi's RPC over its own pipes. */
export async function directPrompter(place: Place, model: string): Promise<Prompter> {
  const child = place.piRpc(model) as ChildProcess & { stdin: Writable; stdout: Readable };
  const decoder = new FrameDecoder(MAX_FRAME_BYTES);
  let onRecord: (record: { type: string }) => void = () => undefined;
  child.stdout.on("data", (chunk: Buffer) => {
    for (const frame of decoder.push(chunk)) onRecord(JSON.parse(frame));
  });
  const ready = new Promise<void>((resolve) => {
    onRecord = () => resolve();
  });
  child.stdin.write(encodeFrame({ type: "get_state" }));
  await ready;
  return {
    prompt: (message) =>
      new Promise((resolve) => {
        const clock = new TurnClock();
        onRecord = (record) => {
          if (record.type === "response") return;
          const times = clock.see(record);
          if (times) resolve(times);
        };
        child.stdin.write(encodeFrame({ type: "prompt", message }));
      }),
    end: async () => {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}

/** The same through the daemon's socket. */
export async function daemonPrompter(place: Place, model: string): Promise<Prompter> {
  await place.pictl("daemon", "start");
  const client = await Client.connect(place.socket);
  if (client === undefined) throw new Error("the daemon is not running");
  client.introduce("bench", place.env);
  const options = { model, ephemeral: true };
  const { sessionId } = await client.request("create_session", { cwd: place.cwd, options, current: false });
  return {
    prompt: (message) =>
      new Promise((resolve, reject) => {
        const clock = new TurnClock();
        const stop = client.onRecord((record) => {
          if (record.type !== "event") return;
          const times = clock.see(record.event);
          if (times === undefined) return;
          stop();
          resolve(times);
        });
        client.request("prompt", { sessionId, message, subscribe: true }).catch(reject);
      }),
    end: async () => {
      await client.request("close_session", { sessionId });
      client.close();
    },
  };
}
