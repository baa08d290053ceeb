import type { Lookup } from "./dial.ts";

/**
 * Lookups of one gate at once. Each takes a thread of the process's pool until the resolver answers, which for a name
 * whose server doesn't answer is half a minute, and can't be stopped. The daemon's entry says how many threads there are.
 */
const MAX_LOOKUPS = 2;
/** Names that wait for their turn: as many as there may be connections. Nobody waits for most of a longer list. */
const MAX_WAITING = 256;

/**
 * Bounds the lookups of one gate, so that the names that its program asks for keep no other gate's from being resolved. A
 * name that is being looked up isn't asked for a second time.
 */
export function boundedLookup(lookup: Lookup, most = MAX_LOOKUPS): Lookup {
  const running = new Map<string, ReturnType<Lookup>>();
  const waiting: (() => void)[] = [];
  let free = most;
  const run = async (host: string) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await lookup(host);
    } finally {
      running.delete(host);
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
  return async (host) => {
    const known = running.get(host);
    if (known !== undefined) return await known;
    if (waiting.length >= MAX_WAITING) throw new Error(`${MAX_WAITING} other names are waiting`);
    const answer = run(host);
    running.set(host, answer);
    return await answer;
  };
}
