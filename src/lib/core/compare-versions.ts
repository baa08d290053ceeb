/**
 * Compares two semantic versions: below zero when `a` is the older one. A pre-release is older than its
 * release, its parts count as numbers where they are, and build metadata counts nothing (semver.org, 10–11).
 */
export function compareVersions(a: string, b: string): number {
  const [aRelease, aPre] = split(a);
  const [bRelease, bPre] = split(b);
  const release = compareParts(aRelease, bRelease);
  if (release !== 0) return release;
  if (aPre.length === 0 || bPre.length === 0) return bPre.length - aPre.length;
  return compareParts(aPre, bPre);
}

function split(version: string): [release: string[], prerelease: string[]] {
  const plain = version.replace(/^v/, "").replace(/\+.*$/, "");
  const dash = plain.indexOf("-");
  return dash === -1
    ? [plain.split("."), []]
    : [plain.slice(0, dash).split("."), plain.slice(dash + 1).split(".")];
}

function compareParts(a: readonly string[], b: readonly string[]): number {
  for (const [index, part] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    if (part === other) continue;
    const [isNumber, otherIsNumber] = [/^\d+$/.test(part), /^\d+$/.test(other)];
    if (isNumber && otherIsNumber) return Number(part) - Number(other);
    if (isNumber !== otherIsNumber) return isNumber ? -1 : 1;
    return part < other ? -1 : 1;
  }
  return a.length - b.length;
}
