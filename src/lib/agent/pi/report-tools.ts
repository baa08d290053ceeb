import type { ExtensionAPI } from "@earendil-works/pi-coding-agent";
import { isMcpTool, type SessionTools, TOOLS_STATUS } from "./session-tools.ts";

/** Tools that scripts of pi's `codemode` can call whether they are active or not. */
const ALWAYS_CALLABLE = ["codemode", "deferred"];

/** An extension of pi: reports the tools of each session that pi opens, before pi answers the next command. */
export default function (pi: ExtensionAPI): void {
  // Follows `session_start`, in which other extensions may still register or activate tools.
  pi.on("resources_discover", (_event, ctx) => {
    const active = new Set(pi.getActiveTools());
    const tools = pi.getAllTools().filter(({ name }) => !isMcpTool(name));
    const usable = tools.filter(
      ({ name, exposure }) => active.has(name) || ALWAYS_CALLABLE.includes(exposure),
    );
    const names = (list: { name: string }[]) => list.map(({ name }) => name).sort();
    const report: SessionTools = { active: names(usable), known: names(tools) };
    ctx.ui.setStatus(TOOLS_STATUS, JSON.stringify(report));
  });
}
