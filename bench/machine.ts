// Describes the machine that is measured on, and puts the bench before other work on it. Called by main.ts.

const WEIGHED_GROUPS = [
  { base: "/sys/fs/cgroup/cpu", file: "cpu.shares", most: "262144" },
  { base: "/sys/fs/cgroup", file: "cpu.weight", most: "10000" },
];

/** As root: this program and all it starts come before other work. Returns what takes it back. */
export function goFirst(): () => void {
  for (const { base, file, most } of WEIGHED_GROUPS) {
    const group = `${base}/tsync-bench-first-${Deno.pid}`;
    try {
      Deno.mkdirSync(group);
    } catch {
      continue;
    }
    Deno.writeTextFileSync(`${group}/${file}`, most);
    Deno.writeTextFileSync(`${group}/cgroup.procs`, String(Deno.pid));
    return () => {
      Deno.writeTextFileSync(`${base}/cgroup.procs`, String(Deno.pid));
      Deno.removeSync(group);
    };
  }
  throw new Error("--first needs root and control groups");
}

/** One line: processor, memory, kernel, file systems. */
export async function describeMachine(tmpfs: string, disk: string): Promise<string> {
  const cpu = /^model name\s*:\s*(.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  const memory = Number(/^MemTotal:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/meminfo"))![1]) * 1024;
  return [
    `${navigator.hardwareConcurrency} cores of ${cpu}`,
    `${(memory / 1e9).toFixed(1)} GB of memory`,
    `Linux ${Deno.osRelease()} ${Deno.build.arch}`,
    `memory file system ${await fileSystem(tmpfs)}, disk ${await fileSystem(disk)}`,
  ].join(", ");
}

async function fileSystem(path: string): Promise<string> {
  const { stdout } = await new Deno.Command("df", { args: ["--output=fstype", path] }).output();
  return new TextDecoder().decode(stdout).trim().split("\n").at(-1)!;
}
