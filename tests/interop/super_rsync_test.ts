// --fake-super, --super, --no-super and -XX beside rsync's: what one has noted the other reads back.

import assert from "node:assert/strict";
import { Kind } from "../../lib/os/os.ts";
import { manifest } from "../support/manifest.ts";
import { withPlace } from "../support/run.ts";
import { LOCAL, testEach, useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link, plant, special } from "../support/trees.ts";
import { type Scenario, testScenarios } from "./scenario.ts";

useOtherMachine();

const AS_ROOT = Deno.uid() === 0;
const OLD = { sec: 1_000_000_000, ns: 5 };
const NEW = { sec: 1_100_000_000, ns: 7 };
/** As the kernel writes user::rw-, user:1000:rw-, group::r--, mask::rw-, other::r-- */
const ACL = "\x02\0\0\0" +
  [[1, 6], [2, 6, 1000], [4, 4], [16, 6], [32, 4]].map(([tag, perms, id = 0xffffffff]) =>
    String.fromCharCode(tag, 0, perms, 0, id & 255, id >> 8 & 255, id >> 16 & 255, id >>> 24)
  ).join("");

/** What only root can make, as root; else what anybody can. */
function privileged(root: string): Entry[] {
  const plain = [
    folder(root, { mode: 0o755, ...OLD }),
    file(`${root}/setuid`, "1", { mode: 0o4755, ...OLD }),
    file(`${root}/closed`, "2", { mode: 0o000, ...NEW }),
    file(`${root}/plain`, "3", { mode: 0o644, ...OLD }),
    file(`${root}/own attribute`, "4", { mode: 0o644, ...OLD, attributes: { "user.a": "b" } }),
    folder(`${root}/sticky`, { mode: 0o1777, ...OLD }),
    file(`${root}/sticky/in`, "5", { mode: 0o400, ...OLD }),
    special(`${root}/pipe`, Kind.fifo, { mode: 0o640, ...OLD }),
    special(`${root}/sock`, Kind.socket, { mode: 0o755, ...NEW }),
  ];
  if (!AS_ROOT) return plain;
  return [
    ...plain,
    file(`${root}/owned`, "6", { mode: 0o644, uid: 1000, gid: 1001, ...OLD }),
    folder(`${root}/theirs`, { mode: 0o2750, uid: 7, gid: 8, ...OLD }),
    special(`${root}/null`, Kind.charDevice, { mode: 0o666, device: [1, 3], ...OLD }),
    special(`${root}/disk`, Kind.blockDevice, { mode: 0o660, gid: 6, device: [8, 1], ...NEW }),
    file(`${root}/acl`, "7", { ...OLD, attributes: { "system.posix_acl_access": ACL } }),
    folder(`${root}/acls`, { mode: 0o755, ...OLD, attributes: { "system.posix_acl_default": ACL } }),
    file(`${root}/trusted`, "8", { mode: 0o644, ...OLD, attributes: { "trusted.t": "t", "user.u": "u" } }),
  ];
}

/** The same as --fake-super leaves them. */
function noted(root: string): Entry[] {
  const stat = (text: string) => ({ "user.rsync.%stat": text });
  return [
    folder(root, { mode: 0o755, ...OLD }),
    file(`${root}/setuid`, "1", { mode: 0o755, ...OLD, attributes: stat("104755 0,0 0:0") }),
    file(`${root}/owned`, "2", { mode: 0o644, ...NEW, attributes: stat("100640 0,0 1000:1001") }),
    file(`${root}/plain`, "3", { mode: 0o644, ...OLD }),
    folder(`${root}/theirs`, { mode: 0o755, ...OLD, attributes: stat("42750 0,0 7:8") }),
    file(`${root}/theirs/pipe`, "", { mode: 0o644, ...OLD, attributes: stat("10644 0,0 5:5") }),
    file(`${root}/null`, "", { mode: 0o644, ...OLD, attributes: stat("20666 1,3 0:0") }),
    file(`${root}/link`, "to/where", { mode: 0o600, ...NEW, attributes: stat("120777 0,0 3:4") }),
    file(`${root}/rooted`, "4", { mode: 0o644, ...OLD, attributes: { "user.rsync.trusted.x": "y", "user.z": "" } }),
    file(`${root}/listed`, "5", {
      mode: 0o664,
      ...OLD,
      attributes: {
        "user.rsync.%aacl": "\x80\0\0\0\x04\0\0\0\x06\0\0\0\x80\0\0\0\xe8\x03\0\0\x06\0\0\x80\x05\0\0\0\x04\0\0\0",
      },
    }),
  ];
}

/** A stand-in of a link can be changed by everybody where rsync made it, by its owner only where tsync did. */
const UNLINKED = (entries: Entry[]) => entries.filter(({ path }) => !path.endsWith("/link"));

