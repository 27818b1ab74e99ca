// The recorder: what it counts as a change, and what it leaves alone.

import assert from "node:assert/strict";
import { openMemory } from "../../lib/os/memory.ts";
import { Listing, OpenMode, Stat } from "../../lib/os/os.ts";
import { RecordingOs } from "../../lib/os/recording.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("RecordingOs counts changes apart from looks, and openFile as a change only when it creates", () => {
  const os = new RecordingOs(openMemory());
  const root = os.openRoot(utf8("/"));
  const stat = new Stat();
  const file = os.openFile(root, utf8("f"), OpenMode.create, 0o600);
  os.writeAll(file, utf8("x"));
  os.close(file);
  assert.equal(os.changes, 2);
  os.forget();
  for (const how of [OpenMode.read, OpenMode.write]) os.close(os.openFile(root, utf8("f"), how, 0));
  os.statAt(root, utf8("f"), 0, 1, stat);
  os.readFolder(root, new Listing());
  os.fileSystem(root);
  os.lockShared(root);
  const pin = os.pin(root, utf8("f"));
  os.sync(root);
  assert.equal(os.changes, 0);
  assert.deepEqual(os.changing(), []);
  os.setTimes(pin, 1, 1);
  os.unlink(root, utf8("absent"));
  assert.equal(os.changes, 2);
  assert.deepEqual(os.changing().map(({ verb, result }) => [verb, result]), [["setTimes", 0], ["unlink", -2]]);
});

Deno.test("RecordingOs notes verbs with their names, even when the caller reuses its buffer", () => {
  const os = new RecordingOs(openMemory());
  const root = os.openRoot(utf8("/"));
  const buffer = utf8("abcdef");
  os.statAt(root, buffer, 1, 2, new Stat());
  os.makeFolder(root, buffer.subarray(0, 3), 0o755);
  buffer.fill(0x7a);
  const noted = os.notes.map(({ verb, name }) => `${verb} ${name && String.fromCharCode(...name)}`);
  assert.deepEqual(noted, ["openRoot /", "statAt bc", "makeFolder abc"]);
  assert.deepEqual([os.count("statAt"), os.count("rename")], [1, 0]);
});

Deno.test("RecordingOs without notes keeps counts only", () => {
  const os = new RecordingOs(openMemory(), false);
  const root = os.openRoot(utf8("/"));
  os.makeFolder(root, utf8("a"), 0o755);
  assert.deepEqual([os.notes.length, os.count("makeFolder"), os.changes], [0, 1, 1]);
});
