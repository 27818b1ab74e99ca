// --fake-super over the tree in memory: what is noted, what is read back, and notes that somebody else wrote. Words of --super, -XX.

import assert from "node:assert/strict";
import { AclTag, formatAcl, keptAs, parseAcl } from "../../lib/base/attributes.ts";
import { fromLatin1, hex, latin1, utf8 } from "../../lib/base/bytes.ts";
import { readCommand } from "../../lib/cli/request.ts";
import { sideOf } from "../../lib/engine/sides.ts";
import type { Environment } from "../../lib/engine/environment.ts";
import { openMemory } from "../../lib/os/memory.ts";
import { Errno, Kind, Listing, OpenMode, Stat } from "../../lib/os/os.ts";
import { actsAsRoot } from "../../lib/plan/owner_map.ts";
import { fromNote, toNote } from "../../lib/tree/fake_acl.ts";
import { FakeSuper, formatStatNote, parseStatNote } from "../../lib/tree/fake_super.ts";
import { file, folder, link, plant } from "../support/trees.ts";

/** A plain user's tree in memory, and the same through --fake-super. */
function opened(entries: Parameters<typeof plant>[1] = [], isSource = false) {
  const inner = openMemory({ uid: 1000, gid: 1000 });
  inner.makeRoot(utf8("/t"));
  plant("/t", entries, inner);
  const os = new FakeSuper(inner, isSource);
  return { inner, os, root: os.openRoot(utf8("/t")) };
}

type Opened = ReturnType<typeof opened>;

function look({ os, root }: Opened, name: string): Stat {
  const stat = new Stat();
  const bytes = utf8(name);
  assert.equal(os.statAt(root, bytes, 0, bytes.length, stat), 0, name);
  return stat;
}

/** What is noted of the entry; null: nothing. */
function noteOf({ inner, root }: Opened, name: string, attribute = "user.rsync.%stat"): string | null {
  const pin = inner.pin(root, utf8(name));
  const value = new Uint8Array(100);
  const length = inner.getAttribute(pin, utf8(attribute), value);
  inner.close(pin);
  return length < 0 ? null : latin1(value.subarray(0, length));
}

function onPin({ os, root }: Opened, name: string, act: (pin: number) => number): number {
  const pin = os.pin(root, utf8(name));
  const result = act(pin);
  os.close(pin);
  return result;
}

Deno.test("--fake-super: a note is rsync's, to the byte, and nothing else is one", () => {
  for (const text of ["100644 0,0 1000:1001", "20666 1,3 0:0", "120777 0,0 4294967294:0", "42711 0,0 0:0"]) {
    assert.equal(latin1(formatStatNote(parseStatNote(utf8(text))!)), text);
  }
  const wrong = [
    ...["", "x", "100644 0,0 0:0 ", " 100644 0,0 0:0", "100644 0,0 0:0\0", "100644 0,0 0", "-100644 0,0 0:0"],
    ...["644 0,0 0:0", "30644 0,0 0:0", "100644 0,0 4294967295:0", "100644 0,0 0:4294967296", "900644 0,0 0:0"],
    ...["20666 4294967296,0 0:0", "100644 0,0 -1:0", "77777777 0,0 0:0", "100644\t0,0 0:0", "100644 0,0 0x0:0"],
    "1".repeat(60_000),
  ];
  for (const text of wrong) assert.equal(parseStatNote(utf8(text)), null, text.slice(0, 60));
});

