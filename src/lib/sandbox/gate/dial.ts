import type { LookupAddress } from "node:dns";
import { connect, type Socket } from "node:net";
import { addressProblem } from "./access.ts";
import type { AddressKind } from "./address.ts";
import type { GateLimits } from "./limits.ts";
import type { Target } from "./target.ts";

/** `dns.lookup` with all addresses. Tests give their own. */
export type Lookup = (host: string) => Promise<LookupAddress[]>;

/** A target that may not be reached, or could not be. */
export class DialError extends Error {
  readonly refused: boolean;
  readonly address: string | undefined;

  constructor(message: string, options: { refused: boolean; address?: string | undefined }) {
    super(message);
    this.name = "DialError";
    this.refused = options.refused;
    this.address = options.address;
  }
}

/**
 * Resolves a target once, checks every address it has, and connects to one of those that were checked. The name
 * is never resolved again, so that a second answer (DNS rebinding) changes nothing. One address that may not be
 * used refuses the name as a whole: such a mixture is what rebinding looks like.
 *
 * @throws {DialError} when an address is refused, nothing answers in time or `signal` is aborted
 */
export async function dial(
  target: Target,
  kinds: ReadonlySet<AddressKind>,
  options: { lookup: Lookup; limits: GateLimits; signal: AbortSignal },
): Promise<Socket> {
  const timeout = AbortSignal.timeout(options.limits.connectTimeout);
  const signal = AbortSignal.any([options.signal, timeout]);
  const addresses = target.literal ? [target.host] : await resolve(target.host, options.lookup, signal);
  for (const address of addresses) {
    const problem = addressProblem(address, kinds);
    if (problem !== undefined) throw new DialError(problem, { refused: true, address });
  }
  let last: unknown;
  for (const address of addresses.slice(0, options.limits.maxAddresses)) {
    try {
      return await connectTo(address, target.port, signal);
    } catch (error) {
      last = error;
      if (signal.aborted) break;
    }
  }
  throw new DialError(failure(last, timeout.aborted), { refused: false, address: addresses[0] });
}

async function resolve(host: string, lookup: Lookup, signal: AbortSignal): Promise<string[]> {
  let answers: LookupAddress[];
  try {
    answers = await abortable(lookup(host), signal);
  } catch (error) {
    throw new DialError(`cannot be resolved (${failure(error, signal.aborted)})`, { refused: false });
  }
  if (answers.length === 0) throw new DialError("cannot be resolved (no address)", { refused: false });
  return answers.map(({ address }) => address);
}

function connectTo(address: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // No name goes in, so nothing is resolved here.
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
    const abort = () => socket.destroy(new Error("gave up"));
    const settle = () => {
      signal.removeEventListener("abort", abort);
      socket.off("error", fail);
      socket.off("connect", done);
    };
    const fail = (error: Error) => {
      settle();
      // A late error of a socket that nobody has must not end the process.
      socket.on("error", () => {});
      socket.destroy();
      reject(error);
    };
    const done = () => {
      settle();
      // An error before the next owner listens must not end the process; that owner sees the close.
      socket.on("error", () => {});
      resolve(socket);
    };
    socket.on("error", fail);
    socket.on("connect", done);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });
}

/** Lets go of a promise when the signal is aborted; getaddrinfo itself can't be stopped. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error("gave up"));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function failure(error: unknown, timedOut: boolean): string {
  if (timedOut) return "no answer in time";
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.message : "failed";
}
