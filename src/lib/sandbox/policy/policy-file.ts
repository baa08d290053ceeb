import { join, normalize } from "node:path";
import * as z from "zod/mini";
import { sandboxProfiles } from "../../core/choices.ts";
import { lineOfKey } from "../../core/config-line.ts";
import { contains } from "../../core/contains.ts";
import { PictlError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { parseSize } from "../../core/size.ts";
import { checkToml, readTomlText } from "../../core/toml-file.ts";
import { namedHosts, parseHostRule } from "./hosts.ts";
import type { HostRule, NetworkPolicy, SandboxPolicy } from "./policy.ts";
import { OWN_PLACES, OWN_TMP } from "./roots.ts";

/** The keys of a file and what they set, in the order of docs/sandbox.md. */
export const FILE_KEYS = {
  enabled: "enabled",
  profile: "profile",
  allow_read: "read",
  deny_read: "denyRead",
  allow_write: "allowWrite",
  network: "network",
  isolate_pid: "isolatePid",
  max_processes: "maxProcesses",
  max_open_files: "maxOpenFiles",
  max_memory: "maxMemory",
  tmp_size: "tmpSize",
  env: "env",
  expose_credentials: "exposeCredentials",
  allow_no_sandbox: "allowNoSandbox",
} as const satisfies Record<string, keyof SandboxPolicy>;

/** What a file says, with paths and sizes as a policy has them. What it doesn't say is absent. */
export type PolicySettings = Partial<Omit<SandboxPolicy, "home">>;

export interface PolicyFile {
  path: string;
  kind: "user" | "workspace";
  settings: PolicySettings;
  /** Lines on which the keys stand, from 1. */
  lines: Partial<Record<keyof SandboxPolicy, number>>;
}

/** Fewer than a few threads of Node's, or less memory than Node takes to start (576 MiB of data on x64), and no agent starts. */
const FEWEST_PROCESSES = 32;
/** Linux has no more process ids than this. */
const MOST_PROCESSES = 4_194_304;
/** Node alone has some thirty, and a package manager opens hundreds at once. */
const FEWEST_OPEN_FILES = 256;
/** Linux lets no process have more, unless it was told otherwise (fs.nr_open). */
const MOST_OPEN_FILES = 1_048_576;
const LEAST_MEMORY = 768 * 1024 ** 2;
const LEAST_TMP = 1024 ** 2;

/**
 * Reads and checks one file.
 *
 * @param base the directory that a workspace's relative paths are below; absent for the user's file
 * @throws PictlError INVALID_CONFIG naming the file, the line and the key
 */
export function readPolicyFile(path: string, home: string, base?: string): PolicyFile {
  return checkPolicyText(readTomlText(path, base === undefined ? "user" : "workspace"), path, home, base);
}

/** The same for a text that is, or is to become, the file. */
export function checkPolicyText(text: string, path: string, home: string, base?: string): PolicyFile {
  const { value } = checkToml(policyFile(home, base), {
    text,
    path,
    suggest: (key) => nearest(key, Object.keys(FILE_KEYS)),
    help: "See docs/sandbox.md for the keys and their values.",
  });
  const said = Object.entries(FILE_KEYS).filter(([key]) => value[key as keyof typeof value] !== undefined);
  return {
    path,
    kind: base === undefined ? "user" : "workspace",
    settings: Object.fromEntries(
      said.map(([key, name]) => [name, value[key as keyof typeof value]]),
    ) as PolicySettings,
    lines: Object.fromEntries(
      said.flatMap(([key, name]) => {
        const line = lineOfKey(text, [key]);
        return line === undefined ? [] : [[name, line]];
      }),
    ),
  };
}

function policyFile(home: string, base: string | undefined) {
  const denied = path(home, base, () => undefined);
  const readable = path(home, base, (place) => refusedRoot(place, home));
  const writable = path(home, base, (place) => (place === OWN_TMP ? undefined : refusedRoot(place, home)));
  return z.strictObject({
    enabled: z.optional(z.boolean("must be true or false")),
    profile: z.optional(z.enum(sandboxProfiles)),
    allow_read: z.optional(setOf(readable)),
    deny_read: z.optional(setOf(denied)),
    allow_write: z.optional(setOf(writable)),
    network: z.optional(network),
    isolate_pid: z.optional(z.boolean("must be true or false")),
    max_processes: z.optional(processes),
    max_open_files: z.optional(openFiles),
    max_memory: z.optional(size(LEAST_MEMORY, '"4G" or "512M"')),
    tmp_size: z.optional(size(LEAST_TMP, '"1G" or "256M"')),
    env: z.optional(setOf(variable)),
    expose_credentials: z.optional(setOf(provider)),
    allow_no_sandbox: z.optional(z.boolean("must be true or false")),
  });
}

const provider = z
  .string()
  .check(z.regex(/^[\w.-]+$/, "must be the id of a provider, such as amazon-bedrock"));

/** A list in which nothing comes twice. */
function setOf<Schema extends z.ZodMiniType<string>>(entry: Schema) {
  return z.pipe(
    z.array(entry),
    z.transform((entries) => [...new Set(entries)]),
  );
}

const processes = countBetween(FEWEST_PROCESSES, MOST_PROCESSES);
const openFiles = countBetween(FEWEST_OPEN_FILES, MOST_OPEN_FILES);

const variable = z
  .string("must be the name of a variable")
  .check(z.regex(/^[A-Za-z_]\w*$/, "must be the name of a variable; patterns and values aren't possible"));

function countBetween(least: number, most: number) {
  const problem = `must be a whole number between ${least} and ${most}`;
  return z.int(problem).check(z.gte(least, problem), z.lte(most, problem));
}

function size(least: number, example: string) {
  const problem = `must be a size such as ${example}, and at least ${least} bytes`;
  return z.pipe(
    z.union([z.string(), z.int()], { error: problem }),
    z.transform((written, context) => {
      try {
        const bytes = parseSize(String(written));
        if (bytes >= least) return bytes;
      } catch (error) {
        if (!(error instanceof PictlError)) throw error;
      }
      context.issues.push({ code: "custom", input: written, message: problem });
      return z.NEVER;
    }),
  );
}

const hostRule = z.pipe(
  z.string("must be a host in quotes"),
  z.transform((text, context): HostRule => {
    const rule = parseHostRule(text);
    if (typeof rule !== "string") return rule;
    context.issues.push({ code: "custom", input: text, message: `must ${rule}` });
    return z.NEVER;
  }),
);

const network = z.pipe(
  z.union([z.enum(["none", "model", "open"]), z.strictObject({ allow: z.array(z.unknown()) })], {
    error: 'must be "none", "model", "open" or { allow = ["registry.npmjs.org", "*.github.com:443"] }',
  }),
  z.transform((value, context): NetworkPolicy => {
    if (typeof value === "string") return { kind: value };
    // Checked here, so that a wrong host has its own message and not that of the union.
    const rules = z.safeParse(z.array(hostRule), value.allow);
    if (rules.success) return namedHosts(rules.data);
    const [issue] = rules.error.issues;
    context.issues.push({
      code: "custom",
      input: value,
      path: ["allow", ...(issue?.path ?? [])],
      message: issue?.message ?? "invalid",
    });
    return z.NEVER;
  }),
);

/** @param refuse says what is wrong with an expanded path, as the end of "… must" */
function path(home: string, base: string | undefined, refuse: (place: string) => string | undefined) {
  return z.pipe(
    z.string("must be a path in quotes"),
    z.transform((text, context) => {
      const place = expandPath(text, home, base);
      const problem = place === undefined ? pathForm(base) : (patternProblem(text) ?? refuse(place));
      if (place !== undefined && problem === undefined) return place;
      context.issues.push({ code: "custom", input: text, message: `must ${problem}` });
      return z.NEVER;
    }),
  );
}

function pathForm(base: string | undefined): string {
  const relative = base === undefined ? "" : ", or be relative to the workspace";
  return `be an absolute path or start with ~/${relative}`;
}

/** A pattern that silently matched nothing would be a hole. */
function patternProblem(text: string): string | undefined {
  return /[*?[\]{}]/.test(text) ? "name a file or directory: patterns aren't possible" : undefined;
}

/** The absolute, normalized path that a file means. Undefined for what isn't one. */
function expandPath(text: string, home: string, base: string | undefined): string | undefined {
  if (text === "" || /\p{Cc}/u.test(text)) return undefined;
  const trim = (path: string) => normalize(path).replace(/(?<=.)\/$/, "");
  if (text === "~" || text.startsWith("~/")) return trim(join(home, text.slice(1)));
  if (text.startsWith("/")) return trim(text.replace(/^\/+/, "/"));
  if (base === undefined || text.startsWith("~")) return undefined;
  return trim(join(base, text));
}

/** What would make a sandbox none: everything, the start-up files of a home, the kernel's and the system's own. */
function refusedRoot(place: string, home: string): string | undefined {
  if (place === "/") return 'not be "/": nothing would be left to refuse';
  if (contains(place, home)) return "be below the home and not all of it: a shell's start-up files are there";
  const own = OWN_PLACES.find((one) => place === one);
  if (own !== undefined) return `not be ${own}: it belongs to the system, and a sandbox has none or its own`;
  const kernel = ["/dev", "/proc", "/sys"].find((one) => contains(one, place));
  return kernel === undefined ? undefined : `not be in ${kernel}: a sandbox has its own`;
}
