import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { systemErrorCode } from "../../core/errors.ts";
import type { Environment } from "../../core/paths.ts";
import { readPiFile } from "../../core/pi-files.ts";
import { homeOf } from "../../core/user.ts";
import { type Finding, ok, warning } from "./finding.ts";
import { PROVIDER_VARIABLES } from "./provider-variables.ts";

const THREE_WAYS =
  "Export a key (such as ANTHROPIC_API_KEY), or run `pi` and log in with /login, or use `pictl prompt --model scripted/echo`, which needs neither.";

/**
 * Whether pi would find something to authenticate with: names only, never a value, and nothing is tried.
 *
 * @param env of the shell that asks: a session gets its credentials from there
 * @param cwd where a relative PI_CODING_AGENT_DIR counts from
 * @param model the configured one; a scripted model needs no credential
 */
export function checkCredentials(env: Environment, cwd: string, model: string | undefined): Finding {
  const agentDir = piDirectoryOf(env, cwd);
  const authFile = join(agentDir, "auth.json");
  const sources: string[] = PROVIDER_VARIABLES.filter((name) => env[name]).map((name) => `${name} is set`);
  const auth = readObject(authFile);
  if (auth === "unreadable")
    return warning(
      "credentials",
      `${authFile} can't be read as JSON.`,
      "Check its permissions, or run `pi` and /login again.",
    );
  if (Object.keys(auth).length > 0) sources.push(`${authFile} has ${Object.keys(auth).join(", ")}`);
  const modelsFile = join(agentDir, "models.json");
  const models = readObject(modelsFile);
  const endpoints =
    models !== "unreadable" && isObject(models.providers) ? Object.keys(models.providers) : [];
  if (endpoints.length > 0) sources.push(`${modelsFile} has ${endpoints.join(", ")}`);
  if (sources.length > 0) return ok("credentials", `${sources.join("; ")}.`);
  if (model?.startsWith("scripted/"))
    return ok("credentials", `None, and ${model} of config.toml needs none.`);
  return warning("credentials", `No provider's variable is set and ${authFile} holds no login.`, THREE_WAYS);
}

/** As pi reads it (its config.js): `~`, a file URL, or relative to where it runs. */
export function piDirectoryOf(env: Environment, cwd: string): string {
  const home = homeOf(env);
  const value = env.PI_CODING_AGENT_DIR;
  if (!value) return join(home, ".pi", "agent");
  if (value.startsWith("file://")) return fileURLToPath(value);
  return resolve(cwd, value.replace(/^~(?=$|\/)/, home));
}

function readObject(path: string): Record<string, unknown> | "unreadable" {
  try {
    const value: unknown = JSON.parse(readPiFile(path));
    return isObject(value) ? value : "unreadable";
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return {};
    if (code === undefined && !(error instanceof SyntaxError)) throw error;
    return "unreadable";
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
