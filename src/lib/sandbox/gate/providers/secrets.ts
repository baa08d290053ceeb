import { PictlError } from "../../../core/errors.ts";
import type { Environment } from "../../../core/paths.ts";
import type { Credential } from "../headers.ts";
import { fillTemplate, parseConfigValue } from "./config-value.ts";
import { readCredentials } from "./pi-files.ts";

/** Where a provider's key comes from. pi's own order: what is stored, then models.json, then a variable. */
export type KeySource =
  | { kind: "stored-key"; key: string; env: Record<string, string> }
  | { kind: "stored-login" }
  | { kind: "configured"; value: string }
  | { kind: "variable"; name: string };

/** What outside stands for what inside, for one provider. */
export interface ProviderSecrets {
  provider: string;
  agentDir: string;
  env: Environment;
  /** The key's source, and the placeholder for it. */
  key?: { source: KeySource; placeholder: string };
  /** Sends the key in this header instead of where the client would put it. */
  bearer: boolean;
  /** Headers of models.json: placeholder and what it stands for (a text, `$VARIABLE` or `!command`). */
  headers: { placeholder: string; value: string }[];
  /** Runs `pi` outside with arguments and gives its standard output. */
  runPi: (args: string[]) => Promise<string>;
  runCommand: (command: string, env: Environment) => Promise<string>;
}

/** A login is renewed when it ends sooner than this, in milliseconds; pi does the same. */
const MIN_VALIDITY = 5 * 60_000;
/** How long a command's output is kept, in milliseconds: a request every second must not start one every second. */
const COMMAND_KEPT = 5 * 60_000;

/**
 * Gives the credential of each request, as fresh as it must be: files are read again, a login that ends soon is
 * renewed by pi (once, however many ask), a command's output is kept for a while or until `invalidate`.
 */
export class Secrets {
  readonly #options: ProviderSecrets;
  readonly #commands = new Map<string, { output: Promise<string>; until: number; isRunning: boolean }>();
  #renewal: Promise<string> | undefined;

  constructor(options: ProviderSecrets) {
    this.#options = options;
  }

  /** @throws Error with a message that holds no secret */
  async credential(): Promise<Credential> {
    const { key, headers, bearer } = this.#options;
    const values: Record<string, string> = {};
    for (const header of headers) values[header.placeholder] = await this.#value(header.value, {});
    if (key === undefined) return { values };
    const text = await this.#key(key.source);
    if (bearer) return { values, headers: { Authorization: `Bearer ${text}` } };
    return { values: { ...values, [key.placeholder]: text } };
  }

  /** Forgets what commands gave. One that still runs is fresh: requests that are refused don't start more of them. */
  invalidate(): void {
    for (const [command, { isRunning }] of this.#commands) if (!isRunning) this.#commands.delete(command);
  }

  async #key(source: KeySource): Promise<string> {
    if (source.kind === "stored-key") return await this.#value(source.key, source.env);
    if (source.kind === "configured") return await this.#value(source.value, {});
    if (source.kind === "stored-login") return await this.#login();
    const value = this.#options.env[source.name];
    if (value === undefined || value === "") throw new Error(`${source.name} is not set`);
    return value;
  }

  async #login(): Promise<string> {
    const { provider, agentDir } = this.#options;
    const stored = readCredentials(agentDir)[provider];
    if (stored?.type === "oauth" && stored.expires - Date.now() > MIN_VALIDITY) return stored.access;
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined;
    });
    return await this.#renewal;
  }

  async #renew(): Promise<string> {
    const { provider, runPi } = this.#options;
    let output: string;
    try {
      output = await runPi(["auth", "print-bearer-token", "--provider", provider]);
    } catch (error) {
      if (error instanceof PictlError && error.code === "TIMEOUT") throw error;
      const reason = error instanceof PictlError ? error.message : "pi could not renew the login";
      throw new Error(`${reason}: sign in again with \`pi\` and /login ${provider}`);
    }
    const token = output.trim();
    if (token === "") throw new Error(`pi gave no token: sign in again with \`pi\` and /login ${provider}`);
    return token;
  }

  async #value(value: string, own: Record<string, string>): Promise<string> {
    const { env, provider } = this.#options;
    const parsed = parseConfigValue(value);
    if (parsed.kind === "command") return await this.#command(parsed.command);
    const filled = fillTemplate(value, (name) => own[name] || env[name]);
    if (filled === undefined) throw new Error(`a variable of ${provider}'s key or headers is not set`);
    return filled;
  }

  #command(command: string): Promise<string> {
    const kept = this.#commands.get(command);
    if (kept !== undefined && kept.until > performance.now()) return kept.output;
    const output = this.#options.runCommand(command, { ...this.#options.env });
    const entry = { output, until: performance.now() + COMMAND_KEPT, isRunning: true };
    this.#commands.set(command, entry);
    output.then(
      () => {
        entry.isRunning = false;
      },
      // A failure isn't kept: the next request may have a key again.
      () => this.#commands.delete(command),
    );
    return output;
  }
}
