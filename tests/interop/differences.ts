// Where tsync does not do what rsync 3.5.0 does, on purpose: the one table. A test that meets an entry of it demands that the
// difference is still there, so that the table cannot grow old.

export interface Difference {
  /** What is asked, as the test names it. */
  name: string;
  reason: string;
  /** Of the ways (local, push, pull) the one in which rsync does something else than in the others; default: all. */
  way?: string;
}

export const DIFFERENCES: readonly Difference[] = [
  {
    name: "filter: what stays in a folder below one that goes",
    reason: "rsync says twice of a folder inside one that goes that it is not empty; tsync says it once",
  },
  {
    name: "filter: -F with two folders",
    reason:
      "the files of rules above hold for each source folder; rsync forgets them behind the first and copies what they leave out",
  },
  {
    name: "filter: a file of rules that is a link",
    reason:
      "rsync follows the link wherever it leads; tsync passes the folder over, neither copies nor deletes in it, and exits 23",
  },
  {
    name: "filter: a rule for the other side alone in a file above the source that is given a side",
    reason: "rsync refuses the run; tsync reads a file of rules only at the side that the rule which names it is for",
  },
  {
    name: "filter: anchored rules in a folder whose name has wildcards",
    reason:
      "rsync takes the name of the folder for part of the pattern, so that it may not match itself; tsync matches below the folder",
  },
  {
    name: "itemize: block for character device",
    reason: "rsync compares the numbers of devices and not their kinds, and leaves the wrong kind in place",
  },
  ...["DEL, C1 and what turns text around", "DEL in a listing"].map((claim) => ({
    name: `output: ${claim}`,
    reason:
      "DEL, C1 controls and characters that reorder or hide text are escaped, too: they could forge what is shown",
  })),
  ...["-r", "-rl"].map((options) => ({
    name: `itemize: --stats ${options}`,
    reason:
      "entries of kinds that were not asked for are not listed by tsync, so its counts leave them out; rsync counts them",
  })),
  {
    name: "select: --ignore-existing, a file in a folder's place",
    reason:
      "rsync goes on into the folder that it did not make, fails (23), and changes the time of the file that stands there",
  },
  {
    name: "select: -d of a folder alone, first run",
    reason:
      "rsync makes the folder under the target's name if that is missing; tsync puts it into a new folder, as with -r",
  },
  {
    name: "metadata: -H -n of a changed file",
    reason: "a dry run says what the real run says (=> a); rsync leaves that out where the old names are one inode",
  },
  {
    name: "metadata: -A -n where the target has none",
    reason:
      "a dry run says what the real run says; rsync's says p beside a where only the access list changes the mode",
  },
  {
    name: "links: owners: a name that nobody has",
    reason: "tsync refuses (3) before anything is written; rsync warns and keeps the source's owner",
  },
  {
    name: "links: -L, dangling links delete nothing",
    reason: 'neither deletes; rsync adds the line "IO error encountered -- skipping file deletion"',
  },
  {
    name: "dest: --backup-dir inside the target, second run",
    reason: "what lies in the folder of backups stays; rsync --delete moves it one level deeper at each run",
  },
  {
    name: "dest: --inplace --backup-dir",
    reason: "rsync makes the copies, but cannot look at them below a folder that begins with ../, and ends with 23",
  },
  {
    name: "walk: --delete-missing-args of one, the target is a file",
    reason:
      "rsync deletes that file, whatever its name is; tsync asks for a folder in which the missing name is deleted",
  },
  {
    name: "walk: --delete-missing-args of one, no target",
    reason: "rsync makes nothing; tsync makes the folder, as with several arguments",
  },
  {
    name: "walk: -K, modes of folders",
    reason: "rsync fails (23) to set the mode of a folder below a link, and renews its time",
  },
  {
    name: "walk: -K and backups",
    reason: "rsync fails (23) to set the time of a folder of backups that lies beside the target; -K has no part in it",
  },
  {
    name: "walk: -K --delete of what a link leads to",
    reason:
      "tsync does not delete what it uses through a link; rsync deletes it before it uses the link, which then leads nowhere",
  },
  {
    name: "walk: -K of somebody else's link",
    reason: "only links of root or of the user who runs tsync are used as folders; any other is replaced",
  },
  {
    name: "staging: -T beside the target",
    reason: "rsync 3.5 refuses to make files in a folder whose relative path begins with ../, and ends with 23",
  },
  {
    name: "dest: --delete-before",
    reason: "deletions come last (law 4), so the folder's time is still the source's when it is compared",
  },
  {
    name: "select: --ignore-missing-args in a folder that is missing",
    reason: "the argument is missing all the same, and passed over as the manual says; rsync ends with 23",
  },
  ...["-x_user.k*", "-xr_user.k*", "+x_user.k* --filter=-x_*", "-x!_user.*"].map((rules) => ({
    name: `metadata: -X --filter=${rules}`,
    way: "push",
    reason: "rsync sends its rules to a target only with --delete; without it, what they protect there is removed",
  })),
];

/** The declared difference that covers `name`, carried out that way. */
export function differenceOf(name: string, way?: string): Difference | undefined {
  return DIFFERENCES.find((difference) => {
    return name === difference.name && (difference.way === undefined || difference.way === way);
  });
}
