#!/bin/sh
":" //; # Runs the sources by type stripping; see run.js for how a Node is found.
":" //; dir=${0%/*}; if [ -x "$dir/../node_modules/.bin/node" ]; then exec "$dir/../node_modules/.bin/node" "$0" "$@"; fi
":" //; exec node "$0" "$@"

await import("./run.js");
