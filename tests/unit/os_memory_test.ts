// The in-memory tree: it answers as Linux does, and its faults, limits, users and snapshots do what tests rely on.

import assert from "node:assert/strict";
import { openLinux } from "../../lib/os/linux.ts";
import { Killed, type MemoryOptions, MemoryOs, openMemory } from "../../lib/os/memory.ts";
import { Errno, Kind, Listing, OpenMode, type Os, Stat } from "../../lib/os/os.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const linux = openLinux();

function root(os: Os): number {
  return os.openRoot(utf8("/"));
}

function makeFile(os: Os, folder: number, name: string, content: string): number {
  const handle = os.openFile(folder, utf8(name), OpenMode.create, 0o644);
  if (handle < 0) return handle;
  const result = os.writeAll(handle, utf8(content));
  os.close(handle);
  return result;
}

function names(os: Os, folder: number): string[] {
  const listing = new Listing();
  assert.equal(os.readFolder(folder, listing), 0);
  return Array.from({ length: listing.count }, (_, i) => String.fromCharCode(...listing.name(i)));
}

function stat(os: Os, folder: number, name: string): Stat {
  const found = new Stat();
  const bytes = utf8(name);
  assert.equal(os.statAt(folder, bytes, 0, bytes.length, found), 0);
  return found;
}

// Random scripts of verbs, run on the memory tree and on tmpfs side by side.

class Side {
  readonly handles: number[];
  constructor(readonly os: Os, path: string) {
    this.handles = [os.openRoot(utf8(path))];
    assert.equal(os.setMode(this.handles[0], 0o755), 0);
  }
}

type Step = (side: Side) => number;

/** A random step; what it needs is drawn before, so that both sides get the same. */
function randomStep(draw: (below: number) => number, handles: number): Step {
  const name = () => utf8(["a", "b", "c", "d", "link"][draw(5)]);
  const [h, h2, n, n2] = [draw(handles), draw(handles), name(), name()];
  const size = draw(20_000);
  const offset = draw(3) * 65_536 + draw(100);
  const bytes = new Uint8Array(size).fill(draw(256));
  const mode = [0o600, 0o755, 0o4711, 0o1777][draw(4)];
  const open = (act: (side: Side) => number): Step => (side) => {
    const handle = act(side);
    // A link in the way is ELOOP or ENOTDIR, as the call sees fit.
    if (handle < 0) return handle === -Errno.ELOOP ? -Errno.ENOTDIR : handle;
    side.handles.push(handle);
    return 1;
  };
  const steps: Step[] = [
    open(({ os, handles }) => os.openFolder(handles[h], n)),
    open(({ os, handles }) => os.openBeneath(handles[h], new Uint8Array([...n, 0x2f, ...n2]))),
    open(({ os, handles }) => os.openFile(handles[h], n, OpenMode.create, 0o644)),
    open(({ os, handles }) => os.openFile(handles[h], n, OpenMode.write, 0)),
    open(({ os, handles }) => os.openFile(handles[h], n, OpenMode.read, 0)),
    open(({ os, handles }) => os.pin(handles[h], n)),
    ({ os, handles }) => os.makeFolder(handles[h], n, 0o755),
    ({ os, handles }) => os.makeFolder(handles[h], n, 0o755),
    ({ os, handles }) => os.makeLink(handles[h], n, utf8("a")),
    ({ os, handles }) => os.makeSpecial(handles[h], n, Kind.socket, 0o600, 0, 0),
    ({ os, handles }) => os.rename(handles[h], n, handles[h2], n2),
    ({ os, handles }) => os.rename(handles[0], n, handles[h2], n2),
    ({ os, handles }) => os.renameNew(handles[h], n, handles[h2], n2),
    ({ os, handles }) => os.exchange(handles[h], n, handles[h2], n2),
    ({ os, handles }) => os.unlink(handles[h], n),
    ({ os, handles }) => os.removeFolder(handles[h], n),
    ({ os, handles }) => os.writeAll(handles[h], bytes),
    ({ os, handles }) => os.writeAllAt(handles[h], bytes, offset),
    ({ os, handles }) => os.truncate(handles[h], offset + size),
    ({ os, handles }) => os.punchHole(handles[h], offset, size + 1),
    ({ os, handles }) => os.seekData(handles[h], offset),
    ({ os, handles }) => os.seekHole(handles[h], offset),
    ({ os, handles }) => os.copyRange(handles[h], 0, handles[h2], offset, 10_000),
    ({ os, handles }) => os.setMode(handles[h], mode),
    ({ os, handles }) => os.setTimes(handles[h], size - 10_000, size),
    ({ os, handles }) => os.setOwner(handles[h], -1, -1),
    ({ os, handles }) => os.readLink(handles[h], n, new Uint8Array(4096)),
    ({ os, handles }) => os.lockShared(handles[h]),
    ({ os, handles }) => os.lockExclusive(handles[h]),
    ({ os, handles }) => os.unlock(handles[h]),
    ({ os, handles }) => os.sync(handles[h]),
    ({ os, handles }) => sumOfContent(os, handles[h], os.read.bind(os)),
    ({ os, handles }) => sumOfContent(os, handles[h], (handle, into) => os.readAt(handle, into, offset)),
    ({ os, handles }) => {
      const found = new Stat();
      const result = os.statHandle(handles[h], found);
      return result < 0 ? result : fingerprint(found);
    },
    ({ os, handles }) => {
      const found = new Stat();
      // Read as a folder, a file has its position moved on Linux; nobody does that.
      if (os.statHandle(handles[h], found) < 0 || found.kind !== Kind.folder) return 0;
      const listing = new Listing();
      const result = os.readFolder(handles[h], listing);
      return result < 0 ? result : listing.count;
    },
    (side) => h === 0 ? 0 : closeUnlocked(side, h),
    (side) => h === 0 ? 0 : closeUnlocked(side, h),
  ];
  return steps[draw(steps.length)];
}

