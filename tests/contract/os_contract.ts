// The contract of Os (lib/os/os.ts) as tests, run on every implementation by os_contract_test.ts. What an implementation
// cannot do it says in `abilities`; the tests then expect the refusal that os.ts promises, so nothing is left out silently.

import assert from "node:assert/strict";
import { Errno, InsideMode, Kind, Listing, OpenMode, type Os, Stat } from "../../lib/os/os.ts";

/** One implementation with an empty folder to work in. */
export interface OsSubject {
  readonly os: Os;
  /** A path, as an operator would type it, of an empty folder. */
  readonly root: Uint8Array;
  /** May this subject change owners and make devices? */
  readonly privileged: boolean;
  /** False where exchange need not work. */
  readonly exchanges?: boolean;
  /** What openInside answers where the kernel behind an able implementation does not know it. */
  readonly insideRefused?: number;
  /** Names in the large listing; default 10,000. */
  readonly manyNames?: number;
  /** Handles open now, by an independent count. */
  openHandles(): number;
  dispose(): void;
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** Registers the contract's tests for one implementation. */
export function testOs(label: string, make: () => OsSubject): void {
  for (const [claim, test] of claims) {
    Deno.test(`${claim} (${label})`, async () => {
      const subject = make();
      try {
        const before = subject.openHandles();
        const bench = new Bench(subject);
        await test(bench);
        bench.closeAll();
        assert.equal(subject.openHandles(), before, "a handle is left open");
      } finally {
        subject.dispose();
      }
    });
  }
}

/** Shorthands for the tests: every handle taken through it is closed at the end. */
class Bench {
  readonly os: Os;
  readonly root: number;
  readonly privileged: boolean;
  readonly exchanges: boolean;
  readonly insideRefused: number | undefined;
  readonly manyNames: number;
  readonly path: Uint8Array;
  readonly #handles: number[] = [];

  constructor(subject: OsSubject) {
    this.os = subject.os;
    this.privileged = subject.privileged;
    this.exchanges = subject.exchanges ?? true;
    this.insideRefused = subject.os.abilities.insideLinks ? subject.insideRefused : -ENOSYS;
    this.manyNames = subject.manyNames ?? 10_000;
    this.path = subject.root;
    this.root = this.keep(subject.os.openRoot(subject.root));
  }

  keep(handle: number): number {
    assert.ok(handle >= 0, `a handle was expected, not ${handle}`);
    this.#handles.push(handle);
    return handle;
  }

  close(handle: number): void {
    this.#handles.splice(this.#handles.indexOf(handle), 1);
    assert.equal(this.os.close(handle), 0);
  }

