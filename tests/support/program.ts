// The program under test, as users have it: dist/tsync, which the gate builds first. TSYNC_TEST_PROGRAM names another one
// (words separated by spaces), such as "deno run -A main.ts" between two builds.

const ROOT = new URL("../../", import.meta.url).pathname;

export function tsyncWords(): string[] {
  const other = Deno.env.get("TSYNC_TEST_PROGRAM");
  return other ? other.split(" ") : [`${ROOT}dist/tsync`];
}

export interface Ran {
  code: number;
  out: string;
  err: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  stdin?: string;
}

/** Runs `words` to the end and collects what they print; a byte that is not UTF-8 becomes U+FFFD. */
export async function run(words: string[], options: RunOptions = {}): Promise<Ran> {
  const child = new Deno.Command(words[0], {
    args: words.slice(1),
    cwd: options.cwd,
    env: options.env,
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.stdin)).catch(() => {});
    await writer.close().catch(() => {});
  }
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** Runs tsync with `args`. */
export function tsync(args: string[], options: RunOptions = {}): Promise<Ran> {
  return run([...tsyncWords(), ...args], options);
}