/**
 * A process that another test file starts at this moment has a copy of the handle until its exec, and with it the lock: on Linux
 * it is given up by name, so that it ends with the close as it does without such a process.
 */
function closeUnlocked({ os, handles }: Side, h: number): number {
  if (os === linux) os.unlock(handles[h]);
  return os.close(handles.splice(h, 1)[0]);
}

function sumOfContent(os: Os, handle: number, read: (handle: number, into: Uint8Array) => number): number {
  void os;
  const into = new Uint8Array(30_000);
  const count = read(handle, into);
  return count < 0 ? count : into.subarray(0, count).reduce((sum, byte) => (sum * 31 + byte) >>> 1, count);
}

/** What must be equal on both sides: kind, mode, links, and for files the size. Times only where they were set. */
function fingerprint(found: Stat): number {
  const size = found.kind === Kind.file || found.kind === Kind.link ? found.size : 0;
  const nlink = found.kind === Kind.folder ? 0 : found.nlink;
  return found.kind * 1e12 + found.mode * 1e8 + nlink * 1e7 + size;
}

function treeOf(os: Os, folder: number, path = ""): string[] {
  const lines: string[] = [];
  for (const name of names(os, folder).sort()) {
    const found = stat(os, folder, name);
    const time = found.mtimeSec < 20_000 ? `${found.mtimeSec}.${found.mtimeNs}` : "now";
    lines.push(`${path}${name} ${fingerprint(found)} ${found.kind === Kind.folder ? "" : time} ${found.allocated}`);
    if (found.kind !== Kind.folder) continue;
    const child = os.openFolder(folder, utf8(name));
    lines.push(...treeOf(os, child, `${path}${name}/`));
    os.close(child);
  }
  return lines;
}

Deno.test("memory answers random scripts of verbs as Linux on tmpfs does", () => {
  const rounds = Deno.env.get("TSYNC_TEST_LONG") ? 3000 : 150;
  const umask = Deno.umask(0);
  for (let seed = 1; seed <= rounds; seed++) {
    let state = seed;
    const draw = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const folder = Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "os-memory-" });
    const sides = [new Side(linux, folder), new Side(openMemory({ seed }), "/")];
    try {
      for (let i = 0; i < 120; i++) {
        const step = randomStep(draw, sides[0].handles.length);
        const [real, fake] = sides.map(step);
        assert.equal(fake, real, `seed ${seed}, step ${i}: memory ${fake}, Linux ${real}; ${step}`);
      }
      const [real, fake] = sides.map((side) => treeOf(side.os, side.handles[0]));
      assert.deepEqual(fake, real, `seed ${seed}`);
    } finally {
      for (const side of sides) for (const handle of side.handles) side.os.close(handle);
      Deno.removeSync(folder, { recursive: true });
    }
  }
  Deno.umask(umask);
});

Deno.test("fault fails exactly the n-th matching call", () => {
  const os = openMemory();
  const top = root(os);
  os.fault({ verb: "makeFolder", when: 2, errno: Errno.EIO });
  os.fault({ verb: "makeFolder", name: utf8("never"), errno: Errno.EACCES });
  const results = ["a", "b", "c", "never", "never"].map((name) => os.makeFolder(top, utf8(name), 0o755));
  assert.deepEqual(results, [0, -Errno.EIO, 0, -Errno.EACCES, -Errno.EACCES]);
  assert.deepEqual(names(os, top).sort(), ["a", "c"]);
  os.clearFaults();
  assert.equal(os.makeFolder(top, utf8("never"), 0o755), 0);
});

