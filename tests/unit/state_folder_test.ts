// The files below ~/.tsync/state: written whole, read only where nobody else can have put them there.

import assert from "node:assert/strict";
import { openMemory } from "../../lib/os/memory.ts";
import { OpenMode, Stat } from "../../lib/os/os.ts";
import { openStateFolder } from "../../lib/os/state_folder.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array | null) => bytes === null ? null : new TextDecoder().decode(bytes);

function home() {
  const os = openMemory();
  const root = os.openRoot(utf8("/"));
  const warnings: string[] = [];
  const open = (creates: boolean, uid = 0) =>
    openStateFolder({ os, home: utf8("/"), uid, creates, warn: (sentence) => warnings.push(sentence) });
  const folder = (path: string) => os.openBeneath(root, utf8(path));
  return { os, root, warnings, open, folder };
}

Deno.test("openStateFolder makes ~/.tsync/state for its user alone, and makes nothing where it only looks", () => {
  const { os, root, open, folder, warnings } = home();
  assert.equal(open(false), null);
  assert.ok(folder(".tsync") < 0);
  open(true)!.close();
  const stat = new Stat();
  for (const path of [".tsync", ".tsync/state"]) {
    assert.equal(os.statHandle(folder(path), stat), 0);
    assert.equal(stat.mode, 0o700);
  }
  assert.deepEqual(warnings, []);
  os.close(root);
});

Deno.test("openStateFolder uses no link and no folder of another user, and says so; a lax folder of ours is closed", () => {
  const { os, root, open, folder, warnings } = home();
  os.makeFolder(root, utf8("elsewhere"), 0o700);
  os.makeLink(root, utf8(".tsync"), utf8("elsewhere"));
  assert.equal(open(true), null);
  assert.deepEqual(warnings, ["~/.tsync is not used: it is no folder, or a link"]);
  os.unlink(root, utf8(".tsync"));
  open(true)!.close();
  assert.equal(open(true, 1000), null);
  assert.match(warnings[1], /~\/\.tsync is not used: it belongs to another user/);
  os.setMode(folder(".tsync/state"), 0o777);
  open(false)!.close();
  const stat = new Stat();
  os.statHandle(folder(".tsync/state"), stat);
  assert.equal(stat.mode, 0o700);
});

Deno.test("StateFolder writes a file whole, reads it back, lists by prefix and keeps the newest", () => {
  const { os, open, folder } = home();
  const state = open(true)!;
  assert.equal(state.read("run-1", 100), null);
  for (const k of [1, 2, 3]) assert.equal(state.write(`run-${k}`, utf8(`content ${k}`)), 0);
  assert.equal(state.write("run-1", utf8("other"), true), 0);
  state.write("device-1", utf8("x"));
  assert.equal(text(state.read("run-1", 100)), "other");
  assert.deepEqual(state.names("run-"), ["run-1", "run-2", "run-3"]);
  // What a dead run left half-written goes with the old ones.
  const old = os.openFile(folder(".tsync/state"), utf8(".aside-0011"), OpenMode.create, 0o600);
  os.setTimes(old, 1_000_000, 0);
  os.close(old);
  state.keepNewest("run-", 2);
  assert.deepEqual(state.names("run-"), ["run-1", "run-3"]);
  assert.deepEqual(state.names(""), ["device-1", "run-1", "run-3"]);
  const stat = new Stat();
  assert.ok(os.statAt(folder(".tsync/state"), utf8(".aside-0011"), 0, 11, stat) < 0);
  assert.equal(state.remove("run-3"), 0);
  assert.deepEqual(state.names("run-"), ["run-1"]);
});

Deno.test("StateFolder passes over what is a link, shared, somebody else's, open to others or too large", () => {
  const { os, open, folder, warnings } = home();
  const state = open(true)!;
  const at = folder(".tsync/state");
  state.write("mine", utf8("mine"));
  os.makeLink(at, utf8("link"), utf8("mine"));
  os.hardLink(at, utf8("mine"), at, utf8("second"));
  os.makeFolder(at, utf8("folder"), 0o700);
  for (const name of ["other", "lax", "large"]) state.write(name, utf8(name));
  os.setOwner(os.pin(at, utf8("other")), 1000, 1000);
  os.setMode(os.pin(at, utf8("lax")), 0o622);
  for (const name of ["link", "second", "mine", "folder", "other", "lax"]) assert.equal(state.read(name, 100), null);
  assert.equal(state.read("large", 4), null);
  assert.deepEqual(warnings.map((line) => line.replace(/^~\/\.tsync\/state\//, "")), [
    "link is not used: it is a link",
    "second is not used: it has more than one name",
    "mine is not used: it has more than one name",
    "folder is not used: it is no regular file",
    "other is not used: it belongs to another user",
    "lax is not used: others may write to it",
    "large is not used: it has more than 4 bytes",
  ]);
});

Deno.test("StateFolder leaves the old file where a write fails", () => {
  const { os, open, folder } = home();
  const state = open(true)!;
  state.write("run", utf8("old"));
  os.fault({ verb: "rename", errno: 28 });
  assert.equal(state.write("run", utf8("new")), -28);
  assert.equal(text(state.read("run", 10)), "old");
  assert.ok(os.openFile(folder(".tsync/state"), utf8("run"), OpenMode.read, 0) > 0);
  assert.deepEqual(state.names(""), ["run"]);
});
