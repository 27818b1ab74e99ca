// What a program really asks the system to change, by strace: the judge of "changed nothing". Knows tsync not at all.

/** Calls that change a tree whenever they succeed. */
const CHANGING = [
  ...["mkdir", "mkdirat", "mknod", "mknodat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir"],
  ...["symlink", "symlinkat", "link", "linkat", "truncate", "ftruncate", "fallocate", "copy_file_range", "sendfile"],
  ...["chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchown", "fchownat", "utimensat", "futimesat"],
  ...[
    "utime",
    "utimes",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "setxattrat",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
  ],
  ...["write", "writev", "pwrite64", "pwritev", "pwritev2"],
];
/** Calls that change one by their flags. */
const OPENING = ["open", "openat", "openat2", "creat"];

const NAMES = new Set(CHANGING);

/** Words in front of a program: every changing call of it and its children goes to the file `log`, descriptors with their paths. */
export function straceWords(log: string): string[] {
  const calls = [...CHANGING, ...OPENING, "ioctl"].map((call) => `?${call}`).join(",");
  return [
    "strace",
    "-f",
    "-y",
    "-qq",
    "--seccomp-bpf",
    "-s",
    "4096",
    "-e",
    "signal=none",
    "-o",
    log,
    "-e",
    `trace=${calls}`,
  ];
}

/** The calls in the log that would change something at or below `path`. */
export async function changingCalls(log: string, path: string): Promise<string[]> {
  const lines = (await Deno.readTextFile(log)).split("\n");
  return lines.filter((line) => {
    if (!line.includes(path)) return false;
    const call = /^\d+ +(\w+)\(/.exec(line)?.[1] ?? /<\.\.\. (\w+) resumed>/.exec(line)?.[1];
    if (call === undefined) return false;
    if (OPENING.includes(call)) return /O_CREAT|O_TRUNC|O_WRONLY|O_RDWR|^\d+ +creat/.test(line);
    if (call === "ioctl") return /FICLONE/.test(line);
    return NAMES.has(call);
  });
}
