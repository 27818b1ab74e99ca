// A place where a hostile session may do its worst: a target root, a source tree, a home, and a canary beside them. Everything
// outside the target is photographed before and after (names, inode, mode, owner, ctime); also a runner for the compiled
// programs that measures their peak memory and ends what hangs.

import { fromFileUrl, join } from "@std/path";
import { fromLatin1 } from "./protocol_bytes.ts";
import type { Tree, TreeNode } from "./protocol_halves.ts";

export const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const DIST = Deno.env.get("TSYNC_TEST_DIST") ?? join(ROOT, "dist");
export const TSYNC = join(DIST, "tsync");
export const TSYNC_REMOTE = join(DIST, "tsync-remote");
const RSH = fromFileUrl(new URL("./evil_rsh.ts", import.meta.url));
const TIME = "/usr/bin/time";

/** With TSYNC_TEST_LONG=1 every case runs, else a seeded sample and nothing that takes long by nature. */
export const LONG = Deno.env.get("TSYNC_TEST_LONG") === "1";

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

const hasTime = exists(TIME);

/** Writes a small tree; names are ASCII. */
export function writeTree(folder: string, tree: Tree): void {
  Deno.mkdirSync(folder, { recursive: true });
  for (const [name, node] of Object.entries(tree)) writeNode(join(folder, name), node);
}

function writeNode(path: string, node: TreeNode): void {
  if (typeof node === "string") Deno.writeTextFileSync(path, node);
  else if (node instanceof Uint8Array) Deno.writeFileSync(path, node);
  else if (typeof (node as { link?: unknown }).link === "string") {
    Deno.symlinkSync((node as { link: string }).link, path);
  } else writeTree(path, node as Tree);
}

async function find(args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command("find", { args, stdout: "piped", stderr: "null" }).output();
  return fromLatin1(stdout);
}

/** A temporary folder whose path is equally long each time: it travels in JOB, and cuts are told in bytes of the session. */
function makeFolder(prefix: string): string {
  const path = join(Deno.env.get("TMPDIR") ?? "/tmp", prefix + crypto.randomUUID());
  Deno.mkdirSync(path, { mode: 0o700 });
  return path;
}

export class Sandbox {
  readonly base = makeFolder("tsync-evil-");
  /** Sockets and notes of the test itself: not part of the photograph. */
  readonly side = makeFolder("tsync-side-");
  readonly home = join(this.base, "home");
  readonly target = join(this.base, "target");
  readonly tree = join(this.base, "tree");
  readonly canary = join(this.base, "canary");
  readonly socket = join(this.side, "s");
  #before = "";