Deno.test("--fake-super: owner and mode are noted where they are not the entry's own, and the user can always read it", () => {
  const tree = opened([file("f", "x", { mode: 0o644 }), folder("d", { mode: 0o755 })]);
  assert.equal(onPin(tree, "f", (pin) => tree.os.setOwner(pin, 0, 5)), 0);
  assert.equal(noteOf(tree, "f"), "100644 0,0 0:5");
  assert.equal(onPin(tree, "f", (pin) => tree.os.setMode(pin, 0o4000)), 0);
  assert.equal(noteOf(tree, "f"), "104000 0,0 0:5");
  assert.deepEqual([look(tree, "f").mode, look(tree, "f").uid, look(tree, "f").gid], [0o4000, 0, 5]);
  const stat = new Stat();
  tree.inner.statAt(tree.root, utf8("f"), 0, 1, stat);
  assert.deepEqual([stat.mode, stat.uid, stat.gid], [0o600, 1000, 1000]);
  assert.equal(onPin(tree, "d", (pin) => tree.os.setMode(pin, 0o2555)), 0);
  assert.equal(noteOf(tree, "d"), "42555 0,0 1000:1000");
  tree.inner.statAt(tree.root, utf8("d"), 0, 1, stat);
  assert.equal(stat.mode, 0o755);
  for (
    const act of [(pin: number) => tree.os.setMode(pin, 0o644), (pin: number) => tree.os.setOwner(pin, 1000, 1000)]
  ) {
    assert.equal(onPin(tree, "f", act), 0);
  }
  assert.equal(noteOf(tree, "f"), null, "what the entry has by itself is not noted");
});

Deno.test("--fake-super: devices, sockets and links are files with a note", () => {
  const tree = opened([link("real", "nowhere")]);
  const { os, root, inner } = tree;
  assert.equal(os.makeSpecial(root, utf8("null"), Kind.charDevice, 0o666, 1, 3), 0);
  assert.equal(os.makeSpecial(root, utf8("sock"), Kind.socket, 0o755, 0, 0), 0);
  assert.equal(os.makeLink(root, utf8("link"), utf8("a/b")), 0);
  assert.equal(os.makeLink(root, utf8("link"), utf8("other")), -Errno.EEXIST);
  assert.equal(noteOf(tree, "null"), "20666 1,3 1000:1000");
  assert.equal(noteOf(tree, "link"), "120777 0,0 1000:1000");
  const { kind, rdevMajor, rdevMinor, mode } = look(tree, "null");
  assert.deepEqual([kind, rdevMajor, rdevMinor, mode], [Kind.charDevice, 1, 3, 0o666]);
  assert.deepEqual([look(tree, "link").kind, look(tree, "link").size], [Kind.link, 3]);
  const target = new Uint8Array(4096);
  for (const [name, text] of [["link", "a/b"], ["real", "nowhere"]]) {
    const length = os.readLink(root, utf8(name), target);
    assert.equal(latin1(target.subarray(0, Math.max(0, length))), text);
  }
  assert.equal(os.readLink(root, utf8("null"), target), -Errno.EINVAL);
  const listing = new Listing();
  os.readFolder(root, listing);
  for (let i = 0; i < listing.count; i++) {
    assert.ok(listing.kind[i] !== Kind.file, `${latin1(listing.name(i))} may be anything`);
  }
  const stat = new Stat();
  inner.statAt(root, utf8("link"), 0, 4, stat);
  assert.deepEqual([stat.kind, stat.mode], [Kind.file, 0o600], "nobody else may turn a link elsewhere");
});

Deno.test("--fake-super: a note that does not fit what it hangs on, or is none, is an error of that entry", () => {
  const notes = ["junk", "40755 0,0 0:0", "20666 1,3", "x".repeat(500)];
  const entries = notes.map((note, i) => file(`f${i}`, "data", { attributes: { "user.rsync.%stat": note } }));
  const tree = opened([...entries, folder("d", { attributes: { "user.rsync.%stat": "100644 0,0 0:0" } })]);
  const stat = new Stat();
  for (const name of ["f0", "f1", "f2", "f3", "d"]) {
    const bytes = utf8(name);
    assert.equal(tree.os.statAt(tree.root, bytes, 0, bytes.length, stat), -Errno.EINVAL, name);
  }
  const long = opened([
    file("long", "x".repeat(4096), { attributes: { "user.rsync.%stat": "120777 0,0 0:0" } }),
    file("nul", "a\0b", { attributes: { "user.rsync.%stat": "120777 0,0 0:0" } }),
    file("empty", "", { attributes: { "user.rsync.%stat": "120777 0,0 0:0" } }),
  ]);
  for (const name of ["long", "nul", "empty"]) {
    assert.equal(long.os.readLink(long.root, utf8(name), new Uint8Array(4096)), -Errno.EINVAL, name);
  }
  assert.equal(onPin(tree, "f0", (pin) => tree.os.setMode(pin, 0o4755)), 0);
  assert.equal(noteOf(tree, "f0"), "104755 0,0 1000:1000", "what is set replaces it");
});

