// What Deno's and node:fs's stat say, as a Stat. Called by portable.ts only.

import type { Stats } from "node:fs";
import { Kind, type Stat } from "./os.ts";

const HIGH = 0x1_0000_0000;

/** From Deno.stat and lstat. Times have milliseconds; a time before 1970 reads as its mirror after it (Deno drops the sign). */
export function fromDeno(info: Deno.FileInfo, out: Stat): void {
  out.kind = kindOf(info);
  fill(out, info, info.mode, info.mtime?.getTime() ?? 0, info.ctime?.getTime() ?? 0, info.atime?.getTime() ?? 0);
}

/** From node:fs's fstat. */
export function fromNode(stats: Stats, out: Stat): void {
  out.kind = kindOf({
    isFile: stats.isFile(),
    isDirectory: stats.isDirectory(),
    isSymlink: stats.isSymbolicLink(),
    isFifo: stats.isFIFO(),
    isSocket: stats.isSocket(),
    isBlockDevice: stats.isBlockDevice(),
    isCharDevice: stats.isCharacterDevice(),
  });
  fill(out, stats, stats.mode, stats.mtimeMs, stats.ctimeMs, stats.atimeMs);
}

interface Numbers {
  size: number;
  blocks: number | null;
  nlink: number | null;
  uid: number | null;
  gid: number | null;
  ino: number | null;
  dev: number;
  rdev: number | null;
}

function fill(out: Stat, from: Numbers, mode: number | null, mtimeMs: number, ctimeMs: number, atimeMs: number): void {
  out.mode = (mode ?? (out.kind === Kind.folder ? 0o755 : 0o644)) & 0o7777;
  out.nlink = from.nlink ?? 1;
  out.uid = from.uid ?? 0;
  out.gid = from.gid ?? 0;
  out.size = from.size;
  out.allocated = from.blocks === null || from.blocks === undefined ? from.size : from.blocks * 512;
  [out.mtimeSec, out.mtimeNs] = splitMs(mtimeMs);
  [out.atimeSec, out.atimeNs] = splitMs(atimeMs);
  [out.ctimeSec, out.ctimeNs] = splitMs(ctimeMs);
  const inode = from.ino ?? 0;
  out.inoLow = inode % HIGH;
  out.inoHigh = Math.floor(inode / HIGH);
  [out.devMajor, out.devMinor] = splitDevice(from.dev);
  [out.rdevMajor, out.rdevMinor] = splitDevice(from.rdev ?? 0);
}

function splitMs(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.floor(ms - seconds * 1000) * 1_000_000];
}

/** Linux and the BSDs pack a device number differently. */
function splitDevice(device: number): [number, number] {
  if (Deno.build.os !== "linux") return [Math.floor(device / 0x100_0000) & 0xff, device & 0xff_ffff];
  const [low, high] = [device % HIGH, Math.floor(device / HIGH)];
  return [((low >>> 8) & 0xfff) | (high & ~0xfff), (low & 0xff) | ((low >>> 12) & 0xf_ff00)];
}

interface Flags {
  isFile: boolean;
  isDirectory: boolean;
  isSymlink: boolean;
  isFifo: boolean | null;
  isSocket: boolean | null;
  isBlockDevice: boolean | null;
  isCharDevice: boolean | null;
}

function kindOf(flags: Flags): Kind {
  if (flags.isSymlink) return Kind.link;
  if (flags.isFile) return Kind.file;
  if (flags.isDirectory) return Kind.folder;
  if (flags.isFifo) return Kind.fifo;
  if (flags.isSocket) return Kind.socket;
  if (flags.isBlockDevice) return Kind.blockDevice;
  if (flags.isCharDevice) return Kind.charDevice;
  return Kind.unknown;
}
