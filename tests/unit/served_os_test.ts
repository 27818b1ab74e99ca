// F20 at the door: what each mode of a served root lets through, verb by verb, against a tree in memory. Whatever a peer makes the halves
// call, it comes through here.

import { assert, assertEquals } from "@std/assert";
import { openMemory } from "../../lib/os/memory.ts";
import { Errno, type Handle, Kind, OpenMode, Stat } from "../../lib/os/os.ts";
import { TemporaryNames } from "../../lib/tree/own_names.ts";
import { ServedOs } from "../../lib/tree/served_os.ts";
import { OUTSIDE, type Powers, REFUSED } from "../../lib/tree/served_powers.ts";
import { serveWords } from "../../remote/serve_words.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const MODES = {
  all: { reads: true, writes: true, keeps: "nothing" },
  "read-only": { reads: true, writes: false, keeps: "nothing" },
  "write-only": { reads: false, writes: true, keeps: "nothing" },
  "no-delete": { reads: true, writes: true, keeps: "names" },
  "append-new": { reads: true, writes: true, keeps: "all" },
  "write-only append-new": { reads: false, writes: true, keeps: "all" },
} as const satisfies Record<string, Powers>;
type Mode = keyof typeof MODES;

/** /served with old entries of all kinds, and secrets beside it; the handles are those of the confined door. */
function open(mode: Mode) {
  const inner = openMemory({ reflink: true });
  const at = (path: string) => inner.openRoot(utf8(path));
  const write = (folder: Handle, name: string, content: string) => {
    const file = inner.openFile(folder, utf8(name), OpenMode.create, 0o644);
    inner.writeAll(file, utf8(content));
    inner.close(file);
  };
  inner.makeRoot(utf8("/served"));
  const top = at("/served");
  for (const name of ["dir", "empty"]) inner.makeFolder(top, utf8(name), 0o755);
  write(at("/"), "secret", "secret");
  write(top, "file", "old");
  write(top, "other", "other");
  write(at("/served/dir"), "child", "old child");
  inner.makeLink(top, utf8("link"), utf8("file"));
  inner.makeLink(top, utf8("out"), utf8("../secret"));
  inner.makeLink(top, utf8("in"), utf8("dir"));
  inner.makeLink(at("/served/dir"), utf8("up"), utf8("../file"));
  inner.makeSpecial(top, utf8("fifo"), Kind.fifo, 0o600, 0, 0);
  const os = new ServedOs(inner, top, MODES[mode]);
  const root = os.openRoot(utf8("/"));
  assert(root >= 0);
  return { os, inner, root, top };
}

type Place = ReturnType<typeof open>;

const temporary = new TemporaryNames((bytes) => crypto.getRandomValues(new Uint8Array(bytes)));

/** A new file, written aside as the stage does: its temporary name. */
function staged({ os, root }: Place): Uint8Array {
  const name = temporary.next();
  const file = os.openFile(root, name, OpenMode.create, 0o600);
  assert(file >= 0, `create gives ${file}`);
  assertEquals(os.writeAll(file, utf8("new")), 0);
  os.close(file);
  return name;
}

const onPin = (place: Place, name: string, change: (handle: Handle) => number): number => {
  const pin = place.os.pin(place.root, utf8(name));
  const result = change(pin);
  place.os.close(pin);
  return result;
};
const closing = ({ os }: Place, handle: Handle): number => handle < 0 ? handle : os.close(handle);

