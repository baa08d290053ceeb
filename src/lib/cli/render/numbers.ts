import { findHome } from "../../core/user.ts";

const UNITS: [number, string][] = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** A count in three digits or so: `950`, `12.3k`, `1.2M`. */
export function compactNumber(value: number): string {
  // What one decimal would round up to 1000 belongs to the next unit.
  const unit = UNITS.find(([size]) => value >= size * 0.99995);
  return unit === undefined ? String(Math.round(value)) : `${(value / unit[0]).toFixed(1)}${unit[1]}`;
}

/** `1 file`, `2 files`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** US dollars: `$0.01`; less than half a cent that isn't nothing is `<$0.01`. */
export function dollars(value: number): string {
  return value > 0 && value < 0.005 ? "<$0.01" : `$${value.toFixed(2)}`;
}

/** Bytes as `12.3 MB` (powers of 1000). */
export function megabytes(value: number): string {
  return `${(value / 1e6).toFixed(1)} MB`;
}

/** A path below the home directory with `~` for it. */
export function shortPath(path: string, home: string | undefined = findHome(process.env)): string {
  if (path === home) return "~";
  return home !== undefined && home !== "/" && path.startsWith(`${home}/`)
    ? `~${path.slice(home.length)}`
    : path;
}

/**
 * A moment as `2026-11-21 04:50:12` in the machine's own zone. Not with Intl, which takes 20 ms to wake up.
 *
 * @param parts how much of it: 5 up to minutes, 6 up to seconds
 */
export function timeOf(ms: number, parts: 5 | 6 = 6): string {
  const time = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].slice(0, parts - 3).map(two);
  return `${day} ${clock.join(":")}`;
}
