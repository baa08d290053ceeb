import type { ExtensionAPI } from "@earendil-works/pi-coding-agent";

/**
 * An extension of pi: keeps it from paid requests between turns. From 1.5.1 on, pi keeps a provider's prompt cache warm by
 * default for up to 30 minutes after a run, which costs money for every session that nobody goes on with.
 */
export default function (pi: ExtensionAPI): void {
  pi.on("cache_warming_decision", (_event, ctx) => (ctx.isIdle() ? { action: "stop" } : undefined));
}
