// The hot loops by themselves, on a tree of 20,000 small files in memory:
//   deno task bench:micro [scan] [codec] [writer]
// scan: lib/tree's scan of the source; codec: LIST and FILES frames there and back; writer: create, write, metadata, rename by lib/tree's
// stage. Each loop's result is checked before its time counts. Prints for each the median and the least of 9 rounds, as microseconds and
// CPU microseconds for one entry; nothing is compared with anything: run it before and after a change.

import { cpuUsage } from "node:process";
import { ByteReader, ByteWriter } from "../lib/base/codec.ts";
import { FileList } from "../lib/base/file_list.ts";
import { BATCH_BYTES } from "../lib/base/limits.ts";
import { defaultOptions } from "../lib/base/options.ts";
import { openOs } from "../lib/os/choose.ts";
import { type Handle, Kind, type Os, Stat } from "../lib/os/os.ts";
import { applyMetadata } from "../lib/tree/apply.ts";
import { TemporaryNames } from "../lib/tree/own_names.ts";
import { type Piece, Scan } from "../lib/tree/scan.ts";
import { type Durability, Stage } from "../lib/tree/stage.ts";
import { decodeFile, encodeFile, type FileRecord } from "../lib/wire/content_codec.ts";
import { decodeEntries, decodeListHead, encodeList } from "../lib/wire/list_codec.ts";
import { ALL_KINDS } from "../lib/wire/messages.ts";
import { median } from "./results.ts";

const ROUNDS = 9;
const FOLDERS = 200, FILES_EACH = 100, FILE_BYTES = 1024;
const FILES = FOLDERS * FILES_EACH, ENTRIES = FILES + FOLDERS + 1;
const encoder = new TextEncoder();

const LOOPS: Record<string, (os: Os, root: string) => void> = {
  scan: benchScan,
  codec: benchCodec,
  writer: benchWriter,
};

/** Runs `once` several times; what it returns is checked each time, outside of the clock. */
function measure<T>(name: string, entries: number, once: () => T, check: (result: T) => void): void {
  const walls: number[] = [], cpus: number[] = [];
  // The first round compiles.
  for (let round = 0; round <= ROUNDS; round++) {
    const cpu = cpuUsage(), start = performance.now();
    const result = once();
    const wall = performance.now() - start, used = cpuUsage(cpu);
    check(result);
    if (round === 0) continue;
    walls.push(wall * 1000 / entries);
    cpus.push((used.user + used.system) / entries);
  }
  const figures = [median(walls), Math.min(...walls), median(cpus)].map((value) => value.toFixed(2).padStart(8));
  console.log(`${name.padEnd(28)}${figures.join("")}`);
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`wrong result: ${what}`);
}

function contentOf(index: number): Uint8Array {
  return new Uint8Array(FILE_BYTES).map((_, i) => (index * 31 + i * 7) & 255);
}

function makeTree(root: string): void {
  for (let i = 0; i < FOLDERS; i++) {
    const folder = `${root}/folder-${String(i).padStart(4, "0")}`;
    Deno.mkdirSync(folder);
    for (let j = 0; j < FILES_EACH; j++) {
      Deno.writeFileSync(`${folder}/file-${String(j).padStart(4, "0")}.dat`, contentOf(i * FILES_EACH + j));
    }
  }
}

interface Scanned {
  list: FileList;
  pieces: Piece[];
  bytes: number;
  complete: boolean;
}

function scan(os: Os, root: string): Scanned {
  const word = encoder.encode(root), handle = os.openRoot(word), list = new FileList(), stat = new Stat();
  must(handle >= 0 && os.statHandle(handle, stat) === 0, "the root opens");
  const options = { ...defaultOptions(), recursive: true, links: true, devices: true, specials: true };
  const filter = { isEmpty: true, excluded: () => false };
  const problems: unknown[] = [];
  const walk = new Scan(
    os,
    list,
    [{ root: handle, only: null, word, at: new Uint8Array(0), from: 0 }],
    options,
    filter,
    (problem) => problems.push(problem),
  );
  walk.addRoot(stat);
  const pieces = [...walk.pieces()];
  os.close(handle);
  return { list, pieces, bytes: walk.bytes, complete: walk.complete && problems.length === 0 };
}

