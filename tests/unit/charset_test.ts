// --iconv: charsets, names of a tree in another one (in memory), words.

import assert from "node:assert/strict";
import { fromLatin1, latin1, utf8 } from "../../lib/base/bytes.ts";
import { charsetOf } from "../../lib/base/charset.ts";
import { TsyncError } from "../../lib/base/errors.ts";
import { FileList } from "../../lib/base/file_list.ts";
import type { Monitor } from "../../lib/base/monitor.ts";
import { Cause, Side, Verb } from "../../lib/base/problem.ts";
import { readCommand } from "../../lib/cli/request.ts";
import type { Environment } from "../../lib/engine/environment.ts";
import { sideOf, wordsAsUtf8 } from "../../lib/engine/sides.ts";
import { reporterOf } from "../../lib/job/reporter.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { Errno, Listing, OpenMode, Stat } from "../../lib/os/os.ts";
import { ConvertedNames } from "../../lib/tree/converted_names.ts";
import { file, folder, link, plant } from "../support/trees.ts";

Deno.test("charsets by iconv's names and the web's; what is not of one is not converted", () => {
  const cases: [string, string, string][] = [
    ["utf8", "h\u00e4", "h\xc3\xa4"],
    ["iso88591", "h\u00e4\u0085", "h\xe4\x85"],
    ["ISO-8859-15", "\u20ac", "\xa4"],
    ["iso885915", "\u20ac", "\xa4"],
    ["latin1", "\u00e4", "\xe4"],
    ["CP1252", "\u20ac", "\x80"],
    ["koi8-r", "\u0434\u0430", "\xc4\xc1"],
    ["gbk", "\u4e2d\u6587", "\xd6\xd0\xce\xc4"],
    ["big5", "\u4e2d", "\xa4\xa4"],
    ["euc-jp", "\u65e5", "\xc6\xfc"],
    ["shift_jis", "\u65e5\uff71", "\x93\xfa\xb1"],
    ["euc-kr", "\ud55c", "\xc7\xd1"],
    ["us-ascii", "plain", "plain"],
  ];
  for (const [name, text, bytes] of cases) {
    const charset = charsetOf(name)!;
    assert.equal(latin1(charset.fromUtf8(utf8(text))!), bytes, name);
    assert.equal(new TextDecoder().decode(charset.toUtf8(fromLatin1(bytes))!), text, name);
  }
  for (const name of ["foo", "", "utf-16le", "utf-16", "gb18030", "iso-2022-jp", "x-user-defined"]) {
    assert.equal(charsetOf(name), null, name);
  }
  for (const [name, bytes] of [["ascii", "\xe4"], ["utf8", "\xff"], ["gbk", "\xd6"], ["euc-kr", "\xc7\x20"]]) {
    assert.equal(charsetOf(name)!.toUtf8(fromLatin1(bytes)), null, name);
  }
  assert.equal(charsetOf("latin1")!.fromUtf8(utf8("\u20ac")), null);
  assert.equal(charsetOf("latin1")!.fromUtf8(fromLatin1("\xff")), null);
});

Deno.test("what a charset converts it converts back to the same bytes, and ASCII to itself", () => {
  for (
    const name of ["latin1", "iso-8859-7", "koi8-u", "windows-1251", "macintosh", "gbk", "big5", "shift_jis", "euc-jp"]
  ) {
    const charset = charsetOf(name)!;
    for (let a = 1; a < 256; a++) {
      for (const bytes of [[a], [a, 0x41], [a, 0x5c], [a, 0xa1], [a, 0xfe]]) {
        const text = charset.toUtf8(Uint8Array.from(bytes));
        if (text !== null) assert.deepEqual([...charset.fromUtf8(text)!], bytes, `${name} ${bytes}`);
        if (a < 0x80 && bytes.length === 1) assert.deepEqual([...text!], bytes, `${name} ${a}`);
      }
    }
  }
});

