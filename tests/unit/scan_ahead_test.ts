// The target's tree scanned ahead of a pull: taken for what it is only if the run writes in that very folder.

import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/bytes.ts";
import { defaultOptions, type SyncOptions } from "../../lib/base/options.ts";
import type { Environment } from "../../lib/engine/environment.ts";
import { filterSet } from "../../lib/engine/filters.ts";
import { ScanAhead } from "../../lib/engine/scan_ahead.ts";
import { type MemoryOs, openMemory } from "../../lib/os/memory.ts";
import { file, folder, plant } from "../support/trees.ts";
import { settled } from "../wire/raw_peer.ts";

function environment(os: MemoryOs): Environment {
  const nobody = () => null;
  return {
    os,
    identity: { uid: 0, gid: 0, groups: new Set([0]) },
    umask: 0o022,
    breathe: settled,
    pause: settled,
    now: () => 0,
    randomBytes: (count) => new Uint8Array(count),
    accounts: { uidOf: nobody, gidOf: nobody, nameOfUid: nobody, nameOfGid: nobody, ownGroups: () => [0] },
    workingFolder: () => "/",
    homeFolder: () => utf8("/"),
  };
}

function begin(
  os: MemoryOs,
  path: string,
  changes: Partial<SyncOptions> = {},
  only: Uint8Array[] | null = null,
): ScanAhead | null {
  const options = { ...defaultOptions(), recursive: true, times: true, ...changes };
  return ScanAhead.begin({
    env: environment(os),
    options,
    filters: filterSet([]),
    path: utf8(path),
    only,
    attributes: null,
  });
}

function trees(): MemoryOs {
  const os = openMemory({});
  plant("/", [folder("a"), folder("b"), file("c", "c")], os);
  const files = [file("x/1", "1", { sec: 5 }), file("x/2", "2", { sec: 5 })];
  for (const root of ["/a", "/b"]) plant(root, files, os);
  return os;
}

Deno.test("ScanAhead: begins where a folder is and the quick check decides, and nowhere else", () => {
  const os = trees();
  for (
    const [path, changes] of [["/none", {}], ["/c", {}], ["/a", { checksum: true }], ["/a", {
      recursive: false,
    }]] as const
  ) {
    assert.equal(begin(os, path, changes), null, path);
  }
  const ahead = begin(os, "/a")!;
  ahead.close();
  assert.equal(os.openHandles(), 0);
});

Deno.test("ScanAhead: knows its folder from another of the same content, also after a rename", () => {
  const os = trees();
  const ahead = begin(os, "/a")!;
  const [a, b] = ["/a", "/b"].map((path) => os.openRoot(utf8(path)));
  assert.equal(ahead.isOf(a), true);
  assert.equal(ahead.isOf(b), false);
  const top = os.openRoot(utf8("/"));
  os.rename(top, utf8("a"), top, utf8("z"));
  os.rename(top, utf8("b"), top, utf8("a"));
  const now = os.openRoot(utf8("/a"));
  assert.equal(ahead.isOf(now), false, "another folder has its name now");
  for (const handle of [a, b, top, now]) os.close(handle);
  ahead.close();
  assert.equal(os.openHandles(), 0);
});

Deno.test("ScanAhead: what it found is compared once there is a seal", async () => {
  const os = trees();
  const [a, b] = [begin(os, "/a")!, begin(os, "/b")!];
  let digest = new Uint8Array(16);
  b.seal = (bytes) => digest = bytes.slice(0, 16);
  a.seal = (bytes) => bytes.subarray(0, 16);
  const [other] = await b.tree.compare([utf8("x")], new Uint8Array(16));
  assert.ok("seen" in other && other.seen !== null, "no such content");
  const [same, none] = await a.tree.compare([utf8("x"), utf8("y")], new Uint8Array([...digest, ...digest]));
  assert.ok("equal" in same && same.equal.files === 2);
  assert.deepEqual(none, { seen: null }, "no such folder");
  a.close();
  b.close();
  assert.equal(os.openHandles(), 0);
});

Deno.test("ScanAhead: of named sources it reads what has their names, and what is missing is no trouble", async () => {
  const os = trees();
  plant("/a", [file("y/3", "3")], os);
  const ahead = begin(os, "/a", {}, [utf8("x"), utf8("none")])!;
  assert.equal(ahead.isOfRoot, false);
  const digests: Uint8Array[] = [];
  ahead.seal = (bytes) => {
    digests.push(bytes.slice(0, 16));
    return bytes.subarray(0, 16);
  };
  const compared = await ahead.tree.compare([utf8("x"), utf8("y"), utf8("none")], new Uint8Array(48));
  assert.deepEqual(compared.map((one) => "seen" in one && one.seen !== null), [true, false, false]);
  assert.equal(digests.length, 1, "x alone was read");
  const [same] = await ahead.tree.compare([utf8("x")], digests[0]);
  assert.ok("equal" in same && same.equal.files === 2);
  ahead.close();
  assert.equal(os.openHandles(), 0);
});

Deno.test("ScanAhead: reads by itself, and no more once it is closed", async () => {
  const calls = async (turns: number) => {
    const os = openMemory({});
    plant("/", Array.from({ length: 50 }, (_, i) => file(`d/${i}/f`, "x")), os);
    const before = os.calls();
    const ahead = begin(os, "/d")!;
    for (let turn = 0; turn < turns; turn++) await settled();
    ahead.close();
    const read = os.calls() - before;
    for (let turn = 0; turn < 100; turn++) await settled();
    assert.equal(os.calls() - before, read);
    return read;
  };
  const [little, all] = [await calls(5), await calls(100)];
  assert.ok(little > 5 && little < all / 2, `${little} of ${all} calls`);
});
