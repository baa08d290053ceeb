import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { GATE_PORT } from "../../gate-port.ts";
import { type Attempt, type Facts, type Inside, NO_ANSWER, type Row, reasonOf } from "../row.ts";
import { received } from "./sockets.ts";

const concern = "gate";
/** The gate's own Node starts beside the probe. */
const GATE_START_MS = 3_000;
const POLL_MS = 25;
const ANSWER_TIMEOUT_MS = 1_500;

/**
 * Names that only the check's gate knows. All of them lead to the stand-in's server on this machine; the provider's may,
 * as one that the user has named.
 */
export const GATE_HOSTS = {
  provider: "provider.pictl.test",
  forbidden: "forbidden.example.com",
  /** A provider's name as the public DNS has it, whose answer has been changed. */
  rebound: "rebound.example.com",
  metadata: "metadata.example.com",
} as const;
export const METADATA_ADDRESS = "169.254.169.254";

function throughGate({ policy }: Facts): true | string {
  if (policy.network.kind === "open") return "the policy's network is open";
  return policy.network.kind === "none" ? "the policy allows no network, so that there is no gate" : true;
}

function gateRow(
  id: string,
  tried: string,
  targets: (inside: Inside) => readonly string[],
  guard: Row["guard"] = { gate: true },
): Row {
  return {
    id,
    concern,
    tried,
    guard,
    promised: throughGate,
    attempt: async (inside) => {
      const seen: string[] = [];
      for (const target of targets(inside)) {
        const one = await tunnel(target, inside.id);
        if (one.through) return one;
        seen.push(one.seen);
      }
      return { through: false, seen: [...new Set(seen)].join(", ") };
    },
    cameThrough: (outside, attempt) => attempt.through || received(outside),
    control: ({ id: row, ports }) => tunnel(`${GATE_HOSTS.provider}:${ports.tcp}`, `${row}-allowed`),
  };
}

export const GATE: readonly Row[] = [
  gateRow("gate-forbidden", "reaching a host that the policy doesn't name, through the gate", ({ ports }) => [
    `${GATE_HOSTS.forbidden}:${ports.tcp}`,
    `${GATE_HOSTS.forbidden}.:${ports.tcp}`,
  ]),
  gateRow("gate-address", "reaching the host by its address, through the gate", ({ ports }) => [
    `127.0.0.1:${ports.tcp}`,
    `[::ffff:127.0.0.1]:${ports.tcp}`,
    `2130706433:${ports.tcp}`,
  ]),
  gateRow("gate-rebinding", "reaching the host by an allowed name that resolves to it", ({ ports }) => [
    `${GATE_HOSTS.rebound}:${ports.tcp}`,
  ]),
  gateRow("gate-port", "reaching another port of an allowed host", () => [`${GATE_HOSTS.provider}:22`], {
    always: "the gate's rules by name and port",
  }),
  gateRow(
    "gate-metadata",
    "reaching a metadata service by its address and by an allowed name, through the gate",
    () => [`${METADATA_ADDRESS}:80`, `${GATE_HOSTS.metadata}:80`],
    { always: "the gate's refusal of link-local addresses" },
  ),
];

/** Asks the gate for a tunnel and says something through it. */
async function tunnel(target: string, message: string): Promise<Attempt> {
  for (const end = Date.now() + GATE_START_MS; ; await delay(POLL_MS)) {
    const one = await ask(target, message);
    if (one.seen !== "ECONNREFUSED" || Date.now() > end) return one;
  }
}

function ask(target: string, message: string): Promise<Attempt> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port: GATE_PORT });
    const end = (attempt: Attempt) => {
      socket.destroy();
      resolve(attempt);
    };
    let heard = "";
    let isOpen = false;
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => end(NO_ANSWER));
    socket.on("error", (error) => end({ through: false, seen: reasonOf(error) }));
    socket.on("close", () => end({ through: false, seen: "closed" }));
    socket.on("connect", () => socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`));
    socket.on("data", (data) => {
      heard += data.toString("latin1");
      if (isOpen) {
        if (heard.includes("\n")) end({ through: true, seen: `answered ${heard.trim()}` });
        return;
      }
      const status = /^HTTP\/1\.[01] (\d{3})[\s\S]*?\r\n\r\n/.exec(heard);
      if (status === null) return;
      if (status[1] !== "200") return end({ through: false, seen: `${status[1]}` });
      isOpen = true;
      heard = heard.slice(status[0].length);
      socket.write(`${message}\n`);
    });
  });
}
