import { realPath } from "../core/real-path.ts";

/** {@link realPath} for one who asks for the same places again and again. */
export function rememberingRealPath(): (path: string) => string {
  const known = new Map<string, string>();
  return (path) => {
    const real = known.get(path) ?? realPath(path);
    known.set(path, real);
    return real;
  };
}
