// Where our three standard streams lead. Called by the command line for progress and widths.

/** True if the descriptor 0, 1 or 2 is a terminal. */
export function isTerminal(fd: 0 | 1 | 2): boolean {
  return [Deno.stdin, Deno.stdout, Deno.stderr][fd].isTerminal();
}

/** Columns of the terminal now; 80 where there is none or it does not say. */
export function columns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}