  closeAll(): void {
    for (const handle of this.#handles.splice(0)) assert.equal(this.os.close(handle), 0);
  }

  /** The operator's path of `name` in the root. */
  pathOf(name: string): Uint8Array {
    return new Uint8Array([...this.path, 0x2f, ...utf8(name)]);
  }

  folder(name: string, parent = this.root): number {
    assert.equal(this.os.makeFolder(parent, utf8(name), 0o755), 0);
    return this.keep(this.os.openFolder(parent, utf8(name)));
  }

  file(name: string | Uint8Array, content: string | Uint8Array = "", folder = this.root): void {
    const bytes = typeof name === "string" ? utf8(name) : name;
    const handle = this.keep(this.os.openFile(folder, bytes, OpenMode.create, 0o644));
    assert.equal(this.os.writeAll(handle, typeof content === "string" ? utf8(content) : content), 0);
    this.close(handle);
  }

  link(name: string, target: string, folder = this.root): void {
    assert.equal(this.os.makeLink(folder, utf8(name), utf8(target)), 0);
  }

  open(name: string, how: number = OpenMode.read, folder = this.root): number {
    return this.keep(this.os.openFile(folder, utf8(name), how, 0o644));
  }

  content(name: string, folder = this.root): string {
    const handle = this.open(name, OpenMode.read, folder);
    const parts: string[] = [];
    const into = new Uint8Array(4096);
    for (;;) {
      const count = this.os.read(handle, into);
      assert.ok(count >= 0);
      if (count === 0) break;
      parts.push(latin1(into.subarray(0, count)));
    }
    this.close(handle);
    return parts.join("");
  }

  stat(name: string | Uint8Array, folder = this.root): Stat {
    const bytes = typeof name === "string" ? utf8(name) : name;
    const stat = new Stat();
    assert.equal(this.os.statAt(folder, bytes, 0, bytes.length, stat), 0, `statAt ${latin1(bytes)}`);
    return stat;
  }

  statResult(name: string, folder = this.root): number {
    const bytes = utf8(name);
    return this.os.statAt(folder, bytes, 0, bytes.length, new Stat());
  }

  names(folder = this.root): string[] {
    const listing = new Listing();
    assert.equal(this.os.readFolder(folder, listing), 0);
    return Array.from({ length: listing.count }, (_, i) => latin1(listing.name(i))).sort();
  }
}

function oneOf(actual: number, ...expected: number[]): void {
  assert.ok(expected.includes(actual), `${actual} is none of ${expected}`);
}

const { ENOENT, EEXIST, ENOTDIR, EISDIR, EINVAL, ELOOP, ENOTEMPTY, EBADF, ENXIO, EPERM, EILSEQ } = Errno;
const { EOPNOTSUPP, ENOSYS, EAGAIN, ENAMETOOLONG, EXDEV } = Errno;

const BAD_NAMES: Uint8Array[] = [
  new Uint8Array(0),
  utf8("."),
  utf8(".."),
  utf8("/"),
  utf8("a/b"),
  utf8("a/"),
  utf8("a\0b"),
  utf8("\0"),
  new Uint8Array(256).fill(0x61),
];

const NASTY_NAMES: Uint8Array[] = [
  new Uint8Array(255).fill(0x6e),
  utf8("-rf"),
  utf8(" "),
  utf8("line\nbreak"),
  utf8("quotes'\"`$(true);&|<>*?[a]\\"),
  utf8("\x01\x1b[31m\x7f"),
  utf8("..."),
  utf8(".. "),
  utf8("e\u0301"),
  utf8("\u00e9"),
  utf8("\ufeffmark"),
  utf8("\ufffd"),
  utf8("\u{1f600}"),
];
const RAW_NAMES: Uint8Array[] = [
  new Uint8Array([0xff]),
  new Uint8Array([0xfe]),
  new Uint8Array([0xc3]),
  new Uint8Array([0x61, 0xed, 0xa0, 0x80, 0x62]),
  new Uint8Array(255).fill(0x80),
];

const claims: [string, (b: Bench) => void][] = [
  // Roots.
  ["openRoot follows a link to a folder", (b) => {
    b.folder("real");
    b.file("file", "x");
    b.link("link", "real");
    const root = b.keep(b.os.openRoot(b.pathOf("link")));
    b.file("inside", "1", root);
    assert.equal(b.stat("inside", b.keep(b.os.openFolder(b.root, utf8("real")))).size, 1);
  }],
  ["openRoot reports what is missing, no folder, empty or too long", (b) => {
    b.file("file");
    assert.equal(b.os.openRoot(b.pathOf("absent")), -ENOENT);
    assert.equal(b.os.openRoot(b.pathOf("file")), -ENOTDIR);
    assert.equal(b.os.openRoot(new Uint8Array(0)), -ENOENT);
    assert.equal(b.os.openRoot(new Uint8Array(5000).fill(0x61)), -ENAMETOOLONG);
    assert.equal(b.os.openRoot(b.pathOf("a\0b")), -EINVAL);
  }],
  ["statPath follows a last link only when asked", (b) => {
    b.file("file", "12345");
    b.link("link", "file");
    b.link("dangling", "absent");
    const stat = new Stat();
    assert.equal(b.os.statPath(b.pathOf("link"), true, stat), 0);
    assert.deepEqual([stat.kind, stat.size], [Kind.file, 5]);
    assert.equal(b.os.statPath(b.pathOf("link"), false, stat), 0);
    assert.equal(stat.kind, Kind.link);
    assert.equal(b.os.statPath(b.pathOf("dangling"), true, stat), -ENOENT);
    assert.equal(b.os.statPath(b.pathOf("dangling"), false, stat), 0);
  }],
  ["makeRoot makes one folder and reports what stands there", (b) => {
    assert.equal(b.os.makeRoot(b.pathOf("new")), 0);
    assert.equal(b.stat("new").kind, Kind.folder);
    assert.equal(b.os.makeRoot(b.pathOf("new")), -EEXIST);
    assert.equal(b.os.makeRoot(b.pathOf("absent/child")), -ENOENT);
  }],

  // Folders.
  ["openFolder opens a child folder and nothing else", (b) => {
    b.folder("folder");
    b.file("file");
    b.link("link", "folder");
    b.link("dangling", "absent");
    assert.equal(b.os.openFolder(b.root, utf8("absent")), -ENOENT);
    assert.equal(b.os.openFolder(b.root, utf8("file")), -ENOTDIR);
    oneOf(b.os.openFolder(b.root, utf8("link")), -ELOOP, -ENOTDIR);
    oneOf(b.os.openFolder(b.root, utf8("dangling")), -ELOOP, -ENOTDIR);
  }],
  ["openThrough follows links to files and folders, and says what leads nowhere", (b) => {
    const stat = new Stat();
    const through = (name: string, reads: boolean) => b.os.openThrough(b.root, utf8(name), reads);
    b.file("leaf", "deep", b.folder("folder"));
    b.link("to folder", "folder");
    b.link("to link", "to folder");
    b.link("to file", "to link/leaf");
    b.link("up", "../to file", b.keep(b.os.openFolder(b.root, utf8("folder"))));
    b.link("through up", "folder/up");
    b.link("dangling", "absent");
    b.link("loop", "loop");
    for (const name of ["folder", "to folder", "to link"]) {
      assert.equal(b.content("leaf", b.keep(through(name, true))), "deep");
      assert.equal(b.os.statHandle(b.keep(through(name, false)), stat), 0);
      assert.equal(stat.kind, Kind.folder);
    }
    for (const name of ["to file", "through up"]) {
      const into = new Uint8Array(8);
      assert.equal(b.os.read(b.keep(through(name, true)), into), 4);
      assert.equal(b.os.statHandle(b.keep(through(name, false)), stat), 0);
      assert.deepEqual([stat.kind, stat.size], [Kind.file, 4]);
    }
    for (const reads of [true, false]) {
      assert.equal(through("absent", reads), -ENOENT);
      assert.equal(through("dangling", reads), -ENOENT);
      assert.equal(through("loop", reads), -ELOOP);
      assert.equal(through("folder/leaf", reads), -EINVAL);
      assert.equal(b.os.openThrough(-1, utf8("folder"), reads), -EBADF);
    }
  }],
  ["openInside follows links and .. that stay below the root, and no others", (b) => {
    const stat = new Stat();
    const inside = (path: string, how: number) => b.os.openInside(served, utf8(path), how);
    const served = b.folder("served");
    if (b.insideRefused !== undefined) return assert.equal(inside("", InsideMode.folder), b.insideRefused);
    const deep = b.folder("b", b.folder("a", served));
    b.file("outside", "no");
    b.file("leaf", "deep", deep);
    b.link("in", "a/b", served);
    b.link("back", "../../in/leaf", deep);
    b.link("out", "../outside", served);
    b.link("deeper out", "../../../outside", deep);
    b.link("absolute", latin1(b.pathOf("served/a")), served);
    b.link("to absolute", "absolute/b", served);
    b.link("loop", "loop", served);
    b.link("dangling", "absent", served);
    for (const path of ["a/b", "in", "a/../in", "./a//b/", "in/.", "in/../b"]) {
      assert.equal(b.content("leaf", b.keep(inside(path, InsideMode.folder))), "deep", path);
    }
    for (const path of ["a/b/leaf", "in/leaf", "in/back", "a/b/back"]) {
      const into = new Uint8Array(8);
      assert.equal(b.os.read(b.keep(inside(path, InsideMode.read)), into), 4, path);
      assert.equal(b.os.statHandle(b.keep(inside(path, InsideMode.pin)), stat), 0);
      assert.deepEqual([stat.kind, stat.size], [Kind.file, 4]);
    }
    assert.equal(b.os.statHandle(b.keep(inside("in", InsideMode.pinLink)), stat), 0);
    assert.equal(stat.kind, Kind.link);
    assert.equal(b.os.statHandle(b.keep(inside("", InsideMode.folder)), stat), 0);
    assert.equal(stat.kind, Kind.folder);
    assert.equal(inside("a/b/leaf", InsideMode.folder), -ENOTDIR);
    const ways = [InsideMode.folder, InsideMode.read, InsideMode.pin, InsideMode.pinLink];
    for (const how of ways) {
      const out = ["..", "../outside", "../served", "a/../..", "/", latin1(b.pathOf("served")), "absolute/b", "out/x"];
      for (const path of out) assert.equal(inside(path, how), -EXDEV, path);
      if (how !== InsideMode.pinLink) {
        for (const path of ["out", "in/deeper out", "absolute", "to absolute"]) {
          assert.equal(inside(path, how), -EXDEV, path);
        }
        assert.equal(inside("loop", how), -ELOOP);
        assert.equal(inside("dangling", how), -ENOENT);
      }
      assert.equal(inside("absent", how), -ENOENT);
      assert.equal(inside("a\0b", how), -EINVAL);
      assert.equal(b.os.openInside(-1, utf8("a"), how), -EBADF);
    }
  }],
  ["openBeneath walks components and refuses links wherever they stand", (b) => {
    const c = b.folder("c", b.folder("b", b.folder("a")));
    b.file("leaf", "deep", c);
    b.link("link", "a");
    b.link("up", "..", b.keep(b.os.openBeneath(b.root, utf8("a"))));
    b.link("root", "/");
    const found = b.keep(b.os.openBeneath(b.root, utf8("a/b/c")));
    assert.equal(b.content("leaf", found), "deep");
    const itself = b.keep(b.os.openBeneath(b.root, new Uint8Array(0)));
    assert.deepEqual(b.names(itself), ["a", "link", "root"]);
    for (const path of ["link", "link/b", "a/up", "a/up/a", "root", "root/etc"]) {
      oneOf(b.os.openBeneath(b.root, utf8(path)), -ELOOP, -ENOTDIR);
    }
    assert.equal(b.os.openBeneath(b.root, utf8("a/absent/c")), -ENOENT);
    assert.equal(b.os.openBeneath(b.root, utf8("a/b/c/leaf")), -ENOTDIR);
    assert.equal(b.os.openBeneath(b.root, utf8("a/b/c/leaf/x")), -ENOTDIR);
  }],
  ["openBeneath refuses every path that is not plain components", (b) => {
    b.folder("a", b.folder("a"));
    const bad = [
      "/",
      "/a",
      "a/",
      "a//a",
      ".",
      "..",
      "a/..",
      "a/../a",
      "./a",
      "a/.",
      "a\0",
      "a/\0",
      `${"a/".repeat(2100)}a`,
    ];
    for (const path of bad) assert.equal(b.os.openBeneath(b.root, utf8(path)), -EINVAL, path.slice(0, 20));
    assert.equal(b.os.openBeneath(b.root, utf8(`a/${"n".repeat(256)}`)), -EINVAL);
  }],
  ["readFolder lists names and kinds, from the start at each call", (b) => {
    const folder = b.folder("folder");
    const listing = new Listing();
    listing.add(utf8("stale"), 0, 5, Kind.file);
    assert.equal(b.os.readFolder(folder, listing), 0);
    assert.equal(listing.count, 0);
    b.file("file", "", folder);
    b.folder("sub", folder);
    b.link("link", "x", folder);
    for (let round = 0; round < 3; round++) {
      assert.equal(b.os.readFolder(folder, listing), 0);
      const found = Array.from({ length: listing.count }, (_, i) => `${latin1(listing.name(i))}:${listing.kind[i]}`)
        .sort();
      const wanted = [`file:${Kind.file}`, `link:${Kind.link}`, `sub:${Kind.folder}`];
      const unsure = wanted.map((entry) => entry.replace(/\d+$/, "0"));
      assert.ok(found.every((entry, i) => entry === wanted[i] || entry === unsure[i]), found.join());
    }
  }],
  ["readFolder lists thousands of names, each once", (b) => {
    const folder = b.folder("many");
    const wanted: string[] = [];
    for (let i = 0; i < b.manyNames; i++) {
      const name = `${i}-${"x".repeat(i % 200)}`;
      wanted.push(name);
      b.file(name, "", folder);
    }
    assert.deepEqual(b.names(folder), wanted.sort());
  }],
  ["readFolder on what is no folder reports it", (b) => {
    b.file("file");
    const listing = new Listing();
    assert.equal(b.os.readFolder(b.open("file"), listing), -ENOTDIR);
    assert.equal(b.os.readFolder(-1, listing), -EBADF);
  }],

  // Names.
  ["every verb with a name refuses what is not one component", (b) => {
    b.file("ok");
    const [os, root, ok] = [b.os, b.root, utf8("ok")];
    const stat = new Stat();
    for (const bad of BAD_NAMES) {
      const results = {
        openFolder: os.openFolder(root, bad),
        statAt: os.statAt(root, bad, 0, bad.length, stat),
        readLink: os.readLink(root, bad, new Uint8Array(4096)),
        read: os.openFile(root, bad, OpenMode.read, 0),
        create: os.openFile(root, bad, OpenMode.create, 0o600),
        write: os.openFile(root, bad, OpenMode.write, 0),
        makeFolder: os.makeFolder(root, bad, 0o700),
        makeLink: os.makeLink(root, bad, ok),
        makeSpecial: os.makeSpecial(root, bad, Kind.fifo, 0o600, 0, 0),
        renameFrom: os.rename(root, bad, root, ok),
        renameTo: os.rename(root, ok, root, bad),
        renameNewFrom: os.renameNew(root, bad, root, utf8("new")),
        renameNewTo: os.renameNew(root, ok, root, bad),
        exchangeA: os.exchange(root, bad, root, ok),
        exchangeB: os.exchange(root, ok, root, bad),
        unlink: os.unlink(root, bad),
        removeFolder: os.removeFolder(root, bad),
        pin: os.pin(root, bad),
      };
      for (const [verb, result] of Object.entries(results)) {
        assert.equal(result, -EINVAL, `${verb} of ${JSON.stringify(latin1(bad))}`);
      }
    }
    assert.deepEqual(b.names(), ["ok"]);
  }],
  ["statAt takes its name from the middle of a buffer and nothing outside it", (b) => {
    b.file("abc", "123");
    const bytes = utf8("xxabcyy");
    const stat = new Stat();
    assert.equal(b.os.statAt(b.root, bytes, 2, 3, stat), 0);
    assert.equal(stat.size, 3);
    assert.equal(b.os.statAt(b.root, bytes, 5, 3, stat), -EINVAL);
    assert.equal(b.os.statAt(b.root, bytes, -1, 3, stat), -EINVAL);
    assert.equal(b.os.statAt(b.root, bytes, 2, 2, stat), -ENOENT);
  }],
  ["names keep their exact bytes through create, list, stat, rename and unlink", (b) => {
    const names = b.os.abilities.rawNames ? [...NASTY_NAMES, ...RAW_NAMES] : NASTY_NAMES;
    const other = b.folder("other");
    const folder = b.folder("folder");
    names.forEach((name, i) => b.file(name, "x".repeat(i), folder));
    assert.deepEqual(b.names(folder), names.map(latin1).sort());
    names.forEach((name, i) => assert.equal(b.stat(name, folder).size, i));
    for (const name of names) assert.equal(b.os.rename(folder, name, other, name), 0);
    assert.deepEqual(b.names(folder), []);
    assert.deepEqual(b.names(other), names.map(latin1).sort());
    for (const name of names) assert.equal(b.os.unlink(other, name), 0);
    assert.deepEqual(b.names(other), []);
  }],
  ["names that are not UTF-8 are kept, or refused with EILSEQ where text is all there is", (b) => {
    for (const name of RAW_NAMES) {
      const made = b.os.makeFolder(b.root, name, 0o755);
      assert.equal(made, b.os.abilities.rawNames ? 0 : -EILSEQ);
    }
    assert.equal(b.names().length, b.os.abilities.rawNames ? RAW_NAMES.length : 0);
  }],

  // Looking.
  ["statAt tells kind, size, mode and identity without following", (b) => {
    b.folder("folder");
    b.file("file", "12345");
    b.file("other", "1");
    b.link("link", "12345678");
    const [file, folder, link, other] = ["file", "folder", "link", "other"].map((name) => b.stat(name));
    assert.deepEqual([file.kind, file.size, file.mode, file.nlink], [Kind.file, 5, 0o644, 1]);
    assert.deepEqual([folder.kind, folder.mode], [Kind.folder, 0o755]);
    assert.deepEqual([link.kind, link.size], [Kind.link, 8]);
    assert.notDeepEqual([file.inoLow, file.inoHigh], [other.inoLow, other.inoHigh]);
    assert.deepEqual([file.devMajor, file.devMinor], [folder.devMajor, folder.devMinor]);
    assert.equal(b.statResult("absent"), -ENOENT);
    assert.equal(b.os.statAt(b.open("file"), utf8("x"), 0, 1, new Stat()), -ENOTDIR);
  }],
  ["statHandle agrees with statAt for files, folders and pinned links", (b) => {
    const folder = b.folder("folder");
    b.file("file", "12345");
    b.link("link", "abc");
    const stat = new Stat();
    assert.equal(b.os.statHandle(folder, stat), 0);
    assert.deepEqual(stat, b.stat("folder"));
    assert.equal(b.os.statHandle(b.open("file"), stat), 0);
    assert.deepEqual(stat, b.stat("file"));
    assert.equal(b.os.statHandle(b.keep(b.os.pin(b.root, utf8("link"))), stat), 0);
    assert.deepEqual(stat, b.stat("link"));
    assert.equal(b.os.statHandle(-1, stat), -EBADF);
  }],
  ["readLink returns the target's exact bytes", (b) => {
    const into = new Uint8Array(4096);
    const targets = [utf8("/absolute/../x"), utf8(".."), utf8("a b\nc"), new Uint8Array(1000).fill(0x74)];
    if (b.os.abilities.rawNames) targets.push(new Uint8Array([0xff, 0xfe, 0x2f]));
    targets.forEach((target, i) => {
      assert.equal(b.os.makeLink(b.root, utf8(`link${i}`), target), 0);
      const length = b.os.readLink(b.root, utf8(`link${i}`), into);
      assert.deepEqual(into.slice(0, Math.max(length, 0)), target);
    });
    b.file("file");
    assert.equal(b.os.readLink(b.root, utf8("file"), into), -EINVAL);
    assert.equal(b.os.readLink(b.root, utf8("absent"), into), -ENOENT);
  }],
  ["fileSystem tells the space that is left", (b) => {
    const info = b.os.fileSystem(b.root);
    assert.ok(typeof info === "object", "an info was expected");
    assert.ok(info.freeBytes > 0 && info.totalBytes >= info.freeBytes && info.freeInodes >= 0);
    assert.ok(info.rootFreeBytes >= info.freeBytes && info.totalBytes >= info.rootFreeBytes);
    assert.ok(info.totalInodes === 0 || info.totalInodes >= info.freeInodes);
    assert.match(info.id, /^([0-9a-f]{16})?$/);
    const again = b.os.fileSystem(b.root);
    assert.ok(typeof again === "object" && again.id === info.id && again.type === info.type);
    assert.equal(b.os.fileSystem(-1), -EBADF);
  }],
  ["foldsNames says whether a folder takes names that differ in case as one", (b) => {
    const folds = b.os.foldsNames(b.root);
    b.file("name");
    const stat = new Stat();
    assert.equal(b.os.statAt(b.root, utf8("NAME"), 0, 4, stat), folds === 1 ? 0 : -ENOENT);
    assert.equal(b.os.foldsNames(-1), -EBADF);
  }],

  // Content.
  ["openFile opens for reading without following a link", (b) => {
    b.file("file", "content");
    b.link("link", "file");
    b.link("dangling", "absent");
    assert.equal(b.content("file"), "content");
    assert.equal(b.os.openFile(b.root, utf8("absent"), OpenMode.read, 0), -ENOENT);
    for (const how of [OpenMode.read, OpenMode.write]) {
      assert.equal(b.os.openFile(b.root, utf8("link"), how, 0), -ELOOP);
      assert.equal(b.os.openFile(b.root, utf8("dangling"), how, 0), -ELOOP);
    }
    assert.equal(b.os.writeAll(b.open("file"), utf8("x")), -EBADF);
  }],
  ["openFile of a folder reads nothing and writes nothing", (b) => {
    const folder = b.folder("folder");
    assert.equal(b.os.openFile(b.root, utf8("folder"), OpenMode.write, 0), -EISDIR);
    const handle = b.os.openFile(b.root, utf8("folder"), OpenMode.read, 0);
    if (handle >= 0) assert.equal(b.os.read(b.keep(handle), new Uint8Array(10)), -EISDIR);
    else assert.equal(handle, -EISDIR);
    assert.equal(b.os.read(folder, new Uint8Array(10)), -EISDIR);
  }],
  ["openFile creates exclusively, never over anything nor through a link", (b) => {
    b.folder("folder");
    b.file("file", "old");
    b.link("link", "file");
    b.link("dangling", "target");
    for (const name of ["folder", "file", "link", "dangling"]) {
      assert.equal(b.os.openFile(b.root, utf8(name), OpenMode.create, 0o600), -EEXIST, name);
    }
    assert.equal(b.statResult("target"), -ENOENT);
    const handle = b.keep(b.os.openFile(b.root, utf8("new"), OpenMode.create, 0o600));
    assert.equal(b.os.writeAll(handle, utf8("12")), 0);
    const into = new Uint8Array(10);
    assert.equal(b.os.readAt(handle, into, 0), 2);
    assert.equal(b.stat("new").mode, 0o600);
    assert.equal(b.content("file"), "old");
  }],
  ["openFile writes an existing file in place", (b) => {
    b.file("file", "0123456789");
    const handle = b.open("file", OpenMode.write);
    assert.equal(b.os.writeAll(handle, utf8("ab")), 0);
    assert.equal(b.os.writeAllAt(handle, utf8("yz"), 8), 0);
    assert.equal(b.os.writeAll(handle, utf8("c")), 0);
    assert.equal(b.content("file"), "abc34567yz");
    assert.equal(b.os.openFile(b.root, utf8("absent"), OpenMode.write, 0o644), -ENOENT);
  }],
  ["read and readAt stop at the end and keep their own positions", (b) => {
    b.file("file", "0123456789");
    const handle = b.open("file");
    const into = new Uint8Array(4);
    assert.equal(b.os.read(handle, into), 4);
    assert.equal(latin1(into), "0123");
    assert.equal(b.os.readAt(handle, into, 8), 2);
    assert.equal(latin1(into.subarray(0, 2)), "89");
    assert.equal(b.os.read(handle, into), 4);
    assert.equal(latin1(into), "4567");
    assert.equal(b.os.read(handle, into), 2);
    assert.equal(b.os.read(handle, into), 0);
    assert.equal(b.os.readAt(handle, into, 10), 0);
    assert.equal(b.os.readAt(handle, into, 1e12), 0);
    assert.equal(b.os.readAt(handle, into, -1), -EINVAL);
    assert.equal(b.os.read(handle, new Uint8Array(0)), 0);
  }],
  ["read fills only the view it is given", (b) => {
    b.file("file", "0123456789");
    const whole = new Uint8Array(16).fill(0x2e);
    assert.equal(b.os.read(b.open("file"), whole.subarray(4, 8)), 4);
    assert.equal(latin1(whole), "....0123........");
  }],
  ["writeAll and writeAllAt write large pieces whole", (b) => {
    const bytes = new Uint8Array(3 << 20);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31 + (i >> 9)) & 0xff;
    const handle = b.keep(b.os.openFile(b.root, utf8("file"), OpenMode.create, 0o600));
    assert.equal(b.os.writeAll(handle, bytes.subarray(0, 1000)), 0);
    assert.equal(b.os.writeAll(handle, bytes.subarray(1000)), 0);
    assert.equal(b.os.writeAllAt(handle, bytes.subarray(5, 6), 5), 0);
    assert.equal(b.os.writeAllAt(handle, new Uint8Array(0), 0), 0);
    const into = new Uint8Array(bytes.length + 1);
    let got = 0;
    while (got < bytes.length) {
      const count = b.os.readAt(handle, into.subarray(got), got);
      assert.ok(count > 0);
      got += count;
    }
    assert.deepEqual(into.subarray(0, got), bytes);
    assert.equal(b.os.writeAllAt(handle, bytes, -5), -EINVAL);
  }],
  ["truncate cuts and grows, and what grows is zero", (b) => {
    b.file("file", "0123456789");
    const handle = b.open("file", OpenMode.write);
    assert.equal(b.os.truncate(handle, 4), 0);
    assert.equal(b.os.truncate(handle, 6), 0);
    assert.equal(b.content("file"), "0123\0\0");
    assert.equal(b.os.truncate(handle, 5e9), 0);
    assert.equal(b.stat("file").size, 5e9);
    assert.equal(b.os.truncate(handle, -1), -EINVAL);
  }],
  ["writeAllAt beyond 4 GiB keeps the exact offset", (b) => {
    const at = 2 ** 32 + 12_345;
    const handle = b.keep(b.os.openFile(b.root, utf8("far"), OpenMode.create, 0o600));
    assert.equal(b.os.writeAllAt(handle, utf8("far"), at), 0);
    const into = new Uint8Array(4);
    assert.equal(b.os.readAt(handle, into, at), 3);
    assert.equal(b.os.readAt(handle, into, 12_345), 4);
    assert.deepEqual([...into], [0, 0, 0, 0]);
    assert.equal(b.stat("far").size, at + 3);
    if (b.os.abilities.sparse) {
      assert.ok(b.stat("far").allocated < 1 << 20);
      assert.ok(b.os.seekData(handle, 0) > at - (1 << 20));
    }
  }],
  ["seekData and seekHole find extents and leave the position", (b) => {
    const block = 1 << 16;
    const handle = b.keep(b.os.openFile(b.root, utf8("holes"), OpenMode.create, 0o600));
    assert.equal(b.os.truncate(handle, 16 * block), 0);
    for (const at of [4, 9]) assert.equal(b.os.writeAllAt(handle, new Uint8Array(block).fill(1), at * block), 0);
    if (!b.os.abilities.sparse) {
      assert.equal(b.os.seekData(handle, 0), -EINVAL);
      assert.equal(b.os.seekHole(handle, 0), -EINVAL);
      return;
    }
    const data = (from: number) => b.os.seekData(handle, from);
    const hole = (from: number) => b.os.seekHole(handle, from);
    assert.deepEqual([data(0), hole(0)], [4 * block, 0]);
    assert.deepEqual([data(4 * block + 1), hole(4 * block)], [4 * block + 1, 5 * block]);
    assert.deepEqual([data(5 * block), hole(9 * block + 5)], [9 * block, 10 * block]);
    assert.deepEqual([data(10 * block), hole(10 * block)], [-ENXIO, 10 * block]);
    assert.deepEqual([data(16 * block), hole(16 * block)], [-ENXIO, -ENXIO]);
    assert.deepEqual([data(-1), hole(-1)], [-EINVAL, -EINVAL]);
    const into = new Uint8Array(1);
    assert.equal(b.os.read(handle, into), 1);
    assert.equal(b.os.seekData(handle, 0), 4 * block);
    assert.equal(b.os.writeAll(handle, utf8("x")), 0);
    assert.equal(b.os.readAt(handle, into, 1), 1);
    assert.equal(into[0], 0x78);
  }],
  ["endOf tells the size and leaves the position", (b) => {
    b.file("ten", "0123456789");
    const handle = b.open("ten");
    const into = new Uint8Array(4);
    assert.equal(b.os.read(handle, into), 4);
    assert.equal(b.os.endOf(handle), 10);
    assert.equal(b.os.read(handle, into), 4);
    assert.equal(into[0], 0x34);
    assert.equal(b.os.endOf(999_999), -EBADF);
    if (!b.os.abilities.specials) return;
    assert.equal(b.os.makeSpecial(b.root, utf8("fifo"), Kind.fifo, 0o600, 0, 0), 0);
    assert.ok(b.os.endOf(b.open("fifo")) < 0);
  }],
  ["seekData on a file that is one hole says ENXIO, and seekHole on one without holes says its end", (b) => {
    const hole = b.keep(b.os.openFile(b.root, utf8("hole"), OpenMode.create, 0o600));
    assert.equal(b.os.truncate(hole, 1 << 30), 0);
    b.file("full", new Uint8Array(10_000).fill(7));
    const full = b.open("full");
    const sparse = b.os.abilities.sparse;
    assert.equal(b.os.seekData(hole, 0), sparse ? -ENXIO : -EINVAL);
    assert.equal(b.os.seekHole(full, 0), sparse ? 10_000 : -EINVAL);
    if (sparse) assert.equal(b.stat("hole").allocated, 0);
  }],
  ["punchHole frees whole blocks, keeps the size and reads as zeros", (b) => {
    const block = 1 << 16;
    b.file("file", new Uint8Array(8 * block).fill(5));
    const handle = b.open("file", OpenMode.write);
    const result = b.os.punchHole(handle, 2 * block, 3 * block);
    if (!b.os.abilities.sparse) return assert.equal(result, -EOPNOTSUPP);
    assert.equal(result, 0);
    const into = new Uint8Array(2);
    b.os.readAt(handle, into, 2 * block - 1);
    assert.deepEqual([...into], [5, 0]);
    b.os.readAt(handle, into, 5 * block - 1);
    assert.deepEqual([...into], [0, 5]);
    assert.equal(b.os.seekHole(handle, 0), 2 * block);
    assert.equal(b.os.seekData(handle, 2 * block), 5 * block);
    assert.deepEqual([b.stat("file").size, b.stat("file").allocated], [8 * block, 5 * block]);
    assert.equal(b.os.punchHole(handle, 0, 0), -EINVAL);
  }],
  ["allocate takes space and changes neither size nor content", (b) => {
    b.file("file", "abc");
    const handle = b.open("file", OpenMode.write);
    const result = b.os.allocate(handle, 1 << 20);
    assert.ok(result === 0 || result === -EOPNOTSUPP, `${result}`);
    if (b.os.abilities.name === "linux-ffi") assert.equal(result, 0);
    assert.equal(b.stat("file").size, 3);
    if (result === 0) assert.ok(b.stat("file").allocated >= 1 << 20);
    b.os.truncate(handle, 3);
    const into = new Uint8Array(4);
    assert.equal(b.os.readAt(handle, into, 0), 3);
    assert.deepEqual([...into.subarray(0, 3)], [97, 98, 99]);
    if (result === 0) assert.equal(b.os.allocate(handle, 0), -EINVAL);
  }],
  ["copyRange copies by offsets and leaves both positions", (b) => {
    b.file("from", "0123456789");
    b.file("to", "abcdefghij");
    const [from, to] = [b.open("from"), b.open("to", OpenMode.write)];
    const result = b.os.copyRange(from, 2, to, 4, 3);
    if (!b.os.abilities.kernelCopy) return oneOf(result, -EOPNOTSUPP, -ENOSYS);
    assert.equal(result, 3);
    assert.equal(b.content("to"), "abcd234hij");
    assert.equal(b.os.copyRange(from, 8, to, 10, 100), 2);
    assert.equal(b.os.copyRange(from, 10, to, 0, 100), 0);
    assert.equal(b.os.writeAll(to, utf8("X")), 0);
    assert.equal(b.content("to"), "Xbcd234hij89");
    assert.equal(b.os.copyRange(from, -1, to, 0, 1), -EINVAL);
    assert.equal(b.os.copyRange(to, 0, from, 0, 1), -EBADF);
  }],
  ["copyRangeBeside copies as copyRange does, and says why it cannot", async (b) => {
    b.file("from", "0123456789");
    b.file("to", "abcdefghij");
    const [from, to] = [b.open("from"), b.open("to", OpenMode.write)];
    const both = [b.os.copyRangeBeside(from, 2, to, 4, 3), b.os.copyRangeBeside(from, 8, to, 10, 100)];
    const results = await Promise.all(both);
    if (!b.os.abilities.kernelCopy) return results.forEach((result) => oneOf(result, -EOPNOTSUPP, -ENOSYS));
    assert.deepEqual(results, [3, 2]);
    assert.equal(b.content("to"), "abcd234hij89");
    assert.equal(await b.os.copyRangeBeside(from, 10, to, 0, 100), 0);
    assert.equal(await b.os.copyRangeBeside(from, -1, to, 0, 1), -EINVAL);
    assert.equal(await b.os.copyRangeBeside(to, 0, from, 0, 1), -EBADF);
  }],
  ["cloneFile makes an equal file, or says that it cannot", (b) => {
    const bytes = new Uint8Array(100_000).fill(9);
    b.file("from", bytes);
    b.file("to");
    const result = b.os.cloneFile(b.open("from"), b.open("to", OpenMode.write));
    if (result === 0) assert.equal(b.content("to"), b.content("from"));
    else oneOf(result, -EOPNOTSUPP, -ENOSYS, -EXDEV, -EINVAL, -25);
  }],
  ["sync flushes files and folders", (b) => {
    b.file("file", "x");
    assert.equal(b.os.sync(b.open("file", OpenMode.write)), 0);
    assert.equal(b.os.sync(b.root), 0);
    assert.equal(b.os.sync(-1), -EBADF);
  }],
  ["syncBeside flushes as sync does, many at a time", async (b) => {
    const files = Array.from({ length: 40 }, (_, i) => {
      b.file(`file${i}`, "x");
      return b.open(`file${i}`, OpenMode.write);
    });
    assert.deepEqual(await Promise.all([...files, b.root].map((file) => b.os.syncBeside(file))), Array(41).fill(0));
    assert.equal(await b.os.syncBeside(-1), -EBADF);
  }],
  ["syncAll flushes all of a file system by any handle of it, where that can be done", async (b) => {
    b.file("file", "x");
    const results = await Promise.all([b.os.syncAll(b.root), b.os.syncAll(b.open("file")), b.os.syncAll(-1)]);
    if (b.os.abilities.syncsAll) assert.deepEqual(results, [0, 0, -EBADF]);
    else results.forEach((result) => oneOf(result, 0, -EBADF, -ENOSYS));
  }],
  ["startSync hastens what is written, and is never an error for an open file", (b) => {
    b.file("file", "x");
    assert.equal(b.os.startSync(b.open("file", OpenMode.write)), 0);
    assert.equal(b.os.startSync(-1), -EBADF);
    assert(b.os.unwrittenBytes() >= -1);
    assert(b.os.openLimit() >= 20);
  }],