  constructor(target: Tree, tree: Tree) {
    writeTree(this.home, { ".profile": "# nothing\n" });
    for (const folder of [join(this.home, ".tsync"), this.#state]) Deno.mkdirSync(folder, { mode: 0o700 });
    writeTree(this.canary, {
      "secret.txt": "canary secret\n",
      inner: { "f.txt": "canary f\n" },
      link: { link: "secret.txt" },
    });
    writeTree(this.target, target);
    writeTree(this.tree, tree);
    Deno.chmodSync(join(this.canary, "secret.txt"), 0o640);
  }

  /** What a run notes for the user's next one lies there: no touch. */
  get #state(): string {
    return join(this.home, ".tsync", "state");
  }

  /** Every name outside the target with what would betray a touch; access times do not count. */
  async #photograph(): Promise<string> {
    const format = "%P\\0%i %y %m %U %G %n %s %C@ %l\\n";
    const own = ["(", "-path", this.target, "-o", "-path", this.#state, ")", "-prune"];
    const all = await find([this.base, ...own, "-o", "-printf", format]);
    return all.split("\n").sort().join("\n");
  }

  async photograph(): Promise<void> {
    this.#before = await this.#photograph();
  }

  /** Lines that differ from the photograph; empty when nothing outside the target was touched. */
  async changesOutside(): Promise<string> {
    const after = await this.#photograph();
    if (after === this.#before) return "";
    const old = new Set(this.#before.split("\n"));
    const now = new Set(after.split("\n"));
    const lines = [...[...old].filter((l) => !now.has(l)).map((l) => `- ${l}`)];
    return [...lines, ...[...now].filter((l) => !old.has(l)).map((l) => `+ ${l}`)].join("\n");
  }

  /** Path (latin1) to `kind content-or-link-target` of everything below the target root. */
  async targetFiles(): Promise<Map<string, string>> {
    const files = new Map<string, string>();
    const text = await find([this.target, "-mindepth", "1", "-printf", "%y\\0%l\\0%P\\0"]);
    const fields = text.split("\0");
    for (let i = 0; i + 2 < fields.length; i += 3) {
      const [kind, link, path] = fields.slice(i, i + 3);
      files.set(path, kind === "f" ? `f ${this.#content(path)}` : kind === "l" ? `l ${link}` : kind);
    }
    return files;
  }

  #content(path: string): string {
    const name = new TextDecoder().decode(Uint8Array.from(path, (c) => c.charCodeAt(0)));
    // A name that is no UTF-8 cannot be opened through Deno; that it is there is told by its path.
    if (name.includes("\ufffd")) return "(a name that is no UTF-8)";
    const content = Deno.readFileSync(join(this.target, name));
    return content.length > 1_000 ? `${content.length} bytes` : fromLatin1(content);
  }

  dispose(): void {
    for (const path of [this.base, this.side]) Deno.removeSync(path, { recursive: true });
  }

  /** The words for -e. */
  get rsh(): string {
    return `${Deno.execPath()} run -A --no-config --no-lock --no-check ${RSH} ${this.socket}`;
  }
}

export interface Ended {
  code: number;
  stdout: Uint8Array;
  stderr: string;
  /** It did not end by itself in the time given. */
  hung: boolean;
  ms: number;
  /** Peak resident memory, KiB. */
  peakKib: number;
}

export interface Running {
  child: Deno.ChildProcess;
  ended: Promise<Ended>;
}

export interface Start {
  argv: string[];
  sandbox: Sandbox;
  /** Input and output are the test's own streams. */
  piped: boolean;
  limitMs: number;
}

function environment(sandbox: Sandbox): Record<string, string> {
  const home = Deno.env.get("HOME") ?? "/root";
  return {
    HOME: sandbox.home,
    PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
    LANG: "C.UTF-8",
    TMPDIR: sandbox.side,
    DENO_DIR: Deno.env.get("DENO_DIR") ?? join(Deno.env.get("XDG_CACHE_HOME") ?? join(home, ".cache"), "deno"),
    DENO_NO_UPDATE_CHECK: "1",
  };
}

/** Ends a process and all below it, which this test started. */
function killTree(pid: number): void {
  let below = "";
  try {
    below = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
  } catch {
    // It is gone already.
  }
  for (const child of below.split(" ").filter((word) => word.trim() !== "")) killTree(Number(child));
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

async function gather(stream: ReadableStream<Uint8Array>, limitBytes = 4_194_304): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const part of stream) {
    if (total < limitBytes) parts.push(part);
    total += part.length;
  }
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}

/** Starts a program in the sandbox's home, below GNU time where that is installed. */
export function start({ argv, sandbox, piped, limitMs }: Start): Running {
  const missing = [TSYNC, TSYNC_REMOTE].filter((program) => !exists(program));
  if (missing.length > 0) throw new Error(`${missing.join(" and ")} missing: run sh scripts/build.sh first`);
  const note = join(sandbox.side, "peak");
  const words = hasTime ? [TIME, "-q", "-f", "%M", "-o", note, ...argv] : argv;
  const begin = performance.now();
  const child = new Deno.Command(words[0], {
    args: words.slice(1),
    cwd: sandbox.home,
    env: environment(sandbox),
    clearEnv: true,
    stdin: piped ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let hung = false;
  let sampledKib = 0;
  const timer = setTimeout(() => {
    hung = true;
    killTree(child.pid);
  }, limitMs);
  const sampler = hasTime ? undefined : setInterval(() => sampledKib = Math.max(sampledKib, readPeak(child.pid)), 5);
  const out = piped ? Promise.resolve(new Uint8Array(0)) : gather(child.stdout);
  const err = gather(child.stderr);
  const ended = (async () => {
    const status = await child.status;
    clearTimeout(timer);
    clearInterval(sampler);
    const ms = performance.now() - begin;
    const peakKib = hasTime && !hung ? Number(Deno.readTextFileSync(note).trim().split("\n").at(-1)) : sampledKib;
    return { code: status.code, stdout: await out, stderr: fromLatin1(await err), hung, ms, peakKib };
  })();
  return { child, ended };
}

function readPeak(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
