// Runs one command and says what it cost: wall time, CPU of both sides, peak memory. Called by measure.ts.
// Promises: nothing but the command lies between the two clock readings, processes that outlive the command are waited for (outside
// of the wall time) and counted, and a run is never watched while it is timed.

/** Where the CPU time of one side's processes is summed up. */
export interface CpuAccount {
  /** The file that a shell writes its own id into to be counted here with all its children. */
  readonly entrance: string;
  /** User and system time so far, seconds. */
  seconds(): number;
  pids(): number[];
  close(): void;
}

export interface Accounting {
  how: string;
  /** `root`: the process whose children are the side, where the system has no groups to count in. */
  open(name: string, root: () => number): CpuAccount;
}

const GROUPS_V1 = "/sys/fs/cgroup/cpuacct";
const GROUPS_V2 = "/sys/fs/cgroup";

/** The best accounting this machine and user allow. */
export function chooseAccounting(): Accounting {
  for (const base of [GROUPS_V1, GROUPS_V2]) {
    const probe = `${base}/tsync-bench-probe-${Deno.pid}`;
    try {
      Deno.mkdirSync(probe);
      const files = [...Deno.readDirSync(probe)].map((entry) => entry.name);
      Deno.removeSync(probe);
      const file = files.includes("cpuacct.usage") ? "cpuacct.usage" : files.includes("cpu.stat") ? "cpu.stat" : null;
      if (file !== null) {
        return {
          how: `control groups (${file})`,
          open: (name) => openGroup(`${base}/tsync-bench-${Deno.pid}-${name}`, file),
        };
      }
    } catch {
      // Not root, or no such hierarchy: the next way.
    }
  }
  return { how: "the times of ended children (/proc, in steps of 10 ms)", open: (_, root) => openChildren(root) };
}

function openGroup(folder: string, file: string): CpuAccount {
  Deno.mkdirSync(folder);
  return {
    entrance: `${folder}/cgroup.procs`,
    seconds() {
      const text = Deno.readTextFileSync(`${folder}/${file}`);
      return file === "cpuacct.usage" ? Number(text) / 1e9 : Number(/^usage_usec (\d+)$/m.exec(text)![1]) / 1e6;
    },
    pids: () => Deno.readTextFileSync(`${folder}/cgroup.procs`).split("\n").filter((line) => line !== "").map(Number),
    close: () => Deno.removeSync(folder),
  };
}

function openChildren(root: () => number): CpuAccount {
  return {
    entrance: "/dev/null",
    seconds() {
      // Fields 16 and 17: user and system time of the children that were waited for, in ticks of 1/100 s.
      const fields = statFields(root());
      return fields === null ? 0 : (Number(fields[13]) + Number(fields[14])) / 100;
    },
    pids: () => descendants(root()),
    close() {},
  };
}

/** The fields of /proc/PID/stat that follow the name, which may hold anything. */
function statFields(pid: number): string[] | null {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

function descendants(root: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    const fields = statFields(Number(entry.name));
    if (fields !== null && fields[0] !== "Z") parents.set(Number(entry.name), Number(fields[1]));
  }
  const found = new Set([root]);
  for (let grown = true; grown;) {
    grown = false;
    for (const [pid, parent] of parents) {
      if (found.has(parent) && !found.has(pid)) grown = found.add(pid) !== undefined;
    }
  }
  found.delete(root);
  return [...found];
}

export interface Sides {
  client: CpuAccount;
  far: CpuAccount | null;
  /** Processes of the far side that are there between two runs: the listener. */
  residents: () => number[];
}

export interface Cost {
  wallSeconds: number;
  clientCpuSeconds: number;
  farCpuSeconds: number;
  clientPeakBytes: number | null;
  farPeakBytes: number | null;
}

/** How long processes may outlive the command. */
const TRAILING_MS = 20_000;
/** How long a command may take; then it and all it started is ended. */
const LONGEST_MS = 20 * 60_000;

// The shell enters the account and says so before the clock starts: moving a process costs milliseconds.
const LAUNCHER =
  'echo $$ >"$0" && echo ready && read -r go && errors=$1 && shift && exec "$@" </dev/null >/dev/null 2>"$errors"';

