import { resolve } from "node:path";
import { agentFileProblem } from "../../core/agent-file.ts";
import { PictlError, systemErrorCode } from "../../core/errors.ts";
import { refuseWayOut } from "../../core/outside/planted-link.ts";
import { refuseDescriptor } from "../path-arguments.ts";
import { parseScenario } from "./scenario.ts";
import { readScenario } from "./script.ts";

const PREFIX = "scripted/";
/** pi reads `model:level` as a thinking level (its docs/models.md); only the built-in id may carry one here. */
const ECHO = /^echo(:(off|minimal|low|medium|high|xhigh|max))?$/;
const HINT =
  "Use scripted/echo, or scripted/<path of a scenario file>; the format is in docs/scripted-model.md.";

/** Whether `model` (as `--model` takes it) is one of the embedded scripted models. */
export function isScriptedModel(model: string): boolean {
  return model.startsWith(PREFIX);
}

/** Whether it is the one that comes with pictl, which runs nothing. */
export function isBuiltIn(model: string): boolean {
  return ECHO.test(model.slice(PREFIX.length));
}

/**
 * The model reference that pi is given and that stands in the session file: `scripted/echo` as it is, a
 * scenario file as `scripted/` and its absolute path (so `scripted//home/me/x.json`), for an agent may be
 * started again from anywhere. Resolving a resolved reference gives the same.
 *
 * @param cwd directory that a relative path starts from
 * @param places in which sandboxed agents can write
 * @throws PictlError INVALID_INPUT when the file can't be read or isn't a scenario, SANDBOX_CHANGED for a link that an agent
 *   could have made
 */
export function resolveScriptedModel(model: string, cwd: string, places: readonly string[]): string {
  const name = model.slice(PREFIX.length);
  if (isBuiltIn(model)) return model;
  if (name.trim() === "")
    throw new PictlError("INVALID_INPUT", `${model} names no scripted model.`, { hint: HINT });
  const path = resolve(cwd, name);
  refuseDescriptor(path, "scenario");
  // pi trims a model reference, so such a path could never be found again.
  if (path !== path.trim()) {
    throw new PictlError("INVALID_INPUT", `The path of a scenario can't end with a space: "${path}".`, {
      hint: HINT,
    });
  }
  refuseWayOut(path, places);
  const problem = scenarioProblem(path);
  if (problem !== undefined) {
    throw new PictlError("INVALID_INPUT", `${path} ${problem}.`, { hint: HINT, details: { model, path } });
  }
  return PREFIX + path;
}

/**
 * pi's arguments that load the extension and choose the model. The extension finds the scenario by reading
 * this `--model` from its own argv, so the two always go together, also when a session is resumed.
 *
 * @param model a reference from {@link resolveScriptedModel}
 * @param extensionFile absolute path of the bundled extension
 */
export function scriptedModelArgs(model: string, extensionFile: string): string[] {
  return ["-e", extensionFile, "--model", model];
}

function scenarioProblem(path: string): string | undefined {
  let text: string;
  try {
    text = readScenario(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
    return agentFileProblem(error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  const parsed = parseScenario(value);
  return "problem" in parsed ? `is not a scenario: ${parsed.problem}` : undefined;
}
