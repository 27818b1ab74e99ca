// Entries named one by one: how words are read (named_sources.ts), the order and the search (named_paths.ts), and what a list may
// then hold (asked_names.ts).

import assert from "node:assert/strict";
import { fromLatin1, latin1, utf8 } from "../../lib/base/bytes.ts";
import { FileList } from "../../lib/base/file_list.ts";
import { defaultOptions, type SyncOptions } from "../../lib/base/options.ts";
import { Kind } from "../../lib/os/os.ts";
import { AskedNames } from "../../lib/tree/asked_names.ts";
import { namesOf } from "../../lib/tree/name_file.ts";
import { NamedPaths } from "../../lib/tree/named_paths.ts";
import { NamedSourcesReader } from "../../lib/tree/named_sources.ts";

const RELATIVE = { ...defaultOptions(), relative: true, dirs: true };

/** "folder|path", with "/" behind a path whose content counts, in the order of the words. */
function read(
  options: SyncOptions,
  words: string[],
  names: string | null = null,
): { read: string[]; hasRoot: boolean } {
  const bytes = names === null ? null : fromLatin1(names);
  const steps = new NamedSourcesReader(options).read(words.map((word) => fromLatin1(word)), bytes);
  let step = steps.next();
  while (!step.done) step = steps.next();
  const { paths, folders, hasRoot } = step.value;
  const shown = Array.from({ length: paths.count }, (_, k) => {
    return `${latin1(folders[paths.origin(k)])}|${latin1(paths.path(k))}${paths.content(k) ? "/" : ""}`;
  });
  return { read: shown, hasRoot };
}

Deno.test("-R: the path as it was written, from /./ on, components joined by single slashes", () => {
  const cases: [string, string, boolean][] = [
    ["a/b", ".|a/b", false],
    ["/a//b/", "/|a/b/", false],
    ["a/./b/c", "a|b/c", false],
    ["/./x", "/|x", false],
    ["../a/./b", "../a|b", false],
    ["a/./", "a|/", true],
    ["./", ".|/", true],
    [".", ".|/", true],
    ["./a", ".|a", true],
    ["a/././b", "a|b", true],
    ["a/b/.", ".|a/b/", false],
    ["a/./b/./c", "a|b/c", false],
    ["a/..b/.c/d..", ".|a/..b/.c/d..", false],
  ];
  for (const [word, shown, hasRoot] of cases) {
    assert.deepEqual(read(RELATIVE, [word]), { read: [shown], hasRoot }, word);
  }
  for (const word of ["..", "a/../b", "a/./..", "/a/.."]) assert.throws(() => read(RELATIVE, [word]), /cannot be in a/);
});

Deno.test("-d without -R: as any source, and a folder that comes again behind another one is told apart", () => {
  const options = { ...defaultOptions(), dirs: true };
  assert.deepEqual(read(options, ["a/b", "a/c/", "x"]).read, ["a|b", "a/c/|/", ".|x"]);
  const steps = new NamedSourcesReader(options).read(["a/x", "a/y", "b/x", "a/z"].map((word) => utf8(word)), null)
    .next();
  if (!steps.done) throw new Error("four words need no pause");
  const { paths, folders } = steps.value;
  assert.deepEqual([0, 1, 2, 3].map((k) => paths.origin(k)), [0, 0, 1, 2]);
  assert.deepEqual(folders.map((folder) => latin1(folder)), ["a", "b", "a"]);
});

Deno.test("--files-from: no name leaves the folder, whatever it is", () => {
  const options = { ...RELATIVE, filesFrom: true };
  const names = [
    "a/b",
    "/a",
    "../a",
    "../../a/../b",
    "a/../../..",
    "..",
    "/",
    "a/..",
    "./a",
    "a/./b",
    "a/b/",
    "a/../b/c",
  ];
  assert.deepEqual(read(options, ["s"], names.map((name) => `${name}\0`).join("")).read, [
    ...["s|a/b", "s|a", "s|a", "s|b", "s|/", "s|/", "s|/", "s|/", "s|a", "s/a|b", "s|a/b/", "s|b/c"],
  ]);
  const flat = read({ ...options, relative: false }, ["s"], "a/b\0x\0a/c/\0../y\0").read;
  assert.deepEqual(flat, ["s/a|b", "s|x", "s/a/c/|/", "s|y"]);
  assert.throws(() => read(options, ["s"], "x".repeat(4096) + "\0"), /4095 bytes/);
  assert.throws(() => read(options, ["s"], "no end"), /usage|bytes/);
});