  // Names in folders.
  ["makeFolder, makeLink and makeSpecial never replace what is there", (b) => {
    b.folder("folder");
    b.file("file");
    b.link("dangling", "absent");
    for (const name of ["folder", "file", "dangling"].map(utf8)) {
      assert.equal(b.os.makeFolder(b.root, name, 0o755), -EEXIST);
      assert.equal(b.os.makeLink(b.root, name, utf8("x")), -EEXIST);
      if (b.os.abilities.specials) assert.equal(b.os.makeSpecial(b.root, name, Kind.fifo, 0o600, 0, 0), -EEXIST);
    }
    assert.equal(b.os.makeLink(b.root, utf8("empty"), new Uint8Array(0)), -ENOENT);
    assert.equal(b.os.makeLink(b.root, utf8("nul"), utf8("a\0b")), -EINVAL);
    assert.equal(b.os.makeFolder(b.root, utf8("mode"), 0o710), 0);
    assert.equal(b.stat("mode").mode, 0o710);
  }],
  ["makeSpecial makes FIFOs, sockets and devices, and nothing else", (b) => {
    const make = (name: string, kind: number, major = 0, minor = 0) =>
      b.os.makeSpecial(b.root, utf8(name), kind, 0o640, major, minor);
    if (!b.os.abilities.specials) {
      for (const kind of [Kind.fifo, Kind.socket, Kind.charDevice]) oneOf(make("x", kind), -EOPNOTSUPP, -ENOSYS);
      return assert.deepEqual(b.names(), []);
    }
    assert.deepEqual([make("fifo", Kind.fifo), make("socket", Kind.socket)], [0, 0]);
    assert.deepEqual([b.stat("fifo").kind, b.stat("socket").kind], [Kind.fifo, Kind.socket]);
    assert.equal(b.stat("fifo").mode, 0o640);
    const devices: [string, number, number, number][] = [
      ["null", Kind.charDevice, 1, 3],
      ["big", Kind.blockDevice, 4095, 0xf_ffff],
      ["mid", Kind.charDevice, 259, 300],
    ];
    for (const [name, kind, major, minor] of devices) {
      assert.equal(make(name, kind, major, minor), b.privileged ? 0 : -EPERM);
      if (!b.privileged) continue;
      const stat = b.stat(name);
      assert.deepEqual([stat.kind, stat.rdevMajor, stat.rdevMinor], [kind, major, minor]);
    }
    for (const kind of [Kind.file, Kind.folder, Kind.link, Kind.unknown, 15]) assert.equal(make("no", kind), -EINVAL);
    assert.equal(make("no", Kind.charDevice, 4096, 0), -EINVAL);
    assert.equal(make("no", Kind.charDevice, 0, 0x10_0000), -EINVAL);
    assert.equal(b.statResult("no"), -ENOENT);
  }],
  ["openFile of a FIFO does not wait for its other end", (b) => {
    if (!b.os.abilities.specials) {
      return assert.notEqual(b.os.makeSpecial(b.root, utf8("f"), Kind.fifo, 0o600, 0, 0), 0);
    }
    assert.equal(b.os.makeSpecial(b.root, utf8("fifo"), Kind.fifo, 0o600, 0, 0), 0);
    const handle = b.open("fifo");
    const stat = new Stat();
    assert.equal(b.os.statHandle(handle, stat), 0);
    assert.equal(stat.kind, Kind.fifo);
  }],
  ["rename replaces files and links, moves between folders and keeps the entry", (b) => {
    const folder = b.folder("folder");
    b.file("a", "a");
    b.file("b", "bb");
    b.link("link", "a");
    const before = b.stat("a");
    assert.equal(b.os.rename(b.root, utf8("a"), folder, utf8("moved")), 0);
    assert.equal(b.statResult("a"), -ENOENT);
    assert.deepEqual([b.stat("moved", folder).inoLow, b.content("moved", folder)], [before.inoLow, "a"]);
    assert.equal(b.os.rename(b.root, utf8("b"), folder, utf8("moved")), 0);
    assert.equal(b.content("moved", folder), "bb");
    assert.equal(b.os.rename(folder, utf8("moved"), b.root, utf8("link")), 0);
    assert.deepEqual([b.stat("link").kind, b.content("link")], [Kind.file, "bb"]);
    assert.equal(b.os.rename(b.root, utf8("link"), b.root, utf8("link")), 0);
    assert.equal(b.content("link"), "bb");
  }],
  ["rename moves folders with all that is in them, over empty folders only", (b) => {
    const full = b.folder("full");
    b.file("child", "1", full);
    b.folder("empty");
    b.file("file");
    const outer = b.folder("outer");
    assert.equal(b.os.rename(b.root, utf8("outer"), b.root, utf8("file")), -ENOTDIR);
    assert.equal(b.os.rename(b.root, utf8("file"), b.root, utf8("outer")), -EISDIR);
    oneOf(b.os.rename(b.root, utf8("outer"), b.root, utf8("full")), -ENOTEMPTY, -EEXIST);
    assert.equal(b.os.rename(b.root, utf8("full"), full, utf8("inside")), -EINVAL);
    assert.equal(b.os.rename(b.root, utf8("full"), b.root, utf8("empty")), 0);
    assert.equal(b.os.rename(b.root, utf8("empty"), outer, utf8("in")), 0);
    assert.equal(b.content("child", b.keep(b.os.openBeneath(b.root, utf8("outer/in")))), "1");
    assert.equal(b.os.rename(b.root, utf8("absent"), b.root, utf8("x")), -ENOENT);
  }],
  ["renameNew never replaces", (b) => {
    const folder = b.folder("folder");
    b.folder("empty");
    b.file("a", "a");
    b.file("b", "b");
    b.link("dangling", "absent");
    for (const name of ["b", "empty", "dangling"]) {
      assert.equal(b.os.renameNew(b.root, utf8("a"), b.root, utf8(name)), -EEXIST);
      assert.equal(b.os.renameNew(b.root, utf8("folder"), b.root, utf8(name)), -EEXIST);
    }
    assert.equal(b.os.renameNew(b.root, utf8("a"), folder, utf8("new")), 0);
    assert.equal(b.content("new", folder), "a");
    assert.equal(b.os.renameNew(b.root, utf8("folder"), b.root, utf8("moved")), 0);
    assert.equal(b.os.renameNew(b.root, utf8("dangling"), b.root, utf8("dangling2")), 0);
    assert.deepEqual(b.names(), ["b", "dangling2", "empty", "moved"]);
    assert.equal(b.os.renameNew(b.root, utf8("absent"), b.root, utf8("x")), -ENOENT);
  }],
  ["exchange swaps entries of any kinds, or says that it cannot", (b) => {
    const folder = b.folder("folder");
    b.file("child", "1", folder);
    b.file("file", "f");
    b.link("link", "target");
    const result = b.os.exchange(b.root, utf8("folder"), b.root, utf8("file"));
    if (!b.exchanges) {
      oneOf(result, -ENOSYS, -EINVAL);
      return assert.equal(b.content("file"), "f");
    }
    assert.equal(result, 0);
    assert.equal(b.content("folder"), "f");
    assert.equal(b.content("child", b.keep(b.os.openFolder(b.root, utf8("file")))), "1");
    assert.equal(b.os.exchange(b.root, utf8("link"), folder, utf8("child")), 0);
    assert.deepEqual([b.content("link"), b.stat("child", folder).kind], ["1", Kind.link]);
    assert.equal(b.os.exchange(b.root, utf8("link"), b.root, utf8("absent")), -ENOENT);
    assert.equal(b.os.exchange(b.root, utf8("file"), folder, utf8("child")), -EINVAL);
  }],
  ["unlink and removeFolder remove their own kind and follow nothing", (b) => {
    const folder = b.folder("folder");
    b.file("child", "1", folder);
    b.link("link", "folder");
    b.file("file");
    oneOf(b.os.unlink(b.root, utf8("folder")), -EISDIR, -EPERM);
    assert.equal(b.os.removeFolder(b.root, utf8("file")), -ENOTDIR);
    assert.equal(b.os.removeFolder(b.root, utf8("link")), -ENOTDIR);
    oneOf(b.os.removeFolder(b.root, utf8("folder")), -ENOTEMPTY, -EEXIST);
    assert.equal(b.os.unlink(b.root, utf8("link")), 0);
    assert.equal(b.content("child", folder), "1");
    assert.equal(b.os.unlink(folder, utf8("child")), 0);
    assert.equal(b.os.removeFolder(b.root, utf8("folder")), 0);
    assert.equal(b.os.unlink(b.root, utf8("folder")), -ENOENT);
    assert.equal(b.os.removeFolder(b.root, utf8("folder")), -ENOENT);
    assert.deepEqual(b.names(), ["file"]);
  }],
  ["unlink leaves an open file readable", (b) => {
    b.file("file", "still");
    const handle = b.open("file");
    assert.equal(b.os.unlink(b.root, utf8("file")), 0);
    const into = new Uint8Array(10);
    assert.equal(b.os.read(handle, into), 5);
    const stat = new Stat();
    assert.equal(b.os.statHandle(handle, stat), 0);
    assert.equal(stat.nlink, 0);
  }],