function mustBeWhole({ list, bytes, complete }: Scanned): void {
  must(complete && list.count === ENTRIES && bytes === FILES * FILE_BYTES, `${list.count} entries, ${bytes} bytes`);
}

function benchScan(os: Os, root: string): void {
  measure("scan", ENTRIES, () => scan(os, root), mustBeWhole);
}

function benchCodec(os: Os, root: string): void {
  const { list, pieces } = scan(os, root);
  const encoded = () =>
    pieces.map((piece) => {
      const writer = new ByteWriter(BATCH_BYTES);
      const flags = (piece.isFirst ? 1 : 0) | (piece.isLast ? 2 : 0);
      const count = encodeList(writer, list, piece.folder, piece.first, piece.count, flags, Infinity);
      must(count === piece.count, "a piece fits a frame");
      return writer.bytes.subarray(0, writer.used);
    });
  const frames = encoded(), bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
  measure(
    "LIST, encode",
    ENTRIES,
    encoded,
    (again) => must(again.reduce((sum, frame) => sum + frame.length, 0) === bytes, "frames"),
  );
  measure("LIST, decode", ENTRIES, () => decodedList(list, frames), (decoded) => mustBeEqual(list, decoded));
  const contents = Array.from({ length: FILES }, (_, i) => contentOf(i)), digest = new Uint8Array(16).fill(7);
  const writer = new ByteWriter(FILES * (FILE_BYTES + 64));
  measure("FILES, encode", FILES, () => {
    writer.used = 0;
    for (let i = 0; i < FILES; i++) encodeFile(writer, i, null, contents[i], digest);
    return writer.bytes.subarray(0, writer.used);
  }, (payload) => mustHoldFiles(payload, contents));
  const payload = writer.bytes.subarray(0, writer.used);
  measure("FILES, decode", FILES, () => countFiles(payload), (count) => must(count === FILES, `${count} files`));
}

function decodedList(list: FileList, frames: Uint8Array[]): FileList {
  const decoded = new FileList(),
    head = { folder: 0, flags: 0, count: 0, holeBytes: 0 },
    tally = { files: 0, folders: 0, otherNames: 0, nameBytes: 0 };
  decoded.add(
    new Uint8Array(0),
    0,
    0,
    0,
    (Kind.folder << 12) | list.mode(0),
    list.uid(0),
    list.gid(0),
    0,
    0,
    0,
    0,
    null,
  );
  for (const frame of frames) {
    const reader = new ByteReader(frame);
    decodeListHead(reader, head);
    decodeEntries(reader, decoded, head, {
      kinds: ALL_KINDS,
      digests: false,
      links: false,
      attributes: false,
      folderSizes: false,
    }, tally);
  }
  return decoded;
}

function mustBeEqual(list: FileList, decoded: FileList): void {
  must(decoded.count === list.count, `${decoded.count} entries`);
  for (let i = 1; i < list.count; i += 97) {
    const same = decoded.size(i) === list.size(i) && decoded.mtimeNs(i) === list.mtimeNs(i) &&
      decoded.mode(i) === list.mode(i);
    must(same && String(decoded.path(i)) === String(list.path(i)), `entry ${i}`);
  }
}

function emptyRecord(): FileRecord {
  return { index: 0, size: 0, fresh: null, content: new Uint8Array(0), digest: new Uint8Array(0) };
}

function countFiles(payload: Uint8Array): number {
  const reader = new ByteReader(payload), record = emptyRecord();
  let count = 0;
  for (; reader.left > 0; count++) decodeFile(reader, record);
  return count;
}

function mustHoldFiles(payload: Uint8Array, contents: Uint8Array[]): void {
  const reader = new ByteReader(payload), record = emptyRecord();
  for (let i = 0; i < contents.length; i++) {
    decodeFile(reader, record);
    must(record.index === i && record.content.every((byte, at) => byte === contents[i][at]), `file ${i}`);
  }
  must(reader.left === 0, "no byte is left over");
}