Deno.test("a file of names: lines, or up to NUL; no empty ones and no comments", () => {
  const names = (text: string, isByNul = false) => latin1(namesOf(fromLatin1(text), "names", isByNul));
  assert.equal(names("a\nb\r\n\r\n# c\n;d\n e \nf"), "a\0b\0 e \0f\0");
  assert.equal(names("a\nb\0\0#c\0d", true), "a\nb\0d\0");
  assert.equal(names("") + names("\n\n"), "");
});

function paths(...words: string[]): NamedPaths {
  const all = new NamedPaths();
  for (const word of words) {
    const isContent = word.endsWith("/");
    const path = fromLatin1(isContent ? word.slice(0, -1) : word);
    all.add(path, 0, path.length, 0, isContent);
  }
  all.seal();
  return all;
}

Deno.test("NamedPaths: sorted as a tree is walked, each once, found by component", () => {
  const all = paths("b", "a/b", "a", "a!", "a/b/", "a/b/c", "a!/x", "\xff", "a\x01", "");
  const shown = Array.from({ length: all.count }, (_, k) => latin1(all.path(k)));
  assert.deepEqual(shown, ["", "a", "a/b", "a/b/c", "a\x01", "a!", "a!/x", "b", "\xff"]);
  const root = { ...all.all, lo: all.ended(all.all) };
  assert.deepEqual(root, { lo: 1, hi: 9, at: 0 });
  const a = all.child(root, utf8("a"));
  assert.deepEqual(a, { lo: 1, hi: 4, at: 2 });
  assert.equal(all.ended(a), 2);
  const b = all.child({ ...a, lo: 2 }, utf8("b"));
  assert.deepEqual([b, all.ended(b), all.content(2)], [{ lo: 2, hi: 4, at: 4 }, 3, true]);
  assert.deepEqual(all.child(root, utf8("aa")), { lo: 7, hi: 7, at: 3 });
  assert.deepEqual([...all.holders(utf8("a/b/new"), false)], [0]);
  assert.deepEqual([...paths("a/b").holders(utf8("a/b/new"), false)], []);
  assert.deepEqual([...paths("a/b").holders(utf8("a/b/c/new"), true)], [0]);
});

Deno.test("NamedPaths: whatever the order and however many, what is found is what was added", () => {
  const words = new Set<string>();
  for (let i = 0; i < 3000; i++) words.add(`d${i * 7919 % 97}/f${i * 104_729 % 1009}`);
  const all = paths(...words);
  assert.equal(all.count, words.size);
  for (const word of words) {
    const [folder, name] = word.split("/");
    const file = all.child(all.child(all.all, utf8(folder)), utf8(name));
    assert.equal(latin1(all.path(file.lo)), word);
    assert.equal(file.hi - file.lo, 1);
  }
});

/** Each entry as [parent, name, kind]; the root is 0. */
function listOf(...entries: [number, string, number][]): FileList {
  const list = new FileList();
  list.add(utf8(""), 0, 0, 0, Kind.folder << 12, 0, 0, 0, 0, 0, 0, null);
  for (const [parent, name, kind] of entries) {
    list.add(utf8(name), 0, name.length, parent, kind << 12, 0, 0, 0, 0, 0, 0, null);
  }
  return list;
}

Deno.test("AskedNames: folders on the way, names, and the content of what was asked for whole; nothing else", () => {
  const asked = () => AskedNames.of({ ...RELATIVE, dirs: false, recursive: true }, [utf8("s/./a/b")], null);
  const list = listOf([0, "a", Kind.folder], [1, "b", Kind.folder], [2, "x", Kind.file], [1, "c", Kind.file]);
  const good = asked();
  good.root(false);
  good.piece(list, 0, 1, 1, true);
  good.piece(list, 1, 2, 1, true);
  good.piece(list, 2, 3, 1, false);
  assert.throws(() => good.root(true), /root that was not asked for/);
  assert.throws(() => good.piece(list, 1, 4, 1, true), /not asked for/);
  assert.throws(() => asked().piece(list, 0, 1, 1, false), /all of a folder/);
  const flat = AskedNames.of({ ...RELATIVE, relative: false }, [utf8("s/a"), utf8("s/e/")], null);
  flat.piece(list, 0, 1, 1, false);
  assert.throws(() => flat.piece(list, 1, 2, 1, true), /not asked for/);
});
