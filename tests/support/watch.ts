// What the processes of a run take while it lasts: memory and open handles, by their program. Linux only.

import { living } from "./processes.ts";

export interface Peak {
  /** Resident memory, KiB, as the kernel remembers it. */
  memoryKib: number;
  /** Open descriptors, as often as they were counted. */
  handles: number;
  /** How often it was looked. */
  looks: number;
}

/** How often it is looked, and how often for new processes, ms. */
const LOOK_MS = 4;
const SEARCH_MS = 100;

/** Looks at the marked processes of `place` until `work` settles: the highest figures of each program by its file's name. */
export async function watched<T>(place: string, work: Promise<T>): Promise<{ result: T; peaks: Map<string, Peak> }> {
  const peaks = new Map<string, Peak>();
  let isOver = false;
  const over = work.finally(() => isOver = true);
  over.catch(() => {});
  let found: { pid: number; program: string }[] = [];
  for (let searchedAt = -Infinity; !isOver;) {
    if (performance.now() - searchedAt > SEARCH_MS) {
      found = living(place).map(({ pid, words }) => ({ pid, program: words[0].split("/").at(-1)! }));
      searchedAt = performance.now();
    }
    for (const { pid, program } of found) note(peaks, program, pid);
    await new Promise((resume) => setTimeout(resume, LOOK_MS));
  }
  return { result: await over, peaks };
}

function note(peaks: Map<string, Peak>, program: string, pid: number): void {
  try {
    const memoryKib = memoryOf(pid, "VmHWM");
    const handles = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
    const before = peaks.get(program) ?? { memoryKib: 0, handles: 0, looks: 0 };
    peaks.set(program, {
      memoryKib: Math.max(before.memoryKib, memoryKib),
      handles: Math.max(before.handles, handles),
      looks: before.looks + 1,
    });
  } catch {
    // It ended meanwhile.
  }
}

/** VmRSS: resident memory now, KiB; VmHWM: the most so far. */
export function memoryOf(pid: number, what: "VmRSS" | "VmHWM"): number {
  const line = new RegExp(`^${what}:\\s+(\\d+) kB`, "m").exec(Deno.readTextFileSync(`/proc/${pid}/status`));
  if (line === null) throw new Error(`process ${pid} has ended`);
  return Number(line[1]);
}
