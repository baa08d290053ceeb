/**
 * How long an agent may take to exit once it is asked to (ms). pi finishes what it has begun, such as the refresh of a
 * login: the provider has then replaced the old one already, and a pi that is killed before it has saved the new one
 * loses the login. pi gives a refresh 15 s (pi-ai's auth/resolve.js) and may wait for another pi's before that.
 */
export const AGENT_EXIT_MS = 30_000;
