/** What is known of a session file, and what is needed to read on from where it was left. Plain JSON. */
export interface FileState {
  session: string;
  cwd: string;
  version: number;
  createdAt: number;
  modifiedAt: number;
  name?: string;
  /** Start of the first thing that was asked. */
  first?: string;
  model?: string;
  messages: number;
  turns: number;
  tokens: number;
  cost: number;
  parent?: string;
  /** Records read so far: entries of format 1 have no ids but their place. */
  records: number;
  broken: number;
  tooLong: number;
  /** Id and offset of the last entry. */
  lastId: string | null;
  lastOffset: number;
  /** Entries that don't follow the one before them: their offset, and their parent's (-1: none). */
  jumps: [number, number][];
  /** A prompt that no model has answered yet. */
  openTurn: boolean;
  /** Tools that the running turn has used. */
  turnTools: string[];
}

/** What a session's header says. */
type Header = Pick<FileState, "session" | "cwd" | "version" | "createdAt">;

/** A file of which nothing but the header is read. */
export function newState({ session, cwd, version, createdAt }: Header): FileState {
  return {
    ...{ session, cwd, version, createdAt, modifiedAt: createdAt },
    ...{ messages: 0, turns: 0, tokens: 0, cost: 0 },
    ...{ records: 1, broken: 0, tooLong: 0 },
    ...{ lastId: null, lastOffset: 0, jumps: [], openTurn: false, turnTools: [] },
  };
}

/** What may be kept of a session that is to be left out: nothing that anybody said. */
export function bareState(state: FileState): FileState {
  return newState(state);
}

/**
 * The stretches of a file that lead to its last entry: what lies in none of them belongs to an abandoned branch.
 * First and last offset of each.
 */
export function activeRanges({ jumps, lastOffset }: FileState): [number, number][] {
  const ranges: [number, number][] = [];
  let end = lastOffset;
  for (let i = jumps.length - 1; i >= 0; i--) {
    const [at, parent] = jumps[i] ?? [0, 0];
    if (at > end) continue;
    ranges.push([at, end]);
    if (parent < 0) return ranges;
    end = parent;
  }
  ranges.push([0, end]);
  return ranges;
}

export function isActive(ranges: readonly [number, number][], offset: number): boolean {
  return ranges.some(([from, to]) => offset >= from && offset <= to);
}