Deno.test("--fake-super: attributes of other namespaces are kept as the user's, notes are not shown", () => {
  const attributes = { "user.own": "1", "user.rsync.%stat": "104755 0,0 0:0", "user.rsync.trusted.t": "2" };
  const shown = (isSource: boolean) => {
    const tree = opened([file("f", "x", { attributes })], isSource);
    const names = new Uint8Array(1000);
    const length = onPin(tree, "f", (pin) => tree.os.listAttributes(pin, names));
    const name = utf8(isSource ? "trusted.t" : "user.rsync.trusted.t");
    const value = new Uint8Array(10);
    assert.equal(onPin(tree, "f", (pin) => tree.os.getAttribute(pin, name, value)), 1);
    assert.equal(latin1(value.subarray(0, 1)), "2");
    return latin1(names.subarray(0, length)).split("\0").sort();
  };
  assert.deepEqual(shown(true), ["", "trusted.t", "user.own"]);
  assert.deepEqual(shown(false), ["", "user.own", "user.rsync.trusted.t"]);
  assert.deepEqual(["user.a", "trusted.t"].map(keptAs), ["user.a", "user.rsync.trusted.t"]);
});

Deno.test("--fake-super -A: a list is noted as rsync notes it, and its mode says the rest", () => {
  // What rsync 3.5 wrote for user::rw-, user:1000:rw-, group::r--, group:5:r--, mask::rw-, other::r--
  const note = "80000000040000000600000080000000e8030000060000800500000004000000";
  const list = [[1, 6], [2, 6, 1000], [4, 4], [8, 4, 5], [16, 6], [32, 4]].map(([tag, perms, id = 0]) => {
    return { tag, perms, id };
  });
  assert.equal(hex(toNote(formatAcl(list), true)!), note);
  const bytes = Uint8Array.from(note.match(/../g)!, (pair) => parseInt(pair, 16));
  assert.deepEqual(parseAcl(fromNote(bytes, 0o664)!), list);
  const masked = parseAcl(fromNote(bytes, 0o644)!)!;
  assert.equal(masked.find(({ tag }) => tag === AclTag.mask)!.perms, 4, "the mask is the mode's");
  // And for the default list rwx, user:1000:rwx, r-x, mask rwx, r-x
  const defaults = "07000000050000000700000005000000e803000007000080";
  const read = fromNote(Uint8Array.from(defaults.match(/../g)!, (pair) => parseInt(pair, 16)), null)!;
  assert.equal(hex(toNote(read, false)!), defaults);
  const wrong = [
    "",
    "80",
    note.slice(2),
    `${note}0000`,
    note.replace("80000000", "81000000"),
    `${note}ffffffff06000080`,
  ];
  for (const text of [...wrong, note.replace("06000080", "08000080"), `${note}e803000006000080`]) {
    const given = Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
    assert.equal(fromNote(given, 0o664), null, text);
  }
  assert.equal(fromNote(new Uint8Array(16 + 8 * 8192), null), null, "too many");
  const tree = opened([file("f", "x", { mode: 0o664 })]);
  assert.equal(
    onPin(tree, "f", (pin) => tree.os.setAttribute(pin, utf8("system.posix_acl_access"), formatAcl(list))),
    0,
  );
  assert.equal(hex(fromLatin1(noteOf(tree, "f", "user.rsync.%aacl")!)), note);
  const into = new Uint8Array(1000);
  const length = onPin(tree, "f", (pin) => tree.os.getAttribute(pin, utf8("system.posix_acl_access"), into));
  assert.deepEqual(parseAcl(into.subarray(0, length)), list);
});

