// The programs that the demonstration runs: cp, find, tsync and others. Promises: when it is interrupted, none goes on.

const running = new Set<Deno.ChildProcess>();

export interface Output {
  code: number;
  stdout: Uint8Array;
  stderr: Uint8Array;
}

/** Runs a program to its end, its standard error kept unless `options` say otherwise. */
export async function run(program: string, args: string[], options: Deno.CommandOptions = {}): Promise<Output> {
  const child = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...options,
    env: { LC_ALL: "C", ...options.env },
  }).spawn();
  running.add(child);
  try {
    const output = await child.output().catch(() => {
      throw new Error(`${program} was stopped`);
    });
    // To ask for an error stream that was not piped is an error.
    const stderr = options.stderr === "inherit" ? new Uint8Array() : output.stderr;
    return { code: output.code, stdout: output.stdout, stderr };
  } finally {
    running.delete(child);
  }
}

/** What a program says as text; throws what it complains about. */
export async function textOf(program: string, args: string[], cwd?: string, encoding = "utf-8"): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, { cwd });
  if (code !== 0) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder(encoding).decode(stdout);
}

/** Ends all that run, and waits for it. */
export async function stopPrograms(): Promise<void> {
  const ended = [...running].map((child) => child.status);
  for (const child of running) child.kill("SIGKILL");
  await Promise.allSettled(ended);
}