Deno.test("--iconv: a tree in another charset is seen as UTF-8, and a name without one is seen as nobody's", () => {
  const inner = openMemory();
  inner.makeRoot(utf8("/t"));
  plant("/t", [file("caf\xe9", "1"), file("bad\xa1", "2"), link("l", "zi\xe9l"), folder("d\xfc")], inner);
  const os = new ConvertedNames(inner, charsetOf("windows-1257")!, false);
  const root = os.openRoot(utf8("/t"));
  const listing = new Listing();
  assert.equal(os.readFolder(root, listing), 0);
  const names = Array.from({ length: listing.count }, (_, i) => latin1(listing.name(i))).sort();
  assert.deepEqual(names, ["caf\xc3\xa9", "d\xc3\xbc", "l", "\xffbad\xa1"]);
  const stat = new Stat();
  const look = (name: Uint8Array) => os.statAt(root, name, 0, name.length, stat);
  assert.equal(look(utf8("caf\u00e9")), 0);
  assert.equal(look(fromLatin1("\xffbad\xa1")), -Errno.EILSEQ);
  assert.equal(os.unlink(root, fromLatin1("\xffbad\xa1")), -Errno.EILSEQ);
  const target = new Uint8Array(4096);
  const length = os.readLink(root, utf8("l"), target);
  assert.equal(new TextDecoder().decode(target.subarray(0, length)), "zi\u00e9l");
  assert.equal(os.makeLink(root, utf8("m"), utf8("\u4e2d")), -Errno.EILSEQ);
  const made = os.openFile(root, utf8("\u20ac"), OpenMode.create, 0o600);
  assert.ok(made >= 0);
  os.close(made);
  const inside = inner.openRoot(utf8("/t"));
  assert.equal(inner.statAt(inside, fromLatin1("\x80"), 0, 1, stat), 0);
  assert.equal(os.openFile(root, utf8("\u4e2d"), OpenMode.create, 0o600), -Errno.EILSEQ);
  assert.ok(os.openBeneath(root, utf8("d\u00fc")) >= 0);
});

Deno.test("--iconv: a name that cannot be converted is shown as it is on its disk, and counts as one that cannot be named", () => {
  const shown: string[] = [];
  const ignore = () => {};
  const rest = { phase: ignore, entry: ignore, deleted: ignore, listed: ignore, transferred: ignore };
  const monitor: Monitor = { ...rest, problem: ({ path }) => shown.push(latin1(path)) };
  const told = (line: string, path: string) => {
    const command = readCommand(line.split(" ").map((word) => utf8(word)), () => undefined);
    assert.ok(command.kind === "sync");
    const reporter = reporterOf(command.request, new FileList(), monitor);
    const about = { verb: Verb.stat, cause: Cause.system, errno: Errno.EILSEQ, side: Side.source };
    reporter.problem({ ...about, path: fromLatin1(path) });
    assert.deepEqual([reporter.failed, reporter.failures.paths], [1, []]);
  };
  for (const iconv of ["utf8,latin1", "latin1,utf8"]) {
    told(`-a --iconv=${iconv} s h:d`, "\xffbad\xff");
    told(`-a --iconv=${iconv} s d`, "dir/\xff\xff\xfe");
  }
  told("-a s h:d", "\xffbad\xff");
  assert.deepEqual(shown, ["bad\xff", "dir/\xff\xfe", "bad\xff", "dir/\xff\xfe", "\xffbad\xff"]);
});

Deno.test("--iconv: which charset is whose, words that are not of it, and none that cannot be had", async () => {
  const sides = (line: string) => {
    const command = readCommand(line.split(" ").map((word) => utf8(word)), () => undefined);
    assert.ok(command.kind === "sync");
    const { options, peerOptions } = command.request;
    return [options.charset, (peerOptions ?? options).charset];
  };
  assert.deepEqual(sides("-a s h:d"), ["", ""]);
  assert.deepEqual(sides("-a --iconv=utf8,latin1 s h:d"), ["utf8", "latin1"]);
  assert.deepEqual(sides("-a --iconv=utf8,latin1 s d"), ["utf8", "latin1"]);
  assert.deepEqual(sides("-a --iconv=. s h:d"), [".", "."]);
  assert.deepEqual(sides("-a --iconv=utf8 --iconv=- s h:d"), ["", ""]);
  for (const line of ["--iconv=a,b,c s d", "--iconv= s d", "--iconv=utf8, s d"]) {
    assert.throws(() => sides(line), (error) => error instanceof TsyncError && error.data.kind === "usage", line);
  }
  assert.deepEqual(await wordsAsUtf8("latin1", [fromLatin1("\xe9")]), [utf8("\u00e9")]);
  await assert.rejects(wordsAsUtf8("ascii", [fromLatin1("\xe9")]), /not written in the charset/);
  const env = Object.create({ os: openMemory() }) as Environment;
  const none = { fakeSuper: false, superOn: false, superOff: false };
  await assert.rejects(sideOf(env, { ...none, charset: "foo" }, true), /cannot be had/);
});