  // Metadata.
  ["pin holds an entry of any kind and opens nothing", (b) => {
    b.folder("folder");
    b.file("file", "1");
    b.link("dangling", "absent");
    const kinds = ["folder", "file", "dangling"].map((name) => {
      const stat = new Stat();
      assert.equal(b.os.statHandle(b.keep(b.os.pin(b.root, utf8(name))), stat), 0);
      return stat.kind;
    });
    assert.deepEqual(kinds, [Kind.folder, Kind.file, Kind.link]);
    assert.equal(b.os.pin(b.root, utf8("absent")), -ENOENT);
    const pin = b.keep(b.os.pin(b.root, utf8("file")));
    assert.equal(b.os.read(pin, new Uint8Array(1)), -EBADF);
    assert.equal(b.os.writeAll(pin, utf8("x")), -EBADF);
  }],
  ["setMode works on open and pinned entries, set-id and sticky bits included, and refuses links", (b) => {
    const folder = b.folder("folder");
    b.file("file");
    b.link("link", "file");
    const pinned = (name: string) => b.keep(b.os.pin(b.root, utf8(name)));
    for (const mode of [0o7777, 0o4711, 0o1000, 0o000, 0o644]) {
      assert.equal(b.os.setMode(pinned("file"), mode), 0);
      assert.equal(b.stat("file").mode, mode);
    }
    assert.equal(b.os.setMode(b.open("file", OpenMode.write), 0o600), 0);
    assert.equal(b.stat("file").mode, 0o600);
    assert.equal(b.os.setMode(folder, 0o3555), 0);
    assert.equal(b.stat("folder").mode, 0o3555);
    assert.equal(b.os.setMode(pinned("folder"), 0o755), 0);
    assert.equal(b.stat("folder").mode, 0o755);
    assert.equal(b.os.setMode(pinned("link"), 0o600), -EOPNOTSUPP);
    assert.equal(b.stat("file").mode, 0o600);
    assert.equal(b.os.setMode(-1, 0o600), -EBADF);
  }],
  ["setTimes keeps times before 1970 and after 2038 on every kind", (b) => {
    const folder = b.folder("folder");
    b.file("file");
    b.link("link", "file");
    const times: [number, number][] = [
      [0, 0],
      [-1, 999_999_999],
      [-1_000_000_000, 1],
      [1_700_000_000, 123_456_789],
      [2 ** 31, 5],
      [2 ** 32 + 7, 999_999_998],
      [2 ** 33, 500_000_000],
    ];
    const handles = ["file", "folder", "link"].map((name) => [name, b.keep(b.os.pin(b.root, utf8(name)))] as const);
    handles.push(["folder", folder], ["file", b.open("file", OpenMode.write)]);
    const exact = b.os.abilities.nanoseconds;
    for (const [sec, ns] of times) {
      for (const [name, handle] of handles) {
        const result = b.os.setTimes(handle, sec, ns);
        if (sec < 0 && !exact) {
          assert.equal(result, -EINVAL);
          continue;
        }
        assert.equal(result, 0);
        const stat = b.stat(name);
        const wanted = exact ? ns : Math.floor(ns / 1e6) * 1e6;
        assert.deepEqual([stat.mtimeSec, stat.mtimeNs], [sec, wanted], name);
      }
    }
  }],
  ["setAccessTime sets one time and setTimes the other, on every kind", (b) => {
    const folder = b.folder("folder");
    b.file("file");
    b.link("link", "file");
    const handles = ["file", "folder", "link"].map((name) => [name, b.keep(b.os.pin(b.root, utf8(name)))] as const);
    handles.push(["folder", folder], ["file", b.open("file", OpenMode.write)]);
    for (const [name, handle] of handles) {
      assert.equal(b.os.setTimes(handle, 1_000_000, 5_000_000), 0, name);
      assert.equal(b.os.setAccessTime(handle, 2_000_000, 7_000_000), 0, name);
      const { mtimeSec, mtimeNs, atimeSec, atimeNs } = b.stat(name);
      assert.deepEqual([mtimeSec, mtimeNs, atimeSec, atimeNs], [1_000_000, 5_000_000, 2_000_000, 7_000_000], name);
      assert.equal(b.os.setTimes(handle, 3, 0), 0);
      assert.equal(b.stat(name).atimeSec, 2_000_000, name);
    }
    assert.equal(b.os.setAccessTime(folder, 0, 1e9), -EINVAL);
    assert.equal(b.os.setAccessTime(-1, 0, 0), -EBADF);
  }],
  ["readQuietly: files can be read as before", (b) => {
    b.file("file", "content");
    assert.equal(b.os.readQuietly(), 0);
    assert.equal(b.os.read(b.open("file", OpenMode.read), new Uint8Array(10)), 7);
  }],
  ["setTimes refuses nanoseconds that mean something else to the kernel", (b) => {
    b.file("file");
    const handle = b.open("file", OpenMode.write);
    for (const ns of [-1, 1e9, 0x3fffffff, 0x3ffffffe, NaN]) assert.equal(b.os.setTimes(handle, 0, ns), -EINVAL);
    for (const sec of [NaN, Infinity, 0.5, 2 ** 60]) assert.equal(b.os.setTimes(handle, sec, 0), -EINVAL);
    assert.equal(b.os.setTimes(-1, 0, 0), -EBADF);
  }],
  ["setOwner changes what is named and leaves the rest", (b) => {
    const folder = b.folder("folder");
    b.file("file");
    b.link("link", "file");
    const pin = (name: string) => b.keep(b.os.pin(b.root, utf8(name)));
    if (!b.os.abilities.owners) return oneOf(b.os.setOwner(pin("file"), 1, 1), -EOPNOTSUPP, -ENOSYS);
    const before = b.stat("file");
    assert.equal(b.os.setOwner(pin("file"), -1, -1), 0);
    assert.deepEqual([b.stat("file").uid, b.stat("file").gid], [before.uid, before.gid]);
    for (const bad of [-2, 0xffff_ffff, 2 ** 32, 1.5, NaN]) {
      assert.equal(b.os.setOwner(pin("file"), bad, -1), -EINVAL);
      assert.equal(b.os.setOwner(pin("file"), -1, bad), -EINVAL);
    }
    const allowed = b.privileged ? 0 : -EPERM;
    assert.equal(b.os.setOwner(pin("file"), 12_345, -1), allowed);
    assert.equal(b.os.setOwner(b.open("file"), -1, 54_321), allowed);
    assert.equal(b.os.setOwner(pin("link"), 4_000_000_000, 7), allowed);
    assert.equal(b.os.setOwner(folder, 8, 9), allowed);
    if (!b.privileged) return;
    const owners = ["file", "link", "folder"].map((name) => [b.stat(name).uid, b.stat(name).gid]);
    assert.deepEqual(owners, [[12_345, 54_321], [4_000_000_000, 7], [8, 9]]);
  }],
  ["setOwner takes set-id bits off a file, so owner comes before mode", (b) => {
    b.file("file");
    const handle = b.open("file", OpenMode.write);
    assert.equal(b.os.setMode(handle, 0o6755), 0);
    if (!b.os.abilities.owners || !b.privileged) return assert.ok(b.os.setOwner(handle, 1, 1) < 0);
    assert.equal(b.os.setOwner(handle, 1, 1), 0);
    assert.equal(b.stat("file").mode, 0o755);
  }],
  ["setTimes and setMode reach a held file that was renamed, and not its successor", (b) => {
    b.file("file", "old");
    const pin = b.keep(b.os.pin(b.root, utf8("file")));
    assert.equal(b.os.rename(b.root, utf8("file"), b.root, utf8("moved")), 0);
    b.link("file", "canary");
    b.file("canary");
    const before = b.stat("canary");
    const results = [b.os.setTimes(pin, 5, 0), b.os.setMode(pin, 0o600)];
    assert.deepEqual(b.stat("canary"), before);
    assert.deepEqual(results, [0, 0]);
    assert.deepEqual([b.stat("moved").mtimeSec, b.stat("moved").mode], [5, 0o600]);
  }],
  ["adding and removing names moves the folder's time, writing moves the file's", (b) => {
    const folder = b.folder("folder");
    b.file("file", "1");
    const file = b.open("file", OpenMode.write);
    for (const handle of [folder, file]) assert.equal(b.os.setTimes(handle, 1000, 0), 0);
    assert.equal(b.stat("folder").mtimeSec, 1000);
    b.file("child", "", folder);
    assert.ok(b.stat("folder").mtimeSec > 1000);
    assert.equal(b.os.setTimes(folder, 1000, 0), 0);
    assert.equal(b.os.unlink(folder, utf8("child")), 0);
    assert.ok(b.stat("folder").mtimeSec > 1000);
    assert.equal(b.os.writeAllAt(file, utf8("2"), 0), 0);
    assert.ok(b.stat("file").mtimeSec > 1000);
  }],

