// Where tsync does not do what rsync 3.5.0 does, on purpose: the one table. A test that meets an entry of it demands that the
// difference is still there, so that the table cannot grow old.

export interface Difference {
  /** What is asked, as the test names it. */
  name: string;
  reason: string;
}

export const DIFFERENCES: readonly Difference[] = [
  {
    name: "naming: s without -r to new",
    reason: "tsync makes the target folder before it knows that nothing goes into it; rsync makes none",
  },
  {
    name: "naming: s/ without -r to new",
    reason: "tsync makes the target folder before it knows that nothing goes into it; rsync makes none",
  },
  ...["missing", "s/f/", "s/f/x"].flatMap((source) =>
    ["", " and --delete"].map((more) => ({
      name: `naming: missing ${source}${more}`,
      reason: "the only source cannot be used: tsync ends with 3 (selection), rsync with 23 (partial transfer)",
    }))
  ),
  {
    name: "itemize: block for character device",
    reason: "rsync compares the numbers of devices and not their kinds, and leaves the wrong kind in place",
  },
  ...["-r", "-rl"].map((options) => ({
    name: `itemize: --stats ${options}`,
    reason:
      "entries of kinds that were not asked for are not listed by tsync, so its counts leave them out; rsync counts them",
  })),
  {
    name: "dest: --backup-dir inside the target, second run",
    reason: "what lies in the folder of backups stays; rsync --delete moves it one level deeper at each run",
  },
  {
    name: "dest: --inplace --backup-dir",
    reason: "rsync makes the copies, but cannot look at them below a folder that begins with ../, and ends with 23",
  },
  {
    name: "dest: --delete-before",
    reason: "deletions come last (law 4), so the folder's time is still the source's when it is compared",
  },
];

/** The declared difference that covers `name`. */
export function differenceOf(name: string): Difference | undefined {
  return DIFFERENCES.find((difference) => name === difference.name);
}
