import { didYouMean } from "../../core/nearest.ts";

/**
 * What to do about an error, in words that can be followed in a conversation: a hint of the command line names flags
 * and commands that can't be typed here.
 */
export function adviceHere({
  code,
  hint,
  details,
}: {
  code: string;
  hint?: string | undefined;
  details?: Record<string, unknown> | undefined;
}): string | undefined {
  switch (code) {
    case "NO_MODEL":
      return (
        "/model lists the models that can be used; /model scripted/echo needs no account. For others leave with /quit, " +
        "then export an API key (such as ANTHROPIC_API_KEY), or run `pi` and /login."
      );
    case "MODEL_UNAVAILABLE":
      return typeof details?.thinking === "string"
        ? `/thinking ${String(details.found)} goes on with that level, /model chooses another model.`
        : "/model lists those that can be used, /model provider/id chooses one.";
    case "SESSION_NOT_FOUND":
      return "/new starts another session, /sessions shows those of this directory.";
    case "INVALID_INPUT":
      if (details?.suggestions === undefined) return hint;
      return [didYouMean(details.suggestions as string[]), "/model lists those that can be used."]
        .filter(Boolean)
        .join(" ");
    default:
      return hint;
  }
}