/** New files pass no barrier. */
const NEW_FILES: Pick<Durability, "mode" | "failed" | "broken"> = {
  mode: "replaced",
  failed: (errno) => must(false, `a flush fails: ${errno}`),
  broken: (error) => must(false, `${error}`),
};

/** The order of calls of a small file that is received: created private, written, given its metadata, staged; renamed in batches. */
function benchWriter(os: Os, root: string): void {
  const content = contentOf(1), names = Array.from({ length: FILES_EACH }, (_, j) => encoder.encode(`file-${j}`));
  const wanted = { mode: 0o644, uid: -1, gid: -1, setsTime: true, mtimeSec: 1_700_000_000, mtimeNs: 123_456_789 };
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  let target = "", count = 0;
  measure("writer", FILES, () => {
    target = `${root}-target-${++count}`;
    Deno.mkdirSync(target);
    let placed = 0;
    const stage = new Stage(
      os,
      new TemporaryNames(random),
      (_, errno) => placed += errno === 0 ? 1 : 0,
      null,
      { ...NEW_FILES, now: () => performance.now(), breathe: () => Promise.resolve() },
    );
    const rootHandle = os.openRoot(encoder.encode(target)), stat = new Stat();
    for (let i = 0; i < FOLDERS; i++) {
      const name = encoder.encode(`folder-${i}`);
      must(os.makeFolder(rootHandle, name, 0o755) === 0, "a folder is made");
      const folder = os.openFolder(rootHandle, name);
      for (const [index, name] of names.entries()) writeOne(os, stage, folder, name, index, content, stat, wanted);
      stage.release(folder);
      os.close(folder);
    }
    os.close(rootHandle);
    return placed;
  }, (placed) => {
    must(placed === FILES, `${placed} files in place`);
    for (let i = 0; i < FOLDERS; i += 7) {
      const folder = `${target}/folder-${i}`, path = `${folder}/file-${i % FILES_EACH}`;
      const found = [...Deno.readDirSync(folder)].length, { mode, mtime } = Deno.statSync(path);
      must(found === FILES_EACH && (mode! & 0o777) === 0o644 && mtime!.getTime() === 1_700_000_000_123, path);
      must(Deno.readFileSync(path).every((byte, at) => byte === content[at]), `content of ${path}`);
    }
    Deno.removeSync(target, { recursive: true });
  });
}

type Wanted = Parameters<typeof applyMetadata>[3];

function writeOne(
  os: Os,
  stage: Stage,
  folder: Handle,
  name: Uint8Array,
  index: number,
  content: Uint8Array,
  stat: Stat,
  wanted: Wanted,
): void {
  const file = stage.create(folder, 0o600);
  must(file >= 0 && os.writeAll(file, content) >= 0 && os.statHandle(file, stat) === 0, "a file is written");
  must(applyMetadata(os, file, stat, wanted) === null && os.close(file) === 0, "a file has its metadata");
  stage.add({ folder, temporary: stage.temporary, name, index, bytes: content.length });
}

const names = Deno.args.length > 0 ? Deno.args : Object.keys(LOOPS);
const unknown = names.find((name) => LOOPS[name] === undefined);
if (unknown !== undefined) {
  console.error(`${unknown} is not known; usage: deno task bench:micro [${Object.keys(LOOPS).join("] [")}]`);
  Deno.exit(2);
}
const folder = Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "tsync-micro-" });
const clear = () => Deno.removeSync(folder, { recursive: true });
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    clear();
    Deno.exit(130);
  });
}
try {
  const os = openOs(), root = `${folder}/tree`;
  Deno.mkdirSync(root);
  makeTree(root);
  console.log(
    `${"microseconds for one entry".padEnd(28)}${["median", "least", "CPU"].map((head) => head.padStart(8)).join("")}`,
  );
  for (const name of names) LOOPS[name](os, root);
} finally {
  clear();
}
