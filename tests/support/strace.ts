// Faults at an exact system call of a real process: words that put strace in front of a program, so that the N-th call of a
// kind fails, kills the process or is counted. Only the first thread is followed: all calls of lib/os come from there.

/** Which calls are counted, and where. */
export interface Watch {
  /** System calls, joined by commas as strace takes them. */
  calls: string;
  /** Only calls that touch one of these paths, by name or by descriptor. */
  paths?: readonly string[];
  /** File for strace's log. */
  log: string;
}

/** What happens at the watched call. */
export interface Injection {
  /** As strace says it: `error=EIO`, `signal=KILL`, `delay_enter=1000`. */
  effect: string;
  /** The N-th watched call; 1 is the first. `N+` from then on. */
  when: number | string;
}

/** Words to stand in front of a program. */
export function straceWords(watch: Watch, injection?: Injection): string[] {
  const { calls, paths = [], log } = watch;
  const words = ["strace", "-y", "-s", "64", "-o", log, "-e", `trace=${calls}`];
  if (injection !== undefined) words.push("-e", `inject=${calls}:${injection.effect}:when=${injection.when}`);
  for (const path of paths) words.push("-P", path);
  return words;
}

/** How often each call was made, by a log of strace. */
export async function countCalls(log: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const line of (await Deno.readTextFile(log)).split("\n")) {
    const name = /^([a-z0-9_]+)\(/.exec(line)?.[1];
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** The line of the call that was tampered with, or at which the process was killed; null if it was never reached. */
export async function struckLine(log: string): Promise<string | null> {
  const lines = (await Deno.readTextFile(log)).split("\n");
  const injected = lines.find((line) => line.includes("(INJECTED)") || line.includes("(DELAYED)"));
  if (injected !== undefined) return injected;
  const killed = lines.findIndex((line) => line.startsWith("+++ killed by SIGKILL"));
  if (killed < 0) return null;
  return lines.slice(0, killed).findLast((line) => /^[a-z0-9_]+\(/.test(line)) ?? "killed";
}
