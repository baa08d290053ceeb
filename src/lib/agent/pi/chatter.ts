/** What pi says because of the way in which pictl starts it. Source: pi's main.ts, `createSessionManager`. */
const CHATTER = /^.*No project session found with id '[^']*'; creating a new session with that id\..*\n?/gm;

/** pi's stderr without what is no reason for anything. */
export function withoutChatter(stderr: string): string {
  return stderr.replace(CHATTER, "").trim();
}
