// The content of a --files-from file made into names, each ended by NUL, by rsync's rules: a name per line, or with -0 up to each NUL;
// no empty ones, none that begin with "#" or ";". Called by the command line, and by an agent whose machine holds the file.

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const HASH = 0x23;
const SEMICOLON = 0x3b;

/** The names, in memory of their own. */
export function namesOf(content: Uint8Array, isByNul: boolean): Uint8Array {
  const names = new Uint8Array(content.length + 1);
  names.set(content);
  let used = 0;
  for (let at = 0; at < names.length;) {
    let end = at;
    while (end < names.length && !isEnd(names[end], isByNul)) end++;
    const isName = end > at && names[at] !== HASH && names[at] !== SEMICOLON;
    if (isName) {
      names.copyWithin(used, at, end);
      used += end - at;
      names[used++] = 0;
    }
    at = end + 1;
  }
  return names.subarray(0, used);
}

function isEnd(byte: number, isByNul: boolean): boolean {
  return byte === 0 || (!isByNul && (byte === NEWLINE || byte === RETURN));
}
