#!/bin/sh
":" //; exec "${0%/*}/../node_modules/.bin/node" --disable-warning=ExperimentalWarning "$0" "$@"
// Runs the command line from its sources, without a build: Node strips the types.
import { fileURLToPath } from "node:url";
import { main } from "../src/lib/cli/main.ts";

await main(process.argv.slice(2), fileURLToPath(new URL("..", import.meta.url)));