Deno.test("--fake-super: a file made with a mode that its user could not use gets it as a note", () => {
  const tree = opened();
  const handle = tree.os.openFile(tree.root, utf8("f"), OpenMode.create, 0o400);
  assert.ok(handle >= 0);
  tree.os.close(handle);
  assert.equal(look(tree, "f").mode, 0o400);
  assert.equal(tree.os.makeFolder(tree.root, utf8("d"), 0o500), 0);
  assert.equal(look(tree, "d").mode, 0o500);
  assert.equal(noteOf(tree, "d"), "40500 0,0 1000:1000");
});

function request(line: string) {
  const command = readCommand(line.split(" ").map((word) => utf8(word)), () => undefined);
  if (command.kind !== "sync") throw new Error(line);
  return command.request;
}

Deno.test("--fake-super is one side's own, --super and --no-super take it back, -M is for the other side", () => {
  const sides = (line: string) => {
    const { options, peerOptions } = request(line);
    return [options, peerOptions ?? options].map(({ fakeSuper, superOn, superOff }) =>
      fakeSuper ? "fake" : superOn ? "on" : superOff ? "off" : "-"
    ).join(" ");
  };
  assert.equal(sides("-a s d"), "- -");
  assert.equal(sides("-a --fake-super s h:d"), "fake -");
  assert.equal(sides("-a --fake-super h:s d"), "fake -");
  assert.equal(sides("-a --fake-super s d"), "fake fake");
  assert.equal(sides("-a --fake-super -M--super s d"), "fake on");
  assert.equal(sides("-a -M--fake-super s d"), "- fake");
  assert.equal(sides("-a -M--fake-super s h:d"), "- fake");
  assert.equal(sides("-a --fake-super --super s h:d"), "on on");
  assert.equal(sides("-a --super --fake-super s h:d"), "fake -");
  assert.equal(sides("-a --fake-super --no-super s d"), "off off");
  const words = ["-a", "--rsync-path=sudo /usr/bin/rsync --fake-super", "s", "h:d"].map((word) => utf8(word));
  const command = readCommand(words, () => undefined);
  assert.ok(command.kind === "sync");
  assert.equal(command.request.remote!.rsyncPath, "sudo /usr/bin/rsync");
  assert.equal(command.request.peerOptions!.fakeSuper, true);
});

Deno.test("-X carries no notes of rsync's, -XX does, --no-X neither", () => {
  const said = (line: string) => {
    const { xattrs, xattrNotes } = request(`${line} s d`).options;
    return [xattrs, xattrNotes];
  };
  assert.deepEqual([said("-a"), said("-X"), said("-XX"), said("-X --xattrs")], [
    ...[[false, false], [true, false], [true, true], [true, true]],
  ]);
  assert.deepEqual(said("-XX --no-X"), [false, false]);
});

Deno.test("--super and --no-super: what only root may do is tried by anyone, or by nobody", async () => {
  const none = { fakeSuper: false, superOn: false, superOff: false, charset: "" };
  const env = (uid: number): Environment =>
    Object.create({ os: openMemory(), identity: { uid, gid: uid, groups: new Set([uid]) } });
  const acts = async (uid: number, more: Partial<typeof none>) => {
    return actsAsRoot((await sideOf(env(uid), { ...none, ...more }, false)).identity);
  };
  assert.deepEqual([await acts(0, {}), await acts(7, {})], [true, false]);
  assert.deepEqual([await acts(0, { superOff: true }), await acts(7, { superOn: true })], [false, true]);
  assert.equal(await acts(7, { fakeSuper: true }), true);
  const plain = env(7);
  assert.equal(await sideOf(plain, none, false), plain, "nothing is wrapped without need");
});
