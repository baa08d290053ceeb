import { readdirSync, readFileSync } from "node:fs";
import { always, ownProcesses } from "../promises.ts";
import { type Attempt, type Inside, type Row, readSecret } from "../row.ts";

const concern = "environment";

export const ENVIRONMENT: readonly Row[] = [
  {
    id: "env-secrets",
    concern,
    tried: "finding a key in the environment",
    guard: { environment: true },
    promised: always,
    attempt: ({ secret }) =>
      search(
        Object.entries(process.env).map(([name, value]) => [name, `${value}`]),
        secret,
      ),
    cameThrough: readSecret,
    control: "shared",
  },
  {
    id: "env-proc",
    concern,
    tried: "finding it in /proc/*/environ and /proc/*/cmdline of every process, bubblewrap's own included",
    guard: { environment: true },
    promised: always,
    attempt: ({ secret }) => search(ofProcesses(["environ", "cmdline"]), secret),
    cameThrough: readSecret,
    control: "shared",
  },
  {
    id: "env-command-lines",
    concern,
    tried: "reading the command lines of the host's processes",
    guard: { bubblewrap: ["pid"] },
    promised: ownProcesses,
    attempt: ({ hostProcess }) => search(ofProcesses(["cmdline"]), hostProcess.marker),
    // A process of its own is seen.
    control: () => search(ofProcesses(["cmdline"]), "node"),
  },
  {
    id: "descriptors",
    concern,
    tried: "using a file that whoever started pictl had left open",
    guard: { descriptors: true },
    promised: always,
    attempt: openDescriptors,
    control: "shared",
  },
];

function search(places: readonly (readonly [string, string])[], wanted: string): Attempt {
  const found = places.find(([, text]) => text.includes(wanted));
  return found === undefined
    ? { through: false, seen: `not in ${places.length} places` }
    : { through: true, seen: `found in ${found[0]}`, data: found[1] };
}

function ofProcesses(files: readonly string[]): [string, string][] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) =>
      files.flatMap((file): [string, string][] => {
        try {
          return [[`/proc/${pid}/${file}`, readFileSync(`/proc/${pid}/${file}`, "utf8")]];
        } catch {
          return [];
        }
      }),
    );
}

/** What the shell before the probe had open: Node opens some of its own. */
function openDescriptors({ descriptors }: Inside): Attempt {
  const open = descriptors
    .split("\n")
    .map((line) => / (\d+) -> (.*)$/.exec(line))
    .filter((match) => match !== null)
    // What pictl puts in the place of what it closes.
    .filter(([, number, target]) => Number(number) > 2 && target !== "/dev/null")
    .map(([, number, target]) => `${number} (${target})`);
  return open.length === 0
    ? { through: false, seen: "none is open" }
    : { through: true, seen: `open: ${open.join(", ")}` };
}
