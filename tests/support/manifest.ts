// What is really on the disk, by find, stat and sha256sum: nothing of tsync's is asked. `same` is what the tests mean by
// "the target equals the source". Names are raw bytes, as latin1 text.

import assert from "node:assert/strict";
import { latin1 } from "../../lib/base/bytes.ts";

export interface Found {
  /** As find writes it: f, d, l, p, s, b, c. */
  type: string;
  /** Bytes; 0 for folders, whose size is the file system's business. */
  size: number;
  /** Octal, set-id and sticky included. */
  mode: string;
  uid: number;
  gid: number;
  /** "SECONDS.NANOSECONDS", the seconds rounded down. */
  mtime: string;
  target: string;
  /** Bytes on disk. */
  allocated: number;
  /** "MAJOR:MINOR" of a device, hexadecimal. */
  device: string;
  /** Of a file: SHA-256. */
  digest: string;
  /** The first path of those that are names of the same inode, where there are several; only if asked for. */
  links: string;
  /** Extended attributes as getfattr writes them, in order; only if asked for. */
  xattrs: string;
  /** Access lists as getfacl writes them; only if asked for. */
  acls: string;
}

/** What is looked at only by those who ask. */
export type Extra = "links" | "xattrs" | "acls";

export type Field = keyof Found;

const FIELDS = "%P\\0%y\\0%s\\0%#m\\0%U\\0%G\\0%T@\\0%l\\0%b\\0%D:%i\\0";

/** Every entry below `root`, the root itself as "". With `content` false nothing is read (devices, huge files). */
export async function manifest(
  root: string,
  content = true,
  extra: readonly Extra[] = [],
): Promise<Map<string, Found>> {
  const inodes = new Map<string, string[]>();
  const found = new Map<string, Found>();
  const words = (await output("find", [".", "-printf", FIELDS], root)).split("\0");
  for (let at = 0; at + 10 <= words.length; at += 10) {
    const [path, type, size, mode, uid, gid, mtime, target, blocks, inode] = words.slice(at, at + 10);
    if (type !== "d") inodes.set(inode, [...inodes.get(inode) ?? [], path]);
    found.set(path, {
      type,
      size: type === "d" ? 0 : Number(size),
      mode,
      uid: Number(uid),
      gid: Number(gid),
      mtime: mtime.replace(/0$/, ""),
      target: type === "l" ? target : "",
      allocated: type === "f" ? Number(blocks) * 512 : 0,
      device: "",
      digest: "",
      links: "",
      xattrs: "",
      acls: "",
    });
  }
  if (extra.includes("links")) {
    for (const paths of inodes.values()) {
      if (paths.length > 1) { for (const path of paths) found.get(path)!.links = paths.toSorted()[0]; }
    }
  }
  if (extra.includes("xattrs")) {
    const text = await output("getfattr", ["-RPhd", "-m", "^(user|trusted|security)\\.", "-e", "hex", "."], root);
    for (const [path, lines] of sections(text)) found.get(path)!.xattrs = lines.sort().join(" ");
  }
  if (extra.includes("acls")) {
    const text = await output("getfacl", ["-RPn", "."], root);
    for (const [path, lines] of sections(text)) {
      found.get(path)!.acls = lines.filter((line) => !line.startsWith("#")).join(" ");
    }
  }
  const kinds = new Set([...found.values()].map((entry) => entry.type));
  if (kinds.has("b") || kinds.has("c")) {
    const devices = "find . -type b,c -print0 | xargs -0 -r stat --printf '%n\\0%t:%T\\0'";
    for (const [path, device] of pairs(await output("sh", ["-c", devices], root))) {
      found.get(path.slice(2))!.device = device;
    }
  }
  if (content && kinds.has("f")) {
    const digests = await output("sh", ["-c", "find . -type f -print0 | xargs -0 -r sha256sum -z --"], root);
    for (const line of digests.split("\0").slice(0, -1)) found.get(line.slice(68))!.digest = line.slice(0, 64);
  }
  return found;
}

/** The lines below each "# file: PATH" of getfattr and getfacl, which write odd bytes in octal. */
function* sections(text: string): Generator<[string, string[]]> {
  for (const part of text.split(/^# file: /m).slice(1)) {
    const [path, ...lines] = part.split("\n");
    const plain = path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
    yield [
      plain === "." ? "" : plain.replace(/^\.\//, ""),
      lines.map((line) => line.replace(/\t.*/, "")).filter((line) => line !== ""),
    ];
  }
}

function* pairs(text: string): Generator<[string, string]> {
  const words = text.split("\0");
  for (let at = 0; at + 2 <= words.length; at += 2) yield [words[at], words[at + 1]];
}

async function output(program: string, args: string[], cwd: string): Promise<string> {
  const child = new Deno.Command(program, { args, cwd, env: { LC_ALL: "C" }, stdin: "null" });
  const { success, stdout, stderr } = await child.output();
  assert.ok(success, `${program}: ${new TextDecoder().decode(stderr)}`);
  return latin1(stdout);
}

export interface SameOptions {
  /** Fields that the run was not asked to keep. */
  without?: readonly Field[];
  /** The roots themselves are not compared. */
  belowRoot?: boolean;
  /** Nothing is read. */
  content?: boolean;
  /** What else is compared. */
  extra?: readonly Extra[];
}

/** Demands that the trees are equal in every field, and that the target takes no more room than the source plus 1 %. */
export async function same(source: string, target: string, options: SameOptions = {}): Promise<void> {
  const { without = [], belowRoot = false, content = true, extra = [] } = options;
  const [left, right] = await Promise.all([manifest(source, content, extra), manifest(target, content, extra)]);
  const differences: string[] = [];
  for (const path of new Set([...left.keys(), ...right.keys()])) {
    if (belowRoot && path === "") continue;
    const [a, b] = [left.get(path), right.get(path)];
    const shown = JSON.stringify(path);
    if (a === undefined || b === undefined) differences.push(`${shown} is only in the ${a ? "source" : "target"}`);
    else {
      for (const field of Object.keys(a) as Field[]) {
        if (without.includes(field)) continue;
        const differs = field === "allocated"
          ? b.allocated > a.allocated * 1.01 + 16384 && b.size === a.size
          : a[field] !== b[field];
        if (differs) differences.push(`${shown}: ${field} is ${b[field]}, not ${a[field]}`);
      }
    }
    if (differences.length > 20) break;
  }
  assert.deepEqual(differences, [], `the trees differ:\n${differences.join("\n")}`);
}

/** The manifest as text, for comparing a tree with itself at another time. */
export async function fingerprint(root: string): Promise<string> {
  const found = await manifest(root);
  return [...found.keys()].sort().map((path) => JSON.stringify([path, found.get(path)])).join("\n");
}

/** Names only: what a layout test looks at, with "/" behind folders and "->" behind links. */
export async function layout(root: string): Promise<string[]> {
  const found = await manifest(root);
  return [...found].filter(([path]) => path !== "").map(([path, { type, target, digest }]) =>
    path + (type === "d" ? "/" : type === "l" ? ` -> ${target}` : ` ${digest.slice(0, 8)}`)
  ).sort();
}