const FIELDS = { extra: ["xattrs", "acls"] } as const;
const D = folder("d", { mode: 0o755, ...OLD });

const SCENARIOS: Scenario[] = [
  {
    name: "noted at the target",
    options: "-aiAX -M--fake-super",
    entries: [...privileged("s"), D],
    ...FIELDS,
    local: true,
  },
  { name: "noted where the words are", options: "-aiAX --fake-super", entries: [...privileged("s"), D], ...FIELDS },
  { name: "noted over the wire", options: "-aiAX -M--fake-super", entries: [...privileged("s"), D], ...FIELDS },
  { name: "noted without -X and -A", options: "-ai -M--fake-super", entries: [...privileged("s"), D], ...FIELDS },
  {
    name: "noted, second run",
    options: "-aiAX --fake-super",
    entries: [...noted("s"), ...noted("d")],
    extra: ["xattrs"],
    // rsync changes the mode below a note that is right.
    without: ["mode"],
    local: true,
  },
  { name: "read back", options: "-aiAX --fake-super -M--super", entries: [...noted("s"), D], ...FIELDS },
  {
    name: "noted on both sides",
    options: "-aiAX --fake-super",
    entries: [...UNLINKED(noted("s")), D],
    ...FIELDS,
  },
  { name: "-n --fake-super", options: "-ainAX --fake-super", entries: [...noted("s"), D], ...FIELDS },
  { name: "-X leaves the notes", options: "-aiX", entries: [...noted("s"), D], ...FIELDS },
  { name: "-XX takes the notes", options: "-aiXX", entries: [...noted("s"), D], ...FIELDS },
  {
    name: "-X leaves the target's notes",
    options: "-aiX",
    entries: [...privileged("s"), ...noted("d")],
    ...FIELDS,
    without: ["mtime"],
  },
  {
    name: "-XX takes the target's notes away",
    options: "-aiXX",
    entries: [file("s/plain", "3", OLD), ...noted("d")],
    ...FIELDS,
  },
  { name: "--super", options: "-aiAX --super", entries: [...privileged("s"), D], ...FIELDS },
  {
    name: "--delete --fake-super",
    options: "-ai --delete --fake-super",
    entries: [file("s/plain", "3", OLD), ...noted("d")],
    ...FIELDS,
  },
];

testScenarios("super", AS_ROOT ? SCENARIOS : SCENARIOS.filter(({ name }) => name.startsWith("noted with")));

testEach("super: a tree that one program noted is read back by the other", async (way) => {
  await withPlace(async (place) => {
    plant(place, [...privileged("s"), link("s/link", "anywhere", OLD)]);
    const fields = async (folder: string) => {
      const found = await manifest(`${place}/${folder}`, true, ["xattrs", "acls"]);
      return [...found].map(([path, { allocated: _, ...rest }]) => [path, rest]).sort();
    };
    const [noting, reading] = [["-aAX", "-M--fake-super"], ["-aAX", "--fake-super", "-M--super"]];
    for (const [first, second] of [["sync", "rsync"], ["rsync", "sync"]] as const) {
      const [there, back] = [`${place}/noted by ${first}`, `${place}/read by ${second}`];
      assert.equal((await way[first](noting, `${place}/s/`, there)).code, 0);
      assert.equal((await way[second](reading, `${there}/`, back)).code, 0);
      if (AS_ROOT) assert.deepEqual(await fields(`read by ${second}`), await fields("s"));
      const again = await way[second === "sync" ? "sync" : "rsync"](["-i", ...noting], `${place}/s/`, there);
      assert.deepEqual([again.code, again.out], [0, ""], "and by the other nothing is left to do");
    }
  });
}, [LOCAL]);

testEach("super: notes that are none are told, and cost only their entries", async (way) => {
  await withPlace(async (place) => {
    const notes = ["junk", "40755 0,0 0:0", "20666 1,3 99999999999:0", "120777 0,0 0:0\n"];
    const bad = notes.map((note, i) => file(`s/bad ${i}`, "data", { attributes: { "user.rsync.%stat": note } }));
    plant(place, [...bad, file("s/good", "good", OLD), file("d/extra", "extra", OLD)]);
    const ran = await way.sync(["-a", "--delete", "--fake-super"], `${place}/s/`, `${place}/d`);
    assert.equal(ran.code, 23, ran.err);
    for (let i = 0; i < notes.length; i++) assert.match(ran.err, new RegExp(`bad ${i}.*Invalid argument`));
    const left = [...await manifest(`${place}/d`, true)].map(([path]) => path).sort();
    assert.deepEqual(left, ["", "extra", "good"], "and nothing is deleted");
  });
}, [LOCAL]);
