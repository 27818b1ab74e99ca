// The data sets: made once per bench run on tmpfs when the first row asks for them, copied to the disk for its rows.

export type DataName = "small files" | "large file" | "sparse file" | "one file" | "many entries";

export interface DataSet {
  /** A tree's folder, or the one file. */
  path: string;
  isTree: boolean;
  /** About the memory that a copy on tmpfs needs, with its inodes; touched before each run. */
  copyBytes: number;
}

const FOLDERS = 1000;
const FILES_PER_FOLDER = 100;
const SMALL_BYTES = 1024;
const LARGE_BYTES = 256 << 20;
const SPARSE_BYTES = 4 * 2 ** 30;
const SPARSE_PIECES = 10;
const MANY_FOLDERS = 10_000;
const MANY_PER_FOLDER = 99;

/** Numbers from 0 up to 1 that are the same in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function makeData(name: DataName, folder: string): DataSet {
  const path = `${folder}/${name.replaceAll(" ", "-")}`;
  switch (name) {
    case "small files":
      makeTree(path, FOLDERS, FILES_PER_FOLDER, SMALL_BYTES);
      return { path, isTree: true, copyBytes: 700 << 20 };
    case "many entries":
      makeTree(path, MANY_FOLDERS, MANY_PER_FOLDER, 0);
      return { path, isTree: true, copyBytes: 0 };
    case "large file":
      makeFile(path, LARGE_BYTES, LARGE_BYTES, 1);
      return { path, isTree: false, copyBytes: LARGE_BYTES + (64 << 20) };
    case "sparse file":
      makeFile(path, SPARSE_BYTES, 1 << 20, SPARSE_PIECES);
      return { path, isTree: false, copyBytes: 64 << 20 };
    case "one file":
      makeFile(path, SMALL_BYTES, SMALL_BYTES, 1);
      return { path, isTree: false, copyBytes: 0 };
  }
}

function makeTree(path: string, folders: number, files: number, bytes: number): void {
  const pool = randomPool(1);
  let at = 0;
  Deno.mkdirSync(path);
  for (let i = 0; i < folders; i++) {
    const folder = `${path}/folder-${String(i).padStart(5, "0")}`;
    Deno.mkdirSync(folder);
    for (let j = 0; j < files; j++) {
      at = (at + 1021) % (pool.length - bytes);
      Deno.writeFileSync(`${folder}/file-${String(j).padStart(4, "0")}.dat`, pool.subarray(at, at + bytes));
    }
  }
}

/** `pieces` pieces of data, evenly spread over a file that is otherwise a hole. */
function makeFile(path: string, bytes: number, pieceBytes: number, pieces: number): void {
  const pool = randomPool(2);
  using file = Deno.openSync(path, { write: true, create: true });
  file.truncateSync(bytes);
  for (let i = 0; i < pieces; i++) {
    file.seekSync(Math.floor(bytes / pieces) * i, Deno.SeekMode.Start);
    for (let done = 0; done < pieceBytes;) {
      pool[(done >>> 16) & 0xffff] ^= 1;
      done += file.writeSync(pool.subarray(0, Math.min(pool.length, pieceBytes - done)));
    }
  }
}

function randomPool(seed: number): Uint8Array {
  const random = seededRandom(seed);
  return new Uint8Array(new Uint32Array(1 << 18).map(() => random() * 2 ** 32).buffer);
}
