import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Terminal, type TerminalOptions, withoutTmux } from "../test/support/terminal.ts";
import { Workspace } from "../test/support/workspace.ts";
import { dark, light, terminalSvg } from "./terminal-svg.ts";

/**
 * Plays the conversation in real terminals and keeps what they show in docs/terminal: text as it is, and the
 * picture of the README. Needs a build and tmux.
 */
const root = fileURLToPath(new URL("../", import.meta.url));
const docs = join(root, "docs", "terminal");
const rpcDemo = join(root, "node_modules/@earendil-works/pi-coding-agent/examples/extensions/rpc-demo.ts");

const missing = withoutTmux();
if (missing !== false) throw new Error(missing);
rmSync(docs, { recursive: true, force: true });
mkdirSync(docs, { recursive: true });
await scene(repair);
await scene(narrow);
await scene(steering);
await scene(question);
await scene(completion);
await scene(dumb);

interface Stage {
  workspace: Workspace;
  open: (args: string[], options?: TerminalOptions) => Promise<Terminal>;
  keep: (name: string, terminal: Terminal) => Promise<void>;
}

/** Gives a scene a place of its own, and takes it away again. */
async function scene(play: (stage: Stage) => Promise<void>): Promise<void> {
  const workspace = new Workspace();
  const terminals: Terminal[] = [];
  try {
    const files: Record<string, string> = {
      "prices.csv": "item,price\ncoffee,3.20\ntea,2,80\n抹茶,4.50\n",
      "check.sh": `awk -F, 'NF != 2 { print "row " NR ": " NF " columns"; bad = 1 } END { exit bad }' prices.csv\n`,
    };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(workspace.cwd, name), content);
    await play({
      workspace,
      open: async (args, options) => {
        const terminal = await Terminal.start(workspace, ["prompt", ...args], options);
        terminals.push(terminal);
        return terminal;
      },
      keep: async (name, terminal) => {
        writeFileSync(join(docs, `${name}.txt`), settled(await terminal.screen()));
      },
    });
  } finally {
    for (const terminal of terminals) await terminal.dispose();
    await workspace.dispose();
  }
}

/** Without what differs each time: the session's id. */
function settled(screen: string): string {
  const [, id] = /\(([0-9a-f]{8})\)/.exec(screen) ?? [];
  const same = id === undefined ? screen : screen.replaceAll(id, "5e55104d");
  return `${same.replace(/[ \t]+$/gm, "").trimEnd()}\n`;
}

function model(workspace: Workspace, name: string): string[] {
  return ["--name", "prices", "--model", workspace.scenario(name)];
}

async function repair({ workspace, open, keep }: Stage): Promise<void> {
  const terminal = await open(model(workspace, "conversation-demo.json"), { rows: 40 });
  await terminal.shows("A new session");
  await terminal.enter("the check fails, can you repair it?");
  await terminal.shows(/sh check\.sh\n```\n[\s\S]*^idle · .* of 200/m);
  await keep("conversation", terminal);
  const screen = settled(await terminal.screen({ escapes: true }));
  writeFileSync(join(docs, "conversation.svg"), terminalSvg(screen, 80, dark));
  writeFileSync(join(docs, "conversation-light.svg"), terminalSvg(screen, 80, light));
  await terminal.press("C-o");
  await terminal.shows("row 3: 3 columns");
  await keep("unfolded", terminal);
}

async function narrow({ workspace, open, keep }: Stage): Promise<void> {
  const terminal = await open(model(workspace, "conversation-demo.json"), { columns: 60, rows: 40 });
  await terminal.shows("A new session");
  await terminal.enter("the check fails, can you repair it? 手伝って 🙏");
  await terminal.shows(/sh check\.sh\n```\n[\s\S]*^idle · .*%/m);
  await keep("60-columns", terminal);
}

async function steering({ workspace, open, keep }: Stage): Promise<void> {
  const terminal = await open(model(workspace, "conversation-steer.json"), { rows: 20 });
  await terminal.shows("A new session");
  await terminal.enter("watch the queue");
  await terminal.shows("• bash for i in");
  await terminal.enter("only the last hour, please");
  await terminal.shows("Steering: ");
  await terminal.type("then summarize it");
  await terminal.press("M-Enter");
  await terminal.shows("Follow-up: ");
  await keep("steering", terminal);
}

async function question({ workspace, open, keep }: Stage): Promise<void> {
  const created = await workspace.run([
    ...["session", "create", ...model(workspace, "conversation-dangerous.json")],
    ...["--", "-e", rpcDemo],
  ]);
  if (created.code !== 0) throw new Error(created.stderr);
  const terminal = await open([], { rows: 20 });
  await terminal.shows("Session ");
  await terminal.enter("clean up what the last run left");
  await terminal.shows("→ Allow");
  await keep("question", terminal);
}

async function completion({ workspace, open, keep }: Stage): Promise<void> {
  const terminal = await open(model(workspace, "conversation-demo.json"), { rows: 20 });
  await terminal.shows("A new session");
  await terminal.type("/");
  await terminal.shows("→ help");
  await keep("completion", terminal);
}

async function dumb({ workspace, open, keep }: Stage): Promise<void> {
  const env = { TERM: "dumb" };
  const terminal = await open(model(workspace, "conversation-demo.json"), { rows: 40, env });
  await terminal.shows(/^>/m);
  await terminal.enter("the check fails, can you repair it?");
  await terminal.shows(/sh check\.sh\n```\n>/);
  await keep("dumb", terminal);
}
