/** Key of the status by which {@link file://./report-tools.ts} reports. pi's RPC has no command for tools. */
export const TOOLS_STATUS = "pictl:tools";

/** Tools of the session that an agent holds, by name and sorted. Without MCP tools, which connect later. */
export interface SessionTools {
  /** The model can use them. */
  active: string[];
  /** pi knows them; the allowlist of `--tools` has removed all others. */
  known: string[];
}

/** Tools that pi ships (its cli.md, "Tools"), for suggestions. */
export const BUILT_IN_TOOLS = [
  "read",
  "bash",
  "powershell",
  "edit",
  "write",
  "grep",
  "find",
  "ls",
  "codemode",
  "tool_search",
];

/** pi's MCP tools and its three tools for MCP resources (its cli.md, "MCP tools"). */
const MCP_TOOL = /^(mcp__.*|list_mcp_resources|list_mcp_resource_templates|read_mcp_resource)$/;

export function isMcpTool(name: string): boolean {
  return MCP_TOOL.test(name);
}

/** Parses the status; undefined for a text that the extension didn't write. */
export function parseTools(text: unknown): SessionTools | undefined {
  try {
    const { active, known } = JSON.parse(String(text)) as Partial<SessionTools>;
    return isNames(active) && isNames(known) ? { active, known } : undefined;
  } catch {
    return undefined;
  }
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}