  // Names of one inode.
  ["hardLink gives an entry another name, a link itself and not what it leads to", (b) => {
    b.file("file", "content");
    b.link("link", "file");
    const folder = b.folder("folder");
    const linked = b.os.hardLink(b.root, utf8("file"), folder, utf8("other"));
    if (!b.os.abilities.hardLinks) return oneOf(linked, -EOPNOTSUPP, -ENOSYS);
    assert.equal(linked, 0);
    assert.deepEqual([b.stat("file").nlink, b.stat("other", folder).nlink], [2, 2]);
    assert.equal(b.stat("other", folder).inoLow, b.stat("file").inoLow);
    assert.equal(b.content("other", folder), "content");
    assert.equal(b.os.hardLink(b.root, utf8("link"), b.root, utf8("link2")), 0);
    assert.deepEqual([b.stat("link2").kind, b.stat("file").nlink], [Kind.link, 2]);
    assert.equal(b.os.unlink(b.root, utf8("file")), 0);
    assert.deepEqual([b.content("other", folder), b.stat("other", folder).nlink], ["content", 1]);
  }],
  ["hardLink refuses a name that is taken, a folder, what is not there and what is no name", (b) => {
    if (!b.os.abilities.hardLinks) return;
    b.file("file");
    b.file("taken", "old");
    b.folder("folder");
    const link = (from: string, to: string) => b.os.hardLink(b.root, utf8(from), b.root, utf8(to));
    assert.equal(link("file", "taken"), -Errno.EEXIST);
    assert.equal(link("folder", "new"), -EPERM);
    assert.equal(link("missing", "new"), -ENOENT);
    for (const bad of ["", ".", "..", "a/b", "a\0"]) {
      assert.equal(link(bad, "new"), -EINVAL);
      assert.equal(link("file", bad), -EINVAL);
    }
    assert.equal(b.os.hardLink(-1, utf8("file"), b.root, utf8("new")), -EBADF);
    assert.equal(b.os.hardLink(b.root, utf8("file"), -100, utf8("new")), -EBADF);
    assert.equal(b.content("taken"), "old");
  }],
  ["rename of one name of an inode to another one does nothing", (b) => {
    if (!b.os.abilities.hardLinks) return;
    b.file("file", "1");
    assert.equal(b.os.hardLink(b.root, utf8("file"), b.root, utf8("other")), 0);
    assert.equal(b.os.rename(b.root, utf8("file"), b.root, utf8("other")), 0);
    assert.deepEqual([b.content("file"), b.content("other")], ["1", "1"]);
  }],