Deno.test("fault by callback sees verb, name and counts", () => {
  const os = openMemory();
  const top = root(os);
  const seen: string[] = [];
  os.fault(({ verb, name, changing, count, changes }) => {
    seen.push(`${verb} ${name && String.fromCharCode(...name)} ${changing} ${count} ${changes}`);
    return verb === "makeLink" ? Errno.EPERM : undefined;
  });
  assert.equal(makeFile(os, top, "f", "x"), 0);
  assert.equal(os.makeLink(top, utf8("l"), utf8("t")), -Errno.EPERM);
  assert.deepEqual(seen, [
    "openFile f true 1 1",
    "writeAll null true 1 2",
    "close null false 1 2",
    "makeLink l true 1 3",
  ]);
});

Deno.test("fault afterBytes leaves a write half done", () => {
  const os = openMemory();
  const top = root(os);
  const handle = os.openFile(top, utf8("f"), OpenMode.create, 0o600);
  os.fault({ verb: "writeAll", errno: Errno.EIO, afterBytes: 3 });
  assert.equal(os.writeAll(handle, utf8("abcdef")), -Errno.EIO);
  assert.equal(stat(os, top, "f").size, 3);
});

Deno.test("kill stops before or after the call, and every verb throws until restart", () => {
  for (const [kill, made] of [["before", []], ["after", ["a"]]] as const) {
    const os = openMemory();
    const top = root(os);
    os.fault({ verb: "changing", when: 1, kill });
    assert.throws(() => os.makeFolder(top, utf8("a"), 0o755), Killed);
    assert.throws(() => os.close(top), Killed);
    assert.throws(() => os.openRoot(utf8("/")), Killed);
    os.restart();
    assert.equal(os.openHandles(), 0);
    assert.deepEqual(names(os, root(os)), [...made]);
  }
});

Deno.test("kill at each changing call enumerates a run", () => {
  const run = (os: MemoryOs) => {
    const top = root(os);
    makeFile(os, top, ".new", "content");
    os.rename(top, utf8(".new"), top, utf8("file"));
    os.makeFolder(top, utf8("dir"), 0o755);
  };
  const clean = openMemory();
  run(clean);
  assert.equal(clean.changes(), 4);
  const states = new Set<string>();
  for (let when = 1; when <= clean.changes(); when++) {
    const os = openMemory();
    os.fault({ verb: "changing", when, kill: "before" });
    assert.throws(() => run(os), Killed);
    os.restart();
    states.add(names(os, root(os)).sort().join());
  }
  assert.deepEqual([...states], ["", ".new", "file"]);
});

Deno.test("totalBytes limits content, counts pages and comes back with unlink and truncate", () => {
  const os = openMemory({ totalBytes: 10 * 4096 });
  const top = root(os);
  assert.equal(makeFile(os, top, "a", "x".repeat(6 * 4096)), 0);
  assert.equal(makeFile(os, top, "b", "x".repeat(6 * 4096)), -Errno.ENOSPC);
  assert.equal(stat(os, top, "b").size, 4 * 4096, "what fitted is there");
  const info = os.fileSystem(top);
  assert.ok(typeof info === "object" && info.freeBytes === 0);
  const held = os.openFile(top, utf8("b"), OpenMode.write, 0);
  assert.equal(os.unlink(top, utf8("b")), 0);
  assert.equal(makeFile(os, top, "c", "x"), -Errno.ENOSPC, "an open file keeps its pages");
  assert.equal(os.truncate(held, 4096), 0);
  assert.equal(makeFile(os, top, "d", "x"), 0);
  assert.equal(os.close(held), 0);
  assert.equal(makeFile(os, top, "e", "x".repeat(2 * 4096)), 0);
});

Deno.test("inodes limits entries of every kind", () => {
  const os = openMemory({ inodes: 2 });
  const top = root(os);
  assert.equal(os.makeFolder(top, utf8("a"), 0o755), 0);
  assert.equal(os.makeLink(top, utf8("b"), utf8("a")), 0);
  assert.equal(makeFile(os, top, "c", ""), -Errno.ENOSPC);
  assert.equal(os.unlink(top, utf8("b")), 0);
  assert.equal(makeFile(os, top, "c", ""), 0);
});

Deno.test("a hole of 4 GiB costs nothing", () => {
  const os = openMemory({ totalBytes: 1 << 20 });
  const top = root(os);
  const handle = os.openFile(top, utf8("f"), OpenMode.create, 0o600);
  assert.equal(os.truncate(handle, 2 ** 32), 0);
  assert.equal(os.writeAllAt(handle, utf8("end"), 2 ** 32 - 3), 0);
  assert.deepEqual([stat(os, top, "f").size, stat(os, top, "f").allocated], [2 ** 32, 4096]);
  assert.equal(os.seekData(handle, 0), 2 ** 32 - 4096);
});

