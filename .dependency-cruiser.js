/**
 * Which parts of src/ may import which. Data flows command -> client -> socket -> daemon -> session -> agent;
 * imports point the same way, or down to leaves. Every rule's comment says what to do instead.
 */

/** What each folder of src/lib may import beside itself. */
const layers = {
  cli: {
    uses: ["client", "protocol", "core"],
    comment: "src/lib/cli shows results. Ask the daemon for data through src/lib/client.",
  },
  client: {
    // The sandbox is a leaf like core: `pictl sandbox show` reads the files itself, and works without a daemon.
    uses: ["sandbox", "protocol", "core"],
    comment:
      "src/lib/client knows the daemon only by its socket. Start it by path (launch.ts), and share types through src/lib/protocol.",
  },
  protocol: {
    uses: ["core"],
    comment:
      "src/lib/protocol describes records. Move what you need to src/lib/core, or pass it in as a value.",
  },
  daemon: {
    uses: ["session", "history", "protocol", "core"],
    comment: "src/lib/daemon dispatches. Reach agents through src/lib/session, and show nothing here.",
  },
  session: {
    uses: ["agent", "protocol", "core"],
    comment:
      "src/lib/session doesn't know who serves it. Take callbacks or events in the constructor and wire them up in src/lib/daemon.",
  },
  agent: {
    uses: ["sandbox", "protocol", "core"],
    comment: "src/lib/agent runs one pi. Emit an event and let src/lib/session act on it.",
  },
  sandbox: {
    uses: ["core"],
    comment: "src/lib/sandbox turns a policy into arguments. Pass in what it needs as plain values.",
  },
  history: {
    uses: ["core"],
    comment: "src/lib/history reads pi's files by itself. Move what it shares with others to src/lib/core.",
  },
  core: {
    uses: [],
    comment:
      "src/lib/core is the bottom. Move the file that needs more up to the folder whose concern it is.",
  },
};

const layerRules = Object.entries(layers).map(([name, { uses, comment }]) => ({
  name: `${name}-imports`,
  severity: "error",
  comment,
  from: { path: `^src/lib/${name}/` },
  to: { path: "^src/", pathNot: `^src/lib/(${[name, ...uses].join("|")})/` },
}));

export default {
  forbidden: [
    ...layerRules,
    {
      name: "commands-imports",
      severity: "error",
      comment:
        "A command parses, makes one client call and renders. Add a request to src/lib/protocol and its handler to the daemon.",
      from: { path: "^src/commands/", pathNot: "^src/commands/daemon/run\\.ts$" },
      to: { path: "^src/", pathNot: "^src/(commands|lib/(cli|client|protocol|core))/" },
    },
    {
      name: "daemon-run-imports",
      severity: "error",
      comment:
        "`daemon run` is the daemon in the foreground: it may start it (src/lib/daemon/entry.ts) and nothing more.",
      from: { path: "^src/commands/daemon/run\\.ts$" },
      to: { path: "^src/", pathNot: "^src/(lib/daemon/entry\\.ts$|lib/(cli|client|protocol|core)/)" },
    },
    {
      name: "core-packages",
      severity: "error",
      comment:
        "src/lib/core is loaded by everything, so that it stays with Node, zod and smol-toml. Put code that needs a package in the folder whose concern it is.",
      from: { path: "^src/lib/core/" },
      to: { path: "node_modules/", pathNot: "node_modules/(zod|smol-toml)/" },
    },
    {
      name: "terminal-packages",
      severity: "error",
      comment:
        "Terminal packages stay in src/commands and src/lib/cli: return plain data and render it there.",
      from: { path: "^src/", pathNot: "^src/(commands|lib/cli)/" },
      to: { path: "node_modules/(@oclif|chalk|cli-table3|listr2|@earendil-works/pi-tui)/" },
    },
    {
      name: "sqlite",
      severity: "error",
      comment:
        "SQLite is for the history index, the session registry, and the locks of the daemon and of a session (only a lock that the kernel drops needs no cleaning up). Ask one of them, or add a method there.",
      from: {
        path: "^src/",
        pathNot: "^src/lib/(history/|daemon/lock\\.ts$|session/(registry[^/]*|session-lock)\\.ts$)",
      },
      to: { path: "^(node:)?sqlite$" },
    },
    {
      name: "spawning",
      severity: "error",
      comment:
        "Processes are started in src/lib/agent, src/lib/sandbox and src/lib/client/launch* (and ripgrep, which ends by itself, in src/lib/history). Call one of those, so that every child is ended with its group.",
      from: {
        path: "^src/",
        pathNot:
          "^src/lib/(agent|sandbox)/|^src/lib/client/launch[^/]*\\.ts$|^src/lib/history/search/ripgrep\\.ts$",
      },
      to: { path: "^src/lib/core/outside/start-program\\.ts$|node_modules/execa/" },
    },
    {
      name: "outside-programs",
      severity: "error",
      comment:
        "A program that is looked for on PATH may be one that a sandboxed agent has put there. Find it with src/lib/core/outside/find-program.ts and start it with start-program.ts. (Two commands start what was found so with execa; inside-tools.ts runs in a sandbox.)",
      from: {
        path: "^src/",
        pathNot:
          "^src/lib/core/outside/start-program\\.ts$|^src/lib/sandbox/check/inside-tools\\.ts$|^src/lib/agent/(trash|pi/export-html)\\.ts$",
      },
      to: {
        path: "^(node:)?(child_process|cluster)$|node_modules/(execa|cross-spawn)/",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "no-circular",
      severity: "error",
      comment: "Two files that need each other hide a third: move what both need to a file of its own.",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-undeclared",
      severity: "error",
      comment:
        "A release has only what package.json lists under dependencies: add the package there, or import something else.",
      // What the scripted model imports is given to it by the pi that loads it.
      from: { path: "^src/", pathNot: "^src/lib/agent/scripted-model/" },
      to: {
        dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown", "unknown"],
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "no-unresolvable",
      severity: "error",
      comment: "This import leads nowhere: correct the path (with its .ts) or install the package.",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "types", "node", "default"],
    },
  },
};
