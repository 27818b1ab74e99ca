// The data sets and the older states of them that a target has before a "changed" run. Called by measure.ts, which keeps them.
// Promises: the same bytes in every run; random data neither compresses nor repeats, text does as text does; nothing is all zeros but
// the sparse file's holes.

import { RandomBytes, seededRandom } from "./random.ts";
import { TextMaker } from "./text.ts";

const KB = 1024, MB = 1 << 20, GB = 2 ** 30;

interface Files {
  /** Name of the folder in a tree that has several kinds of files. */
  folder?: string;
  folders: number;
  filesEach: number;
  bytes: number;
}

interface Spec {
  text: boolean;
  /** A tree of files, or one file, of which only `dataBytes` are not a hole. */
  tree?: Files[];
  file?: { bytes: number; dataBytes: number };
}

const tree = (text: boolean, ...files: Files[]): Spec => ({ text, tree: files });
const file = (text: boolean, bytes: number, dataBytes = bytes): Spec => ({ text, file: { bytes, dataBytes } });

const SPECS = {
  "100k": tree(false, { folders: 1000, filesEach: 100, bytes: KB }),
  "10k": tree(true, { folders: 100, filesEach: 100, bytes: 4 * KB }),
  "1m": tree(false, { folders: 10_000, filesEach: 99, bytes: 0 }),
  "mixed": tree(
    false,
    { folder: "small", folders: 10, filesEach: 100, bytes: KB },
    { folder: "medium", folders: 4, filesEach: 25, bytes: MB },
    { folder: "large", folders: 1, filesEach: 10, bytes: 50 * MB },
    { folder: "huge", folders: 1, filesEach: 1, bytes: GB },
  ),
  "1k": file(false, KB),
  "100m": file(false, 100e6),
  "256m": file(false, 256 * MB),
  "1g": file(false, GB),
  "100m-text": file(true, 100e6),
  "1g-text": file(true, GB),
  "sparse": file(false, 4 * GB, 10 * MB),
} satisfies Record<string, Spec>;

export type DataName = keyof typeof SPECS;

/** How the target's content differs from the source's: the source has what the words say. */
export type ChangeName = "1 % changed" | "2 bytes inserted" | "100 insertions" | "all changed";

/** What a target had before: whole seconds in the past, so that no tool takes it for the same. */
const OLD_TIME = 1_767_225_600;
/** In how many places a file is changed. */
const PLACES = 100;
const SPARSE_PIECES = 10;

function specOf(name: DataName): Spec {
  return SPECS[name];
}

export function isTree(name: DataName): boolean {
  return specOf(name).tree !== undefined;
}

export function isText(name: DataName): boolean {
  return specOf(name).text;
}

/** Files and folders, the root among them. */
export function entriesOf(name: DataName): number {
  return (specOf(name).tree ?? []).reduce(
    (sum, { folder, folders, filesEach }) => sum + (folder === undefined ? 0 : 1) + folders * (1 + filesEach),
    1,
  );
}

/** About the memory that one more copy on tmpfs needs, with its inodes. */
export function copyBytesOf(name: DataName): number {
  const { tree, file } = specOf(name);
  // Not every tool keeps holes.
  if (file !== undefined) return file.bytes;
  const inode = 1500, page = 4096;
  return tree!.reduce(
    (sum, { folders, filesEach, bytes }) => sum + folders * filesEach * (Math.ceil(bytes / page) * page + inode),
    0,
  );
}

/** Makes the data set and returns its path: a tree's folder, or the one file. */
export function makeData(name: DataName, folder: string): string {
  const spec = specOf(name), path = `${folder}/${name}${spec.file === undefined ? "" : ".dat"}`;
  const filler = spec.text ? new TextMaker(1) : new RandomBytes(1);
  if (spec.file !== undefined) {
    makeFile(path, spec.file, filler);
    return path;
  }
  Deno.mkdirSync(path);
  for (const files of spec.tree!) makeTree(path, files, filler);
  return path;
}

function* foldersOf(root: string, { folder, folders }: Files): Generator<string> {
  const base = folder === undefined ? root : `${root}/${folder}`;
  for (let i = 0; i < folders; i++) yield `${base}/folder-${String(i).padStart(5, "0")}`;
}

function* filesOf(root: string, files: Files): Generator<string> {
  for (const folder of foldersOf(root, files)) {
    for (let j = 0; j < files.filesEach; j++) yield `${folder}/file-${String(j).padStart(4, "0")}.dat`;
  }
}

interface Filler {
  fill(into: Uint8Array): void;
}