/** Runs a command to its end. Throws what it said if it does not exit with 0. `watch`: looks at the memory while it runs. */
export async function runCommand(
  argv: string[],
  sides: Sides,
  env: Record<string, string>,
  watch: boolean,
): Promise<Cost> {
  const errors = Deno.makeTempFileSync();
  const before = { client: sides.client.seconds(), far: sides.far?.seconds() ?? 0 };
  const launcher = new Deno.Command("sh", {
    args: ["-c", LAUNCHER, sides.client.entrance, errors, ...argv],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    env,
    clearEnv: true,
  }).spawn();
  const ready = launcher.stdout.getReader();
  if ((await ready.read()).done) throw new Error("the launcher did not start");
  const stdin = launcher.stdin.getWriter();
  const peaks = watch ? watchPeaks(sides) : null;
  const tooLong = setTimeout(() => endAll(sides), LONGEST_MS);
  const start = performance.now();
  await stdin.write(new Uint8Array([10]));
  const status = await launcher.status;
  const wallSeconds = (performance.now() - start) / 1000;
  clearTimeout(tooLong);
  peaks?.stop();
  await ready.cancel();
  await stdin.close().catch(() => {});
  const said = Deno.readTextFileSync(errors);
  Deno.removeSync(errors);
  // What a tool leaves behind when it fails would disturb, or be counted in, the next run.
  if (!status.success) endAll(sides);
  await settle(sides);
  if (!status.success) throw new Error(`${argv.join(" ")}\nended with code ${status.code}: ${said.slice(-2000)}`);
  return {
    wallSeconds,
    clientCpuSeconds: sides.client.seconds() - before.client,
    farCpuSeconds: (sides.far?.seconds() ?? 0) - before.far,
    clientPeakBytes: peaks?.client() ?? null,
    farPeakBytes: peaks?.far() ?? null,
  };
}

/** Ends what runs on both sides, but the residents. */
function endAll(sides: Sides): void {
  const residents = sides.residents();
  for (const pid of [...sides.client.pids(), ...(sides.far?.pids() ?? [])]) {
    if (!residents.includes(pid)) endProcess(pid);
  }
}

export function endProcess(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Waits until what the command has left behind has ended. */
async function settle(sides: Sides): Promise<void> {
  const deadline = performance.now() + TRAILING_MS;
  for (;;) {
    const residents = sides.residents();
    const left = [...sides.client.pids(), ...(sides.far?.pids() ?? [])].filter((pid) => !residents.includes(pid));
    // Where there are no groups this program's own children are the client's side, the listener among them.
    if (left.every((pid) => statFields(pid) === null)) return;
    if (performance.now() > deadline) {
      const names = left.map(nameOf).join(", ");
      endAll(sides);
      throw new Error(`still running after the end: ${names}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function nameOf(pid: number): string {
  return `${pid} ${readOr(`/proc/${pid}/comm`).trim()}`;
}

function readOr(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** Looks every few milliseconds at the high-water marks, which never fall, of all processes but ssh and shells. */
function watchPeaks(sides: Sides): { stop(): void; client(): number | null; far(): number | null } {
  const peak = { client: 0, far: 0 };
  const look = (side: "client" | "far", pids: number[]) => {
    for (const pid of pids) {
      const text = readOr(`/proc/${pid}/status`);
      const name = /^Name:\t(.*)$/m.exec(text)?.[1] ?? "";
      if (/^(ssh|sshd.*|sh|dash|bash|zsh|gzip|head|dd|sha256sum)$/.test(name)) continue;
      const bytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
      peak[side] = Math.max(peak[side], bytes);
    }
  };
  const timer = setInterval(() => {
    look("client", sides.client.pids());
    if (sides.far !== null) look("far", sides.far.pids());
  }, 3);
  return { stop: () => clearInterval(timer), client: () => peak.client || null, far: () => peak.far || null };
}

/** Writes and frees memory: a page that the machine's host has taken back costs several times more at its first touch. */
export function touchMemory(folder: string, bytes: number): void {
  if (bytes === 0) return;
  const path = `${folder}/touch-${Deno.pid}`;
  const piece = new Uint8Array(4 << 20).fill(1);
  using file = Deno.openSync(path, { write: true, create: true });
  for (let done = 0; done < bytes; done += piece.length) file.writeSync(piece);
  Deno.removeSync(path);
}
