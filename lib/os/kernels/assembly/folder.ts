// The module behind FolderKernel (lib/os/folder_kernel.ts): the names of one folder as the kernel gives them, in canonical order, and what
// statx says of them, column by column. Its memory is fixed: a folder that does not fit is said to, and read by others.

// @ts-nocheck: AssemblyScript, not TypeScript.

/** Names of the largest folder, and the bytes of them all. */
const ROWS: u32 = 16384;
const NAMES_BYTES: u32 = 1 << 20;
/** Names that are looked at in one go. */
export const MANY: u32 = 512;
const NAME_MAX: u32 = 255;

const EIO: i32 = 5;
const ENAMETOOLONG: i32 = 36;
const FULL: i32 = 1;

export const DIRENTS_BYTES: u32 = 65536;
/** Where getdents64 writes to. */
export const DIRENTS: usize = memory.data(65536, 16);

/** All names one after another; where each begins, its length, its kind by d_type; their canonical order. */
export const NAMES: usize = memory.data(1048576, 16);
export const AT: usize = memory.data(65536, 16);
export const LENGTH: usize = memory.data(16384, 16);
export const KIND: usize = memory.data(16384, 16);
export const ORDER: usize = memory.data(65536, 16);
/** For sorting: eight bytes of each name as a number, and the other half of a merge. */
const KEY: usize = memory.data(131072, 16);
const OTHER: usize = memory.data(65536, 16);

/** The name that is looked at next, with its NUL, and what statx says of it. */
export const NAME: usize = memory.data(256, 16);
export const STATX: usize = memory.data(256, 16);

/** What was seen: columns of MANY rows, and the names one after another. */
export const SEEN_NAMES: usize = memory.data(131072, 16);
export const NAME_LENGTH: usize = memory.data(512, 16);
export const MODE: usize = memory.data(1024, 16);
export const UID: usize = memory.data(2048, 16);
export const GID: usize = memory.data(2048, 16);
export const SIZE: usize = memory.data(4096, 16);
export const MTIME_SEC: usize = memory.data(4096, 16);
export const MTIME_NS: usize = memory.data(2048, 16);
export const TAG: usize = memory.data(2048, 16);
/** Sum of the sizes of the files seen, and of what they take less than that: two f64. */
export const SUMS: usize = memory.data(16, 16);

const FILE: u32 = 8;
const FOLDER: u32 = 4;
const DOT: u32 = 0x2e;
const SLASH: u32 = 0x2f;
const DIRENT_NAME: u32 = 19;

let count: u32 = 0;
let used: u32 = 0;

export function clear(): void {
  count = 0;
  used = 0;
}

export function names(): u32 {
  return count;
}

export function nameBytes(): u32 {
  return used;
}

/**
 * Takes the records in DIRENTS[0, filled), "." and ".." left out: 0, a negated errno as takeDirents of lib/os/linux_structs.ts gives it, or
 * FULL, and then nothing of them was taken.
 */
export function take(filled: u32): i32 {
  if (filled > DIRENTS_BYTES) return -EIO;
  const countBefore = count;
  const usedBefore = used;
  let at: u32 = 0;
  while (at < filled) {
    if (at + DIRENT_NAME >= filled) return -EIO;
    const record = DIRENTS + at;
    const end = at + <u32> load<u16>(record, 16);
    const start = at + DIRENT_NAME;
    if (end <= start || end > filled) return -EIO;
    let stop = start;
    while (stop < end) {
      const byte = <u32> load<u8>(DIRENTS + stop);
      if (byte === 0) break;
      if (byte === SLASH) return -EIO;
      stop++;
    }
    const length = stop - start;
    if (stop === end || length === 0) return -EIO;
    if (length > NAME_MAX) return -ENAMETOOLONG;
    at = end;
    const first = <u32> load<u8>(DIRENTS + start);
    if (first === DOT && (length === 1 || (length === 2 && <u32> load<u8>(DIRENTS + start + 1) === DOT))) continue;
    if (count === ROWS || used + length > NAMES_BYTES) {
      count = countBefore;
      used = usedBefore;
      return FULL;
    }
    memory.copy(NAMES + used, DIRENTS + start, length);
    store<u32>(AT + (count << 2), used);
    store<u8>(LENGTH + count, length);
    const kind = <u32> load<u8>(record, 18);
    store<u8>(KIND + count, kind > 12 ? 0 : kind);
    used += length;
    count++;
  }
  return 0;
}

// ---- canonical order: unsigned bytes

// @ts-ignore: decorator
@inline function at(row: u32): usize {
  return NAMES + <usize> load<u32>(AT + (row << 2));
}

// @ts-ignore: decorator
@inline function lengthOf(row: u32): u32 {
  return <u32> load<u8>(LENGTH + row);
}

/** How many bytes all names begin with. */
function commonBytes(): u32 {
  const first = at(0);
  let common = lengthOf(0);
  for (let row: u32 = 1; row < count && common > 0; row++) {
    const name = at(row);
    const length = lengthOf(row);
    if (length < common) common = length;
    let k: u32 = 0;
    while (k < common && load<u8>(first + k) === load<u8>(name + k)) k++;
    common = k;
  }
  return common;
}

/** Eight bytes of a name from `skip` on as a number in their order; a shorter one is filled with zeros, which no name holds. */
function keyOf(row: u32, skip: u32): u64 {
  const name = at(row) + skip;
  const length = lengthOf(row) - skip;
  let key: u64 = 0;
  for (let k: u32 = 0; k < 8; k++) key = (key << 8) | (k < length ? <u64> load<u8>(name + k) : 0);
  return key;
}

