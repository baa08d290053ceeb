import { enableCompileCache } from "node:module";

// Before any other module is compiled: this file and what it imports are what a first command waits for.
enableCompileCache();
const { runDaemon } = await import("./entry.ts");
process.exitCode = await runDaemon(false);