  // Extended attributes.
  ["attributesAt tells without opening whether an entry has any, of a link what it has itself", (b) => {
    b.file("file");
    b.link("link", "file");
    const at = (name: string) => b.os.attributesAt(b.root, utf8(name));
    if (!b.os.abilities.attributes) return oneOf(at("file"), -EOPNOTSUPP, -ENOSYS);
    const before = at("file");
    assert.equal(b.os.setAttribute(b.open("file"), utf8("user.a"), utf8("1")), 0);
    assert.equal(at("file"), before + "user.a".length + 1);
    assert.equal(at("link"), before);
    assert.equal(at("absent"), -ENOENT);
    assert.equal(b.os.attributesAt(b.root, utf8("a/b")), -EINVAL);
    assert.equal(b.os.attributesAt(-1, utf8("file")), -EBADF);
  }],
  ["attributes are set, listed, read, replaced and removed, through open and pinned handles alike", (b) => {
    b.file("file");
    const open = b.open("file", OpenMode.write);
    const pin = b.keep(b.os.pin(b.root, utf8("file")));
    const [name, into] = [utf8("user.test"), new Uint8Array(70_000)];
    if (!b.os.abilities.attributes) {
      for (const result of [b.os.listAttributes(pin, into), b.os.getAttribute(open, name, into)]) {
        oneOf(result, -EOPNOTSUPP, -ENOSYS);
      }
      for (const result of [b.os.setAttribute(pin, name, into), b.os.removeAttribute(open, name)]) {
        oneOf(result, -EOPNOTSUPP, -ENOSYS);
      }
      return;
    }
    const read = (handle: number, what = name) => {
      const length = b.os.getAttribute(handle, what, into);
      return length < 0 ? length : latin1(into.subarray(0, length));
    };
    const list = (handle: number) => {
      const length = b.os.listAttributes(handle, into);
      assert.ok(length >= 0);
      return latin1(into.subarray(0, length)).split("\0").filter((word) => word.startsWith("user.")).sort();
    };
    assert.deepEqual([read(open), read(pin)], [-Errno.ENODATA, -Errno.ENODATA]);
    for (const [setter, other] of [[open, pin], [pin, open]]) {
      assert.equal(b.os.setAttribute(setter, name, utf8("one\0\xff")), 0);
      assert.equal(read(other), latin1(utf8("one\0\xff")));
      assert.equal(b.os.setAttribute(setter, name, new Uint8Array(0)), 0);
      assert.equal(read(other), "");
      assert.equal(b.os.setAttribute(setter, utf8("user.two"), utf8("2")), 0);
      assert.deepEqual([list(open), list(pin)], [["user.test", "user.two"], ["user.test", "user.two"]]);
      assert.equal(b.os.removeAttribute(setter, name), 0);
      assert.equal(b.os.removeAttribute(setter, name), -Errno.ENODATA);
      assert.deepEqual(list(other), ["user.two"]);
    }
    assert.equal(b.os.setAttribute(pin, name, utf8("12345")), 0);
    assert.equal(b.os.getAttribute(open, name, new Uint8Array(4)), -Errno.ERANGE);
    assert.equal(b.os.listAttributes(open, new Uint8Array(4)), -Errno.ERANGE);
  }],
  ["attributes of a link are its own, a folder has some, and what is no name or handle is refused", (b) => {
    if (!b.os.abilities.attributes) return;
    b.file("file");
    b.link("link", "file");
    const folder = b.folder("folder");
    const into = new Uint8Array(100);
    const [pin, file] = [b.keep(b.os.pin(b.root, utf8("link"))), b.open("file", OpenMode.write)];
    const oneByte = utf8("1");
    assert.equal(b.os.setAttribute(pin, utf8("user.x"), oneByte), -EPERM);
    const trusted = b.os.setAttribute(pin, utf8("trusted.x"), oneByte);
    assert.equal(trusted, b.privileged ? 0 : -EPERM);
    assert.equal(b.os.getAttribute(file, utf8("trusted.x"), into), -Errno.ENODATA);
    if (b.privileged) assert.equal(b.os.getAttribute(pin, utf8("trusted.x"), into), 1);
    assert.equal(b.os.setAttribute(folder, utf8("user.x"), oneByte), 0);
    for (const bad of ["", "user.\0", "user." + "x".repeat(251)]) {
      assert.equal(b.os.setAttribute(file, utf8(bad), oneByte), -EINVAL);
      assert.equal(b.os.getAttribute(file, utf8(bad), into), -EINVAL);
      assert.equal(b.os.removeAttribute(file, utf8(bad)), -EINVAL);
    }
    assert.equal(b.os.setAttribute(file, utf8("nowhere.x"), oneByte), -EOPNOTSUPP);
    for (const bad of [-1, -100]) {
      assert.equal(b.os.setAttribute(bad, utf8("user.x"), oneByte), -EBADF);
      assert.equal(b.os.listAttributes(bad, into), -EBADF);
    }
  }],
  ["attributes reach a held entry that was renamed, and not its successor", (b) => {
    if (!b.os.abilities.attributes) return;
    b.file("file");
    const pin = b.keep(b.os.pin(b.root, utf8("file")));
    assert.equal(b.os.rename(b.root, utf8("file"), b.root, utf8("moved")), 0);
    b.file("file");
    assert.equal(b.os.setAttribute(pin, utf8("user.x"), utf8("1")), 0);
    assert.equal(b.os.getAttribute(b.open("file"), utf8("user.x"), new Uint8Array(9)), -Errno.ENODATA);
    assert.equal(b.os.getAttribute(b.open("moved"), utf8("user.x"), new Uint8Array(9)), 1);
  }],

