/** Whether a path is a directory or in it. Both absolute and normalized. */
export function contains(directory: string, path: string): boolean {
  if (!path.startsWith(directory)) return false;
  return path.length === directory.length || directory === "/" || path[directory.length] === "/";
}