Deno.test("seekHole generic says all is data, refused says EINVAL", () => {
  for (const [seekHole, wanted] of [["generic", [0, 8192]], ["refused", [-Errno.EINVAL, -Errno.EINVAL]]] as const) {
    const os = openMemory({ seekHole });
    const handle = os.openFile(root(os), utf8("f"), OpenMode.create, 0o600);
    os.truncate(handle, 8192);
    assert.deepEqual([os.seekData(handle, 0), os.seekHole(handle, 0)], wanted);
  }
});

Deno.test("uid other than 0 meets the permissions it has", () => {
  const build = openMemory();
  const top = root(build);
  build.makeFolder(top, utf8("closed"), 0o700);
  build.makeFolder(top, utf8("listed"), 0o744);
  makeFile(build, build.openFolder(top, utf8("listed")), "f", "x");
  makeFile(build, top, "secret", "x");
  build.setMode(build.pin(top, utf8("secret")), 0o600);
  const os = openMemory({ uid: 1000, gid: 1000 });
  os.restore(build.snapshot());
  const mine = root(os);
  assert.equal(os.openFolder(mine, utf8("closed")), -Errno.EACCES);
  const listed = os.openFolder(mine, utf8("listed"));
  assert.deepEqual(names(os, listed), ["f"]);
  assert.equal(os.statAt(listed, utf8("f"), 0, 1, new Stat()), -Errno.EACCES);
  assert.equal(os.openFile(mine, utf8("secret"), OpenMode.read, 0), -Errno.EACCES);
  assert.equal(makeFile(os, mine, "new", ""), -Errno.EACCES);
  assert.equal(os.setMode(os.pin(mine, utf8("secret")), 0o644), -Errno.EPERM);
  assert.equal(os.setOwner(os.pin(mine, utf8("secret")), 1000, -1), -Errno.EPERM);
});

Deno.test("caseFolding makes names that differ in case or composition one name", () => {
  const os = openMemory({ caseFolding: true });
  const top = root(os);
  assert.equal(makeFile(os, top, "ReadMe", "1"), 0);
  assert.equal(makeFile(os, top, "README", "2"), -Errno.EEXIST);
  assert.equal(makeFile(os, top, "e\u0301", ""), 0);
  assert.equal(makeFile(os, top, "\u00c9", ""), -Errno.EEXIST);
  assert.equal(os.rename(top, utf8("readme"), top, utf8("README")), 0);
  assert.deepEqual(names(os, top).filter((name) => name.length > 3), ["README"]);
});

Deno.test("snapshot and restore give back the tree of the moment, again and again", () => {
  const os = openMemory();
  const top = root(os);
  makeFile(os, top, "f", "old");
  const before = os.snapshot();
  const handle = os.openFile(top, utf8("f"), OpenMode.write, 0);
  os.writeAll(handle, utf8("new"));
  os.makeFolder(top, utf8("dir"), 0o755);
  for (let round = 0; round < 2; round++) {
    os.restore(before);
    assert.equal(os.openHandles(), 0);
    const again = root(os);
    assert.deepEqual(names(os, again), ["f"]);
    const into = new Uint8Array(3);
    const file = os.openFile(again, utf8("f"), OpenMode.write, 0);
    os.read(file, into);
    assert.deepEqual(into, utf8("old"));
    os.writeAllAt(file, utf8("xxx"), 0);
  }
});

Deno.test("seed decides the order of listings, and the same seed repeats it", () => {
  const order = (options: MemoryOptions) => {
    const os = openMemory(options);
    const top = root(os);
    for (let i = 0; i < 20; i++) os.makeFolder(top, utf8(`n${i}`), 0o755);
    return names(os, top).join();
  };
  assert.equal(order({ seed: 1 }), order({ seed: 1 }));
  assert.notEqual(order({ seed: 1 }), order({ seed: 2 }));
});

Deno.test("the clock moves at every change and by advance, never by looking", () => {
  const os = openMemory({ startSec: 1000 });
  const top = root(os);
  makeFile(os, top, "a", "x");
  const first = stat(os, top, "a");
  names(os, top);
  makeFile(os, top, "b", "x");
  const second = stat(os, top, "b");
  assert.equal(first.mtimeSec, 1000);
  assert.ok(second.mtimeNs > first.mtimeNs);
  os.advance(60);
  makeFile(os, top, "c", "x");
  assert.equal(stat(os, top, "c").mtimeSec, 1060);
});

Deno.test("readBytes shortens reads", () => {
  const os = openMemory({ readBytes: 2 });
  const top = root(os);
  makeFile(os, top, "f", "abc");
  const handle = os.openFile(top, utf8("f"), OpenMode.read, 0);
  const into = new Uint8Array(10);
  assert.deepEqual([os.read(handle, into), os.read(handle, into), os.read(handle, into)], [2, 1, 0]);
});
