import type { AgentRecord } from "../agent/rpc-channel.ts";
import type { DisplayedNotice } from "../protocol/requests.ts";

/**
 * What extensions have put up to be seen until they take it down (pi's rpc-extension-ui.md: title, statuses,
 * widgets), for whoever looks at the session later.
 */
export class Displayed {
  readonly #notices = new Map<string, DisplayedNotice>();

  observe({ method, title, statusKey, statusText, widgetKey, widgetLines }: AgentRecord): void {
    if (method === "setTitle") this.#put("title", undefined, title);
    if (method === "setStatus") this.#put("status", String(statusKey ?? ""), statusText);
    if (method === "setWidget") {
      this.#put("widget", String(widgetKey ?? ""), Array.isArray(widgetLines) ? widgetLines.join("\n") : "");
    }
  }

  list(): DisplayedNotice[] {
    return [...this.#notices.values()];
  }

  clear(): void {
    this.#notices.clear();
  }

  #put(kind: DisplayedNotice["kind"], key: string | undefined, text: unknown): void {
    const place = `${kind}\0${key ?? ""}`;
    if (typeof text !== "string" || text === "") this.#notices.delete(place);
    else this.#notices.set(place, { kind, ...(key === undefined ? {} : { key }), text });
  }
}
