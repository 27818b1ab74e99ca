// Words for the system's error numbers (Linux), as strerror(3) gives them.

const WORDS: Record<number, string> = {
  1: "Operation not permitted",
  2: "No such file or directory",
  4: "Interrupted system call",
  5: "Input/output error",
  6: "No such device or address",
  7: "Argument list too long",
  9: "Bad file descriptor",
  11: "Resource temporarily unavailable",
  12: "Cannot allocate memory",
  13: "Permission denied",
  16: "Device or resource busy",
  17: "File exists",
  18: "Invalid cross-device link",
  19: "No such device",
  20: "Not a directory",
  21: "Is a directory",
  22: "Invalid argument",
  23: "Too many open files in system",
  24: "Too many open files",
  26: "Text file busy",
  27: "File too large",
  28: "No space left on device",
  29: "Illegal seek",
  30: "Read-only file system",
  31: "Too many links",
  32: "Broken pipe",
  36: "File name too long",
  38: "Function not implemented",
  39: "Directory not empty",
  40: "Too many levels of symbolic links",
  61: "No data available",
  75: "Value too large for defined data type",
  84: "Invalid or incomplete multibyte or wide character",
  95: "Operation not supported",
  104: "Connection reset by peer",
  110: "Connection timed out",
  116: "Stale file handle",
  122: "Disk quota exceeded",
};

/** What the agent of a served root answers where no system would (lib/tree/served_os.ts): beyond all of the system's numbers. */
export const ServedErrno = { refused: 4001, outside: 4002 } as const;

const SERVED_WORDS: Record<number, string> = {
  [ServedErrno.refused]: "the served root does not allow it",
  [ServedErrno.outside]: "it leads out of the served root",
};

/** "Permission denied (13)": the system's words and number for a positive errno. */
export function errnoText(errno: number): string {
  return SERVED_WORDS[errno] ?? `${WORDS[errno] ?? "Unknown error"} (${errno})`;
}