/** Each is tried in a fresh tree. */
const DEEDS: Record<string, (place: Place) => number> = {
  "read a file": (p) => closing(p, p.os.openFile(p.root, utf8("file"), OpenMode.read, 0)),
  "read through a link": (p) => closing(p, p.os.openThrough(p.root, utf8("link"), true)),
  "read what can be written": (p) => {
    const file = p.os.openFile(p.root, utf8("file"), OpenMode.write, 0);
    const into = new Uint8Array(9);
    const result = file < 0 ? file : Math.min(p.os.read(file, into), p.os.readAt(file, into, 0));
    if (file >= 0) p.os.close(file);
    return result;
  },
  "copy what can be written": (p) => {
    const [file, name] = [p.os.openFile(p.root, utf8("file"), OpenMode.write, 0), utf8("copy")];
    const to = p.os.openFile(p.root, name, OpenMode.create, 0o600);
    const results = file < 0 || to < 0 ? [file, to] : [p.os.cloneFile(file, to), p.os.copyRange(file, 0, to, 0, 3)];
    for (const handle of [file, to]) if (handle >= 0) p.os.close(handle);
    return Math.min(...results);
  },
  "list a folder": (p) => closing(p, p.os.openFolder(p.root, utf8("dir"))),
  "make a file": (p) => closing(p, p.os.openFile(p.root, utf8("new"), OpenMode.create, 0o600)),
  "make a folder": (p) => p.os.makeFolder(p.root, utf8("new"), 0o700),
  "make a root": (p) => p.os.makeRoot(utf8("new/")),
  "make a link": (p) => p.os.makeLink(p.root, utf8("new"), utf8("x")),
  "make a special": (p) => p.os.makeSpecial(p.root, utf8("new"), Kind.fifo, 0o600, 0, 0),
  "link what is there": (p) => p.os.hardLink(p.root, utf8("file"), p.root, utf8("new")),
  "put a new file at a new name": (p) => p.os.rename(p.root, staged(p), p.root, utf8("new")),
  "read its own file": (p) => {
    p.os.rename(p.root, staged(p), p.root, utf8("new"));
    return closing(p, p.os.openFile(p.root, utf8("new"), OpenMode.read, 0));
  },
  "set metadata of its own file": (p) => {
    p.os.rename(p.root, staged(p), p.root, utf8("new"));
    return onPin(p, "new", (pin) => p.os.setTimes(pin, 1, 2));
  },
  "put a new file in a file's place": (p) => p.os.rename(p.root, staged(p), p.root, utf8("file")),
  "put a new file in a link's place": (p) => p.os.rename(p.root, staged(p), p.root, utf8("link")),
  "put a new file in a FIFO's place": (p) => p.os.rename(p.root, staged(p), p.root, utf8("fifo")),
  "swap a new file with an empty folder": (p) => p.os.exchange(p.root, staged(p), p.root, utf8("empty")),
  "take its temporary file back": (p) => p.os.unlink(p.root, staged(p)),
  "write into a file": (p) => closing(p, p.os.openFile(p.root, utf8("file"), OpenMode.write, 0)),
  "rename what is there": (p) => p.os.rename(p.root, utf8("file"), p.root, utf8("new")),
  "rename what is there to a new name": (p) => p.os.renameNew(p.root, utf8("file"), p.root, utf8("new")),
  "rename one over another": (p) => p.os.rename(p.root, utf8("file"), p.root, utf8("other")),
  "swap two": (p) => p.os.exchange(p.root, utf8("file"), p.root, utf8("other")),
  "remove a file": (p) => p.os.unlink(p.root, utf8("file")),
  "remove a folder": (p) => p.os.removeFolder(p.root, utf8("empty")),
  "set a mode": (p) => onPin(p, "file", (pin) => p.os.setMode(pin, 0o600)),
  "set an owner": (p) => onPin(p, "file", (pin) => p.os.setOwner(pin, 5, 5)),
  "set times": (p) => onPin(p, "dir", (pin) => p.os.setTimes(pin, 1, 2)),
  "set an attribute": (p) => onPin(p, "file", (pin) => p.os.setAttribute(pin, utf8("user.x"), utf8("1"))),
};

const READING = ["read a file", "read through a link", "read what can be written", "copy what can be written"];
const MAKING = [
  "make a file",
  "make a folder",
  "make a root",
  "make a link",
  "make a special",
  "link what is there",
  "put a new file at a new name",
  "read its own file",
  "set metadata of its own file",
  "take its temporary file back",
];
const METADATA = ["set a mode", "set an owner", "set times", "set an attribute"];
const LISTING = ["list a folder"];
const UPDATING = ["put a new file in a file's place"];
const OTHERS = Object.keys(DEEDS).filter((deed) =>
  ![READING, MAKING, METADATA, LISTING, UPDATING].some((l) => l.includes(deed))
);
const INTO = ["read what can be written", "copy what can be written"];
const READS = READING.filter((deed) => !INTO.includes(deed));

/** What each mode lets happen; all else is refused. */
const MAY: Record<Mode, string[]> = {
  all: Object.keys(DEEDS),
  "read-only": [...READS, ...LISTING],
  "write-only": [...LISTING, ...MAKING, ...UPDATING, ...OTHERS, ...METADATA],
  "no-delete": [...READS, ...LISTING, ...MAKING, ...UPDATING, ...METADATA],
  "append-new": [...READS, ...LISTING, ...MAKING],
  "write-only append-new": [...LISTING, ...MAKING],
};

for (const mode of Object.keys(MODES) as Mode[]) {
  for (const [deed, run] of Object.entries(DEEDS)) {
    const may = MAY[mode].includes(deed);
    Deno.test(`served root, ${mode}: to ${deed} is ${may ? "allowed" : "refused"}`, () => {
      const place = open(mode);
      if (mode === "read-only" && !may && /new file|temporary|its own/.test(deed)) {
        return assertEquals(place.os.openFile(place.root, temporary.next(), OpenMode.create, 0o600), REFUSED);
      }
      const before = old(place);
      const handles = place.inner.openHandles();
      const result = run(place);
      assertEquals(result >= 0, may, String(result));
      assertEquals(place.inner.openHandles(), handles, "a handle is left open");
      if (!may) assertEquals([result, old(place)], [REFUSED, before]);
    });
  }
}

