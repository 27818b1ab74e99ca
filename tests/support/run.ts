// Running programs in tests: raw bytes as arguments, a time limit, another user, strace around it; and places to work in.

import assert from "node:assert/strict";
import { concatBytes, fromLatin1, utf8 } from "../../lib/base/bytes.ts";
import { openLinux } from "../../lib/os/linux.ts";
import { tsyncWords } from "./program.ts";

/** An argument: text, or raw bytes where the name is not UTF-8. */
export type Word = string | Uint8Array;

export interface Ran {
  code: number;
  out: string;
  err: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  stdin?: string;
  /** Default 60 s; then the program is killed and the test fails. */
  timeoutMs?: number;
}

export const AS_ROOT = Deno.uid() === 0;

/** Runs `words` to the end and collects what they print; a byte that is not UTF-8 becomes U+FFFD. */
export async function run(words: readonly Word[], options: RunOptions = {}): Promise<Ran> {
  const { cwd, env, stdin, timeoutMs = 60_000 } = options;
  const raw = words.some((word) => typeof word !== "string");
  const script = raw ? await writeScript(words) : null;
  const [program, ...args] = script === null ? words as string[] : ["/bin/sh", script];
  const child = new Deno.Command(program, {
    args,
    cwd,
    env,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(utf8(stdin)).catch(() => {});
    await writer.close().catch(() => {});
  }
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(limit);
  if (script !== null) await Deno.remove(script);
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.ok(!late, `still running after ${timeoutMs} ms: ${words.join(" ")}\n${out}${err}`);
  return { code, out, err };
}

/** Deno passes text only: a one-line script holds the raw words in quotes. */
async function writeScript(words: readonly Word[]): Promise<string> {
  const file = await Deno.makeTempFile({ prefix: "tsync-words-" });
  const quoted = words.map((word) => {
    const bytes = typeof word === "string" ? utf8(word) : word;
    const text = String.fromCharCode(...bytes).replaceAll("'", `'\\''`);
    return concatBytes(utf8(" '"), fromLatin1(text), utf8("'"));
  });
  await Deno.writeFile(file, concatBytes(utf8("exec"), ...quoted, utf8("\n")), { mode: 0o644 });
  return file;
}

/** Runs tsync. */
export function tsync(args: readonly Word[], options: RunOptions = {}): Promise<Ran> {
  return run([...tsyncWords(), ...args], options);
}

/** Runs it and demands exit code 0 and no words on standard error. */
export async function quietly(ran: Promise<Ran>): Promise<Ran> {
  const { code, out, err } = await ran;
  assert.equal(`${code} ${err}`, "0 ", out);
  return { code, out, err };
}

/** Where tests work: in memory (tmpfs) unless the case is about a disk, since a busy disk takes most of a run's time. */
export type Where = "memory" | "disk";

let roomyMemory: boolean | undefined;

/** The folder for temporary places of that kind; undefined: the system's. Without a roomy /dev/shm all is on disk. */
export function folderOf(where: Where): string | undefined {
  roomyMemory ??= freeBytes("/dev/shm") > 2 ** 30;
  return where === "memory" && roomyMemory ? "/dev/shm" : undefined;
}

function freeBytes(path: string): number {
  const os = openLinux();
  const handle = os.openRoot(utf8(path));
  if (handle < 0) return 0;
  const info = os.fileSystem(handle);
  os.close(handle);
  return typeof info === "number" ? 0 : info.freeBytes;
}

/** A temporary folder for one test; it is gone afterwards, whatever its modes. */
export async function withPlace(use: (place: string) => Promise<void>, where: Where = "memory"): Promise<void> {
  const place = await Deno.makeTempDir({ prefix: "tsync-test-", dir: folderOf(where) });
  try {
    await use(place);
  } finally {
    await sweep(place);
  }
}

/** Opens closed folders at and below `path`, so that a plain user may look and work in them: nothing to do for root. */
export async function openUp(path: string): Promise<void> {
  if (!AS_ROOT) await run(["find", path, "-type", "d", "!", "-perm", "-700", "-exec", "chmod", "u+rwx", "{}", ";"]);
}

/** Removes a folder with closed folders in it. */
export async function sweep(place: string): Promise<void> {
  await openUp(place);
  await run(["rm", "-rf", "--", place], { timeoutMs: 300_000 });
}

/** uid and gid of nobody in particular, for what root must see as a plain user does. */
export const PLAIN = 54321;

/** Words that run what follows as a plain user: nothing to do where the test has no root. */
export function asPlainUser(): string[] {
  return AS_ROOT ? ["setpriv", `--reuid=${PLAIN}`, `--regid=${PLAIN}`, "--clear-groups"] : [];
}

/** Whether anything stands there, a dangling link included. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
