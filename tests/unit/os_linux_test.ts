// What the contract cannot see of the Linux layer: which system calls it makes, and what it does with malformed bytes.

import assert from "node:assert/strict";
import { StatxBuffer, takeDirents, TimesBuffer } from "../../lib/os/linux_structs.ts";
import { isName, putName, putPath, splitPath } from "../../lib/os/names.ts";
import { Errno, Kind, Listing, Stat } from "../../lib/os/os.ts";
import { dirent } from "../support/dirents.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

/** The system calls that take a name, of tests/support/os_verbs.ts between its two markers. */
async function tracedCalls(): Promise<string[]> {
  const folder = Deno.makeTempDirSync({ prefix: "os-trace-" });
  try {
    const trace = `${folder}/trace`;
    Deno.mkdirSync(`${folder}/root`);
    const script = new URL("../support/os_verbs.ts", import.meta.url).pathname;
    const { success, stderr } = await new Deno.Command("strace", {
      args: [
        "-f",
        "-s",
        "80",
        "-e",
        "trace=%file",
        "-o",
        trace,
        Deno.execPath(),
        "run",
        "-A",
        script,
        `${folder}/root`,
      ],
      stdout: "null",
      stderr: "piped",
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const lines = Deno.readTextFileSync(trace).split("\n");
    const begin = lines.findIndex((line) => line.includes(`"/marker-begin"`));
    const end = lines.findIndex((line) => line.includes(`"/marker-end"`));
    assert.ok(begin >= 0 && end > begin, "the markers are not in the trace");
    const [thread] = lines[begin].split(" ");
    const own = lines.slice(begin + 1, end).filter((line) => line.startsWith(`${thread} `));
    // The runtime may look how fast the processor's clock goes.
    const ours = own.filter((line) => !line.includes('"/sys/devices/system/cpu/'));
    return ours.map((line) => line.replace(/^\d+ +/, "")).filter((line) => !/^(<\.\.\.|---|\+\+\+)/.test(line));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("linux calls below a root name one component from a held folder, follow nothing and inherit nothing", async () => {
  const calls = await tracedCalls();
  for (const call of calls) {
    const name = call.slice(0, call.indexOf("("));
    assert.ok(!call.includes("AT_FDCWD"), call);
    // A link's target is data; every other text is a component, or empty for the descriptor itself.
    const texts = [...call.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1]);
    const names = name === "symlinkat" ? texts.slice(1) : name === "readlinkat" ? texts.slice(0, 1) : texts;
    for (const text of names) assert.ok(!text.includes("/") && text !== "..", call);
    if (name.startsWith("openat")) assert.match(call, /O_CLOEXEC/, call);
    if (name === "openat") assert.match(call, /O_NOFOLLOW/, call);
    if (name === "statx") assert.match(call, /AT_NO_AUTOMOUNT/, call);
    if (name === "statx") assert.match(call, /AT_SYMLINK_NOFOLLOW|AT_EMPTY_PATH/, call);
    if (name === "openat2") assert.match(call, /RESOLVE_NO_MAGICLINKS\|(RESOLVE_NO_SYMLINKS\|)?RESOLVE_BENEATH/, call);
  }
  const counts: Record<string, number> = {};
  for (const call of calls) {
    counts[call.slice(0, call.indexOf("("))] = (counts[call.slice(0, call.indexOf("("))] ?? 0) + 1;
  }
  // One call per verb: nothing is looked up twice.
  assert.deepEqual(counts, {
    mkdirat: 1,
    openat: 6,
    openat2: 2,
    symlinkat: 1,
    readlinkat: 1,
    mknodat: 1,
    linkat: 1,
    statx: 2,
    utimensat: 4,
    fchownat: 1,
    renameat: 1,
    renameat2: 2,
    unlinkat: 6,
  });
});

function take(...records: Uint8Array[]): { result: number; names: string[] } {
  const bytes = new Uint8Array(4096).fill(0x41);
  let filled = 0;
  for (const record of records) {
    bytes.set(record, filled);
    filled += record.length;
  }
  const listing = new Listing();
  const result = takeDirents(bytes, filled, listing);
  const names = Array.from({ length: listing.count }, (_, i) => String.fromCharCode(...listing.name(i)));
  return { result, names };
}

Deno.test("takeDirents leaves out the dots and keeps raw names and kinds", () => {
  const raw = new Uint8Array([0xff, 0xfe]);
  const listing = new Listing();
  const records = [
    dirent(utf8("."), 4),
    dirent(utf8(".."), 4),
    dirent(utf8("..."), 8),
    dirent(raw, 10),
    dirent(utf8("w"), 14),
  ];
  const bytes = new Uint8Array(records.reduce((size, record) => size + record.length, 0));
  records.reduce((at, record) => (bytes.set(record, at), at + record.length), 0);
  assert.equal(takeDirents(bytes, bytes.length, listing), 0);
  assert.deepEqual([...listing.kind.subarray(0, listing.count)], [Kind.file, Kind.link, Kind.unknown]);
  assert.deepEqual(listing.name(1), raw);
});

Deno.test("takeDirents answers EIO for records that do not fit together, and reads nothing beyond them", () => {
  const good = dirent(utf8("good"), 8);
  const broken: Record<string, Uint8Array> = {
    "a length of zero": dirent(utf8("x"), 8).fill(0, 16, 18),
    "a length that ends before the name": new Uint8Array(24).fill(19, 16, 17),
    "no end of the name": dirent(new Uint8Array(13).fill(0x61), 8, 32),
    "an empty name": dirent(new Uint8Array(0), 8),
    "a slash in the name": dirent(utf8("a/b"), 8),
  };
  for (const [what, record] of Object.entries(broken)) {
    assert.deepEqual(take(good, record), { result: -Errno.EIO, names: ["good"] }, what);
  }
  const long = dirent(utf8("x"), 8);
  long[16] = 255;
  assert.equal(take(long).result, -Errno.EIO, "a length beyond what was filled");
  assert.equal(takeDirents(new Uint8Array(8), 100, new Listing()), -Errno.EIO, "more filled than there is");
  assert.equal(takeDirents(good.subarray(0, 18), 18, new Listing()), -Errno.EIO, "a cut header");
});

Deno.test("takeDirents reports a name that a listing cannot hold instead of cutting it", () => {
  assert.deepEqual(take(dirent(new Uint8Array(255).fill(0x61), 8)).names, ["a".repeat(255)]);
  assert.equal(take(dirent(new Uint8Array(256).fill(0x61), 8)).result, -Errno.ENAMETOOLONG);
});

Deno.test("takeDirents survives random bytes with an errno or plain names", () => {
  let state = 12345;
  const random = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 16;
  for (let round = 0; round < 20_000; round++) {
    const bytes = Uint8Array.from({ length: random() % 120 }, () => random() % 3 === 0 ? random() % 40 : random());
    const listing = new Listing();
    const result = takeDirents(bytes, bytes.length, listing);
    assert.ok(result === 0 || result === -Errno.EIO || result === -Errno.ENAMETOOLONG);
    for (let i = 0; i < listing.count; i++) assert.ok(isName(listing.name(i)));
  }
});

Deno.test("StatxBuffer reads 64-bit sizes and times on both sides of 1970", () => {
  const buffer = new StatxBuffer();
  const view = new DataView(buffer.bytes.buffer);
  view.setUint16(28, (Kind.file << 12) | 0o4755, true);
  view.setBigUint64(40, 2n ** 53n - 1n, true);
  view.setBigUint64(48, 2n ** 33n, true);
  view.setBigInt64(112, -1n, true);
  view.setUint32(120, 999_999_999, true);
  view.setBigInt64(96, 2n ** 33n, true);
  view.setBigUint64(32, 0xffff_ffff_0000_0001n, true);
  const stat = new Stat();
  buffer.into(stat);
  assert.deepEqual([stat.kind, stat.mode], [Kind.file, 0o4755]);
  assert.deepEqual([stat.size, stat.allocated], [Number.MAX_SAFE_INTEGER, 2 ** 42]);
  assert.deepEqual([stat.mtimeSec, stat.mtimeNs, stat.ctimeSec], [-1, 999_999_999, 2 ** 33]);
  assert.deepEqual([stat.inoLow, stat.inoHigh], [1, 0xffff_ffff]);
});

Deno.test("TimesBuffer writes seconds of either sign and refuses the kernel's special nanoseconds", () => {
  const times = new TimesBuffer();
  const view = new DataView(times.bytes.buffer);
  for (const seconds of [0, -1, -(2 ** 40), 2 ** 40 + 3]) {
    assert.ok(times.setModification(seconds, 7));
    assert.equal(view.getBigInt64(16, true), BigInt(seconds));
    assert.equal(view.getBigInt64(24, true), 7n);
    assert.equal(view.getBigInt64(8, true), 0x3ffffffen, "the access time is left");
  }
  for (const ns of [0x3ffffffe, 0x3fffffff, 1e9, -1, NaN]) assert.equal(times.setModification(0, ns), false);
});

Deno.test("putName, isName and splitPath agree on what a component is", () => {
  const into = new Uint8Array(256);
  const names = ["a", "...", ".a", "a.", "-", " ", "\n", "\u{1f600}", "n".repeat(255)];
  const bad = ["", ".", "..", "/", "a/", "/a", "a/b", "\0", "a\0", "n".repeat(256)];
  for (const name of names.map(utf8)) {
    assert.ok(putName(into, name, 0, name.length) && isName(name));
    assert.deepEqual(splitPath(name), [name]);
    assert.deepEqual(into.slice(0, name.length + 1), new Uint8Array([...name, 0]));
  }
  for (const name of bad.map(utf8)) assert.ok(!putName(into, name, 0, name.length) && !isName(name));
  for (const path of ["/", "/a", "a/", "a//b", "a/../b", "a/.", "\0", "n".repeat(4096)]) {
    assert.equal(splitPath(utf8(path)), null);
  }
  assert.deepEqual(splitPath(new Uint8Array(0)), []);
  assert.equal(putName(into, utf8("abc"), 1, 3), false);
  assert.equal(putName(into, utf8("abc"), 0, NaN), false);
});

Deno.test("putPath refuses what would be cut short", () => {
  const into = new Uint8Array(4096);
  assert.ok(putPath(into, new Uint8Array(4095).fill(0x61)));
  assert.equal(into[4095], 0);
  for (const bad of [new Uint8Array(4096).fill(0x61), new Uint8Array(0), utf8("a\0b")]) {
    assert.equal(putPath(into, bad), false);
  }
});