  // Locks and handles.
  ["lockShared and lockExclusive keep each other out until unlocked or closed", (b) => {
    const open = () => b.keep(b.os.openRoot(b.path));
    const [one, two] = [open(), open()];
    if (!b.os.abilities.locks) {
      return oneOf(b.os.lockShared(one), -EOPNOTSUPP, -ENOSYS);
    }
    assert.deepEqual([b.os.lockShared(one), b.os.lockShared(two)], [0, 0]);
    assert.equal(b.os.lockExclusive(two), -EAGAIN);
    // The failed change gave up what `two` held.
    assert.equal(b.os.lockExclusive(one), 0);
    assert.equal(b.os.unlock(one), 0);
    assert.equal(b.os.lockExclusive(two), 0);
    assert.equal(b.os.lockShared(one), -EAGAIN);
    b.close(two);
    assert.equal(b.os.lockExclusive(one), 0);
    assert.equal(b.os.lockShared(one), 0);
    assert.equal(b.os.lockShared(open()), 0);
  }],
  ["a closed handle is refused by every verb", async (b) => {
    b.file("file", "1");
    const [file, folder] = [b.open("file"), b.folder("folder")];
    b.close(file);
    b.close(folder);
    const bytes = new Uint8Array(8);
    const results = {
      close: b.os.close(file),
      read: b.os.read(file, bytes),
      readAt: b.os.readAt(file, bytes, 0),
      writeAll: b.os.writeAll(file, bytes),
      writeAllAt: b.os.writeAllAt(file, bytes, 0),
      truncate: b.os.truncate(file, 0),
      statHandle: b.os.statHandle(file, new Stat()),
      setMode: b.os.setMode(file, 0),
      sync: b.os.sync(file),
      syncBeside: await b.os.syncBeside(file),
      syncAll: b.os.abilities.syncsAll ? await b.os.syncAll(file) : -EBADF,
      startSync: b.os.startSync(file),
      hardLink: b.os.hardLink(folder, utf8("x"), b.root, utf8("y")),
      listAttributes: b.os.listAttributes(file, bytes),
      getAttribute: b.os.getAttribute(file, utf8("user.x"), bytes),
      setAttribute: b.os.setAttribute(file, utf8("user.x"), bytes),
      removeAttribute: b.os.removeAttribute(file, utf8("user.x")),
      openFolder: b.os.openFolder(folder, utf8("x")),
      openBeneath: b.os.openBeneath(folder, utf8("x")),
      openInside: b.insideRefused === undefined ? b.os.openInside(folder, utf8("x"), InsideMode.read) : -EBADF,
      statAt: b.os.statAt(folder, utf8("x"), 0, 1, new Stat()),
      readFolder: b.os.readFolder(folder, new Listing()),
      makeFolder: b.os.makeFolder(folder, utf8("x"), 0o700),
      openFile: b.os.openFile(folder, utf8("x"), OpenMode.create, 0o600),
      unlink: b.os.unlink(folder, utf8("x")),
      pin: b.os.pin(folder, utf8("x")),
    };
    for (const [verb, result] of Object.entries(results)) assert.equal(result, -EBADF, verb);
  }],
];
