// A memory limit for one program and its children, by a control group of the kernel's (version 1 or 2). Needs root and a
// memory controller that lets itself be used.

/** Where groups are made, the file of the limit, and that of the limit of swap: with room there a limit would only make it slow. */
const CONTROLLERS = [
  {
    root: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    swap: (bytes: number): [string, number] => ["memory.memsw.limit_in_bytes", bytes],
  },
  { root: "/sys/fs/cgroup", limit: "memory.max", swap: (): [string, number] => ["memory.swap.max", 0] },
];

export interface MemoryLimit {
  /** Words to put in front of the program. */
  words: string[];
  /** Removes the group; nothing lives in it any more. */
  remove(): Promise<void>;
}

/** A group of `bytes` at most, page cache and the kernel's own notes among them; null where there are no such groups. */
export async function limitMemory(bytes: number): Promise<MemoryLimit | null> {
  for (const { root, limit, swap } of CONTROLLERS) {
    const group = `${root}/tsync-test-${crypto.randomUUID()}`;
    if (!await succeeds(Deno.mkdir(group))) continue;
    const set = (file: string, value: number) =>
      succeeds(Deno.writeTextFile(`${group}/${file}`, String(value), { create: false }));
    const remove = () => Deno.remove(group);
    if (await set(limit, bytes)) {
      // A kernel without swap has no such file.
      const [file, most] = swap(bytes);
      await set(file, most);
      return { words: ["sh", "-c", `echo $$ >${group}/cgroup.procs && exec "$@"`, "sh"], remove };
    }
    await remove();
  }
  return null;
}

function succeeds(work: Promise<void>): Promise<boolean> {
  return work.then(() => true, () => false);
}
