/**
 * Lets a pi's own session manager write the sessions of test/fixtures/history/pi-VERSION: a conversation with a
 * branch, a label, a name, a compaction, a shell command, an image and a tool, and its fork and clone.
 * Usage: node scripts/history-fixtures.ts DIRECTORY-OF-THE-PACKAGE
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What pi's session manager has had since 0.73, as far as it is used here. */
interface Manager {
  appendMessage(message: object): string;
  appendModelChange(provider: string, model: string): string;
  appendCustomEntry(type: string, data: unknown): string;
  appendCustomMessageEntry?(type: string, content: string, display: boolean): string;
  appendSessionInfo(name: string): string;
  appendLabelChange(target: string, label: string): string;
  appendCompaction(summary: string, firstKept: string, tokens: number): string;
  branch(from: string): void;
  branchWithSummary(from: string, summary: string): string;
  createBranchedSession(leaf: string): string | undefined;
  getSessionFile(): string | undefined;
}

interface Managers {
  create(cwd: string, directory: string): Manager;
  open(path: string, directory: string): Manager;
  forkFrom(path: string, cwd: string, directory: string): Manager;
}

const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

const packageDir = resolve(process.argv[2] ?? ".");
const { version } = JSON.parse(readFileSync(join(packageDir, "package.json"), "utf8")) as { version: string };
const kept = fileURLToPath(new URL(`../test/fixtures/history/pi-${version}`, import.meta.url));
// pi writes down where the session lay that another was made of.
const out = "/tmp/orchard-sessions";
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const module = join(packageDir, "dist/core/session-manager.js");
if (!existsSync(module)) throw new Error(`no session manager in ${packageDir}`);
const { SessionManager } = (await import(pathToFileURL(module).href)) as { SessionManager: Managers };
write(SessionManager);
rmSync(kept, { recursive: true, force: true });
cpSync(out, kept, { recursive: true });
rmSync(out, { recursive: true });

function write(managers: Managers): void {
  const manager = managers.create("/home/me/orchard", out);
  const user = (text: string, image = false) =>
    manager.appendMessage({
      role: "user",
      content: [
        { type: "text", text },
        ...(image ? [{ type: "image", data: PIXEL, mimeType: "image/png" }] : []),
      ],
      timestamp: Date.now(),
    });
  manager.appendModelChange("anthropic", "claude-sonnet-4-5");
  user("Please prune the appletree of module quincewood");
  answer(manager, [
    { type: "thinking", thinking: "the medlarthought comes first" },
    { type: "text", text: "I look at src/quince_wood.ts first." },
    { type: "toolCall", id: "call-1", name: "bash", arguments: { command: "rg damsoncall src" } },
  ]);
  manager.appendMessage({
    role: "toolResult",
    toolCallId: "call-1",
    toolName: "bash",
    content: [
      { type: "text", text: `src/quince_wood.ts: sloeresult\n${"padding ".repeat(400)}beyondtheindex` },
    ],
    isError: false,
    timestamp: Date.now(),
  });
  const crossing = answer(manager, [{ type: "text", text: "The greengageanswer is ready." }]);
  user("Try the abandonedpear way", true);
  answer(manager, [{ type: "text", text: "That was the abandonedplum." }]);
  manager.branchWithSummary(crossing, "Left behind: the summarycherry way.");
  const again = user("Then the chosenfig way");
  manager.appendLabelChange(again, "labelapricot");
  answer(manager, [{ type: "text", text: "Done with the chosendate." }]);
  manager.appendMessage({
    role: "bashExecution",
    command: "echo bashbullace",
    output: "bashbullace\nshelloutput",
    exitCode: 0,
    cancelled: false,
    truncated: false,
    timestamp: Date.now(),
  });
  manager.appendCustomEntry("gardener", { secret: "notindexedelder" });
  manager.appendCustomMessageEntry?.("gardener", "customrowan says so", true);
  manager.appendCompaction("So far: the compactedmulberry.", again, 12_000);
  manager.appendSessionInfo("Namedhawthorn orchard");
  const last = user("After the compaction: lastloquat");
  answer(manager, [{ type: "text", text: "And the finalpersimmon." }]);
  const path = manager.getSessionFile();
  if (path === undefined) throw new Error("nothing was written");
  managers.forkFrom(path, "/home/me/other-orchard", out);
  const forked = managers.open(path, out);
  forked.createBranchedSession(last);
  forked.appendMessage({
    role: "user",
    content: [{ type: "text", text: "Only in the forkedquince" }],
    timestamp: Date.now(),
  });
  answer(forked, [{ type: "text", text: "Only in the forkedanswer." }]);
}

function answer(manager: Manager, content: object[]): string {
  const cost = { input: 0.01, output: 0.02, cacheRead: 0, cacheWrite: 0, total: 0.03 };
  return manager.appendMessage({
    role: "assistant",
    content,
    api: "anthropic-messages",
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    usage: { input: 100, output: 20, cacheRead: 0, cacheWrite: 0, totalTokens: 120, cost },
    stopReason: "stop",
    timestamp: Date.now(),
  });
}