/** Whether row a comes before row b; `skip`: what all names begin with, and the keys hold eight bytes more. */
function isBefore(a: u32, b: u32, skip: u32): bool {
  const keyA = load<u64>(KEY + (a << 3));
  const keyB = load<u64>(KEY + (b << 3));
  if (keyA !== keyB) return keyA < keyB;
  const nameA = at(a);
  const nameB = at(b);
  const lengthA = lengthOf(a);
  const lengthB = lengthOf(b);
  const length = min(lengthA, lengthB);
  for (let k = skip + 8; k < length; k++) {
    const byteA = load<u8>(nameA + k);
    const byteB = load<u8>(nameB + k);
    if (byteA !== byteB) return byteA < byteB;
  }
  return lengthA < lengthB;
}

/** Puts the rows into ORDER: merge sort over their keys. */
export function sort(): void {
  if (count === 0) return;
  const skip = commonBytes();
  for (let row: u32 = 0; row < count; row++) {
    store<u64>(KEY + (row << 3), keyOf(row, skip));
    store<u32>(ORDER + (row << 2), row);
  }
  let from = ORDER;
  let to = OTHER;
  for (let run: u32 = 1; run < count; run <<= 1) {
    for (let first: u32 = 0; first < count; first += run << 1) {
      merge(from, to, first, min(first + run, count), min(first + (run << 1), count), skip);
    }
    const swap = from;
    from = to;
    to = swap;
  }
  if (from !== ORDER) memory.copy(ORDER, from, count << 2);
}

function merge(from: usize, to: usize, first: u32, middle: u32, end: u32, skip: u32): void {
  let a = first;
  let b = middle;
  for (let k = first; k < end; k++) {
    const takesB = a === middle ||
      (b < end && isBefore(load<u32>(from + (b << 2)), load<u32>(from + (a << 2)), skip));
    store<u32>(to + (k << 2), load<u32>(from + ((takesB ? b++ : a++) << 2)));
  }
}

// ---- looking at many: begin(), and then after each statx that worked step(), as long as they say that a name stands in NAME

let position: u32 = 0;
let last: u32 = 0;
let seen: u32 = 0;
let seenBytes: u32 = 0;

/** Rows that are filled. */
export function rows(): u32 {
  return seen;
}

/** Bytes of SEEN_NAMES. */
export function seenNameBytes(): u32 {
  return seenBytes;
}

/** Begins at canonical position `from`, for at most `most` names. */
export function begin(from: u32, most: u32): bool {
  position = from;
  last = min(min(from + most, from + MANY), count);
  seen = 0;
  seenBytes = 0;
  store<f64>(SUMS, 0);
  store<f64>(SUMS, 0, 8);
  return prepare();
}

/** ".tsync-": such a name may be one of ours. The first four bytes, and the last four, as numbers. */
const OWN_FIRST: u32 = 0x7973742e;
const OWN_LAST: u32 = 0x2d636e79;
const OWN_BYTES: u32 = 7;

/** The next name to NAME; false if there is none, it is known to be neither a file nor a folder, or may be one of ours. */
function prepare(): bool {
  if (position >= last) return false;
  const row = load<u32>(ORDER + (position << 2));
  const kind = <u32> load<u8>(KIND + row);
  if (kind !== 0 && kind !== FILE && kind !== FOLDER) return false;
  const length = lengthOf(row);
  memory.copy(NAME, at(row), length);
  store<u8>(NAME + length, 0);
  return length < OWN_BYTES || load<u32>(NAME) !== OWN_FIRST || load<u32>(NAME, 3) !== OWN_LAST;
}

/** Takes what STATX says of the name in NAME, and goes on; false if that is neither a file nor a folder, or it was the last. */
export function step(): bool {
  const kind = <u32> load<u16>(STATX, 28) >> 12;
  if (kind !== FILE && kind !== FOLDER) return false;
  const length = lengthOf(load<u32>(ORDER + (position << 2)));
  memory.copy(SEEN_NAMES + seenBytes, NAME, length);
  seenBytes += length;
  store<u8>(NAME_LENGTH + seen, length);
  store<u16>(MODE + (seen << 1), load<u16>(STATX, 28));
  store<u32>(UID + (seen << 2), load<u32>(STATX, 20));
  store<u32>(GID + (seen << 2), load<u32>(STATX, 24));
  store<f64>(MTIME_SEC + (seen << 3), <f64> load<i64>(STATX, 112));
  store<u32>(MTIME_NS + (seen << 2), load<u32>(STATX, 120));
  store<u32>(TAG + (seen << 2), tag());
  let size: f64 = 0;
  if (kind === FILE) {
    size = <f64> load<u64>(STATX, 40);
    const allocated = <f64> load<u64>(STATX, 48) * 512;
    store<f64>(SUMS, load<f64>(SUMS) + size);
    if (allocated < size) store<f64>(SUMS, load<f64>(SUMS, 8) + (size - allocated), 8);
  }
  store<f64>(SIZE + (seen << 3), size);
  seen++;
  position++;
  return prepare();
}

/** As identityTag of lib/tree/identity_tag.ts: inode and change time folded to 32 bits. */
function tag(): u32 {
  let tag: u32 = (load<u32>(STATX, 32) ^ 0x9e3779b1) * 0x85ebca6b ^ load<u32>(STATX, 36);
  tag = (tag ^ load<u32>(STATX, 96)) * 0xc2b2ae35 ^ load<u32>(STATX, 104);
  return (tag ^ (tag >> 15)) * 0x27d4eb2f ^ (load<u32>(STATX, 136) * 4096 + load<u32>(STATX, 140));
}