/** What is there of the old entries: kind, inode, mode, owner, time, size and content of each. */
function old({ inner, top }: Place): string {
  const stat = new Stat();
  return ["dir", "empty", "file", "other", "link", "out", "fifo"].map((name) => {
    const result = inner.statAt(top, utf8(name), 0, name.length, stat);
    const into = new Uint8Array(9);
    const file = stat.kind === Kind.file ? inner.openFile(top, utf8(name), OpenMode.read, 0) : -1;
    if (file >= 0) inner.read(file, into);
    if (file >= 0) inner.close(file);
    const { kind, inoLow, mode, uid, gid, mtimeSec, mtimeNs, size } = stat;
    return [name, result, kind, inoLow, mode, uid, gid, mtimeSec, mtimeNs, size, into].join(" ");
  }).join("\n");
}

Deno.test("served root, append-new: of two sessions that make one name the first keeps it", () => {
  const place = open("append-new");
  const second = new ServedOs(place.inner, place.top, MODES["append-new"]);
  const root = second.openRoot(utf8("/"));
  assertEquals(place.os.rename(place.root, staged(place), place.root, utf8("new")), 0);
  const name = staged({ ...place, os: second, root });
  assertEquals(second.rename(root, name, root, utf8("new")), REFUSED);
  assertEquals(second.unlink(root, utf8("new")), REFUSED);
  assertEquals(place.os.unlink(place.root, utf8("new")), 0);
});

Deno.test("served root: words are paths below it, links in it lead no further than it", () => {
  const { os, root } = open("all");
  const stat = new Stat();
  for (const word of ["/file", "file", "//file", "./file", "dir/../file", "link", "/dir/up", "in/up"]) {
    assertEquals([os.statPath(utf8(word), true, stat), stat.size], [0, 3], word);
  }
  for (const word of ["..", "../secret", "/../secret", "/served/../../secret", "dir/../../secret", "out"]) {
    const expected = word.startsWith("/served") ? -Errno.ENOENT : OUTSIDE;
    assertEquals(os.statPath(utf8(word), true, stat), expected, word);
    assertEquals(os.openRoot(utf8(word)), expected, word);
  }
  assertEquals(os.openThrough(root, utf8("out"), true), OUTSIDE);
  assertEquals(os.openThrough(root, utf8("out"), false), OUTSIDE);
  const dir = os.openThrough(root, utf8("in"), true);
  const up = os.openThrough(dir, utf8("up"), true);
  assert(dir >= 0 && up >= 0);
  assertEquals(os.makeRoot(utf8("../new")), OUTSIDE);
  assertEquals(os.makeRoot(utf8("out/new")), OUTSIDE);
});

Deno.test("served root: a file of names is read below it only, and no further than its limit", () => {
  const { os } = open("read-only");
  const read = (word: string, limit = 9) => os.readWhole(utf8(word), limit, new Stat());
  assertEquals([read("/link"), read("file", 3)], [utf8("old"), utf8("old")]);
  assertEquals([read("out"), read("../secret"), read("file", 2)], [OUTSIDE, OUTSIDE, -Errno.EFBIG]);
  assertEquals(open("write-only").os.readWhole(utf8("file"), 9, new Stat()), REFUSED);
});

Deno.test("serve words: a root and one mode of each sort, and nothing that is not known", () => {
  const powers = (...words: string[]) => serveWords(["--root=/x", ...words])?.powers;
  assertEquals(serveWords([]), null);
  assertEquals(serveWords(["--root", "/x"]), { isConfined: false, root: "/x", powers: MODES.all });
  assertEquals(powers("--read-only"), MODES["read-only"]);
  assertEquals(powers("--no-delete"), MODES["no-delete"]);
  assertEquals(powers("--append-new", "--write-only"), MODES["write-only append-new"]);
  const wrong: [string[], RegExp][] = [
    [["--read-only"], /needs --root/],
    [["--root"], /needs a folder/],
    [["--root="], /needs a folder/],
    [["--root=/x", "--root=/"], /twice/],
    [["--root=/x", "--read-only", "--append-new"], /stands alone/],
    [["--root=/x", "--no-delete", "--append-new"], /one of them/],
    [["--root=/x", "rsync"], /unknown word "rsync"/],
    [["--root=/x", "--read-only=no"], /unknown word/],
  ];
  for (const [words, message] of wrong) {
    let said = "";
    try {
      serveWords(words);
    } catch (error) {
      said = (error as Error).message;
    }
    assert(message.test(said), `${words}: ${said}`);
  }
});