function makeTree(root: string, files: Files, filler: Filler): void {
  const pieces = new Uint8Array(Math.max(MB, Math.min(files.bytes, 8 * MB)));
  for (const folder of foldersOf(root, files)) Deno.mkdirSync(folder, { recursive: true });
  let at = pieces.length;
  for (const path of filesOf(root, files)) {
    if (files.bytes > pieces.length) {
      makeFile(path, { bytes: files.bytes, dataBytes: files.bytes }, filler);
      continue;
    }
    if (at + files.bytes > pieces.length) {
      filler.fill(pieces);
      at = 0;
    }
    Deno.writeFileSync(path, pieces.subarray(at, at += files.bytes));
  }
}

/** A file whose data, where it is less than the whole, stands in SPARSE_PIECES places evenly spread. */
function makeFile(path: string, { bytes, dataBytes }: { bytes: number; dataBytes: number }, filler: Filler): void {
  const pieces = dataBytes === bytes ? 1 : SPARSE_PIECES, pieceBytes = dataBytes / pieces;
  const buffer = new Uint8Array(Math.min(pieceBytes, 4 * MB));
  using file = Deno.openSync(path, { write: true, createNew: true });
  file.truncateSync(bytes);
  for (let i = 0; i < pieces; i++) {
    file.seekSync(Math.floor(bytes / pieces) * i, Deno.SeekMode.Start);
    for (let done = 0; done < pieceBytes;) {
      const part = buffer.subarray(0, Math.min(buffer.length, pieceBytes - done));
      filler.fill(part);
      writeAll(file, part);
      done += part.length;
    }
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}

/** One place where the older file differs: `length` bytes at `at` of the new file are other ones, or are not there. */
export interface Edit {
  at: number;
  length: number;
  isMissing: boolean;
}

/** Where the older state of a file of `bytes` differs, in order and apart from each other. */
export function editsOf(change: ChangeName, bytes: number): Edit[] {
  const random = seededRandom(3), stride = Math.floor(bytes / PLACES);
  const places = (length: () => number, isMissing: boolean): Edit[] =>
    Array.from({ length: PLACES }, (_, i) => {
      const size = length();
      return { at: i * stride + Math.floor(random() * (stride - size)), length: size, isMissing };
    });
  switch (change) {
    case "1 % changed":
      return places(() => Math.floor(stride / 100), false);
    case "2 bytes inserted":
      return [{ at: bytes >> 1, length: 2, isMissing: true }];
    case "100 insertions":
      return places(() => 1 + Math.floor(random() * 1000), true);
    case "all changed":
      return [{ at: 0, length: bytes, isMissing: false }];
  }
}

/** Writes the older state of one file, with its old time. */
export function makeOldFile(path: string, oldPath: string, change: ChangeName): void {
  const filler = new RandomBytes(4), buffer = new Uint8Array(4 * MB);
  {
    using from = Deno.openSync(path), to = Deno.openSync(oldPath, { write: true, createNew: true });
    const bytes = from.statSync().size;
    let at = 0;
    const copyTo = (end: number) => {
      while (at < end) {
        const got = from.readSync(buffer.subarray(0, Math.min(buffer.length, end - at)));
        if (got === null) throw new Error(`${path} ends early`);
        writeAll(to, buffer.subarray(0, got));
        at += got;
      }
    };
    for (const edit of editsOf(change, bytes)) {
      copyTo(edit.at);
      for (let done = 0; !edit.isMissing && done < edit.length;) {
        const part = buffer.subarray(0, Math.min(buffer.length, edit.length - done));
        // A length that is no multiple of 4 leaves what stood there before: data of another place.
        filler.fill(part);
        writeAll(to, part);
        done += part.length;
      }
      at = from.seekSync(edit.at + edit.length, Deno.SeekMode.Start);
    }
    copyTo(bytes);
  }
  Deno.utimeSync(oldPath, OLD_TIME, OLD_TIME);
}

/** Turns a tree that equals the data set into its older state, in place: some files (or all) get another piece and an old time. */
export function makeOldTree(name: DataName, root: string, change: ChangeName): number {
  const every = change === "all changed" ? 1 : 100;
  const random = new RandomBytes(5), piece = new Uint8Array(64);
  let index = 0, changed = 0;
  for (const files of specOf(name).tree!) {
    for (const path of filesOf(root, files)) {
      if (index++ % every !== 0) continue;
      changed++;
      random.fill(piece);
      {
        using file = Deno.openSync(path, { write: true });
        file.seekSync(files.bytes >> 1, Deno.SeekMode.Start);
        // A text stays a text.
        writeAll(file, specOf(name).text ? piece.map((byte) => 0x61 + byte % 26) : piece);
      }
      Deno.utimeSync(path, OLD_TIME, OLD_TIME);
    }
  }
  return changed;
}
