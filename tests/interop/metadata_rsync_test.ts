// Hard links, extended attributes and access lists beside rsync's: first run, changed runs, dry runs, deletions.

import { Kind } from "../../lib/os/os.ts";
import { acl, type Entry, file, folder, link, sameAs, special } from "../support/trees.ts";
import { useOtherMachine } from "../support/topology.ts";
import { type Scenario, testScenarios } from "./scenario.ts";

useOtherMachine();

const AS_ROOT = Deno.uid() === 0;
const OLD = { sec: 1_000_000_000, ns: 5 };
const NEW = { sec: 1_100_000_000, ns: 7 };
const TOPS = [folder("s", { mode: 0o755, ...NEW }), folder("d", { mode: 0o755, ...OLD })];

// ---- names of one inode

/** a, x/b and y/c are one file, l and m another, and there are links and a FIFO of two names. */
function linked(root: string, more = {}): Entry[] {
  return [
    file(`${root}/a`, "one", { ...OLD, mode: 0o644, ...more }),
    sameAs(`${root}/x/b`, `${root}/a`),
    sameAs(`${root}/y/c`, `${root}/a`),
    file(`${root}/l`, "two", OLD),
    sameAs(`${root}/m`, `${root}/l`),
    file(`${root}/alone`, "three", OLD),
    link(`${root}/sym`, "nowhere", OLD),
    sameAs(`${root}/sym2`, `${root}/sym`, Kind.link),
    special(`${root}/pipe`, Kind.fifo, OLD),
    sameAs(`${root}/pipe2`, `${root}/pipe`, Kind.fifo),
    folder(`${root}/x`, { mode: 0o755, ...NEW }),
    folder(`${root}/y`, { mode: 0o755, ...NEW }),
  ];
}

/** The same names, each a file of its own. */
function apart(root: string): Entry[] {
  return linked(root).map((entry) => {
    const { sameAs: other, ...rest } = entry;
    if (other === undefined) return entry;
    const model = linked(root).find(({ path }) => path === other)!;
    return { ...model, ...rest };
  });
}

const without = (entries: Entry[], ...paths: string[]) => entries.filter(({ path }) => !paths.includes(path));
const LINKS = { extra: ["links"] } as const;
const links = (name: string, options: string, entries: readonly Entry[], more: Partial<Scenario> = {}): Scenario => {
  return { name, options, entries: [...TOPS, ...entries], ...LINKS, ...more };
};

const SOURCE = linked("s");
const PAIR = [...SOURCE, ...linked("d")];

// ---- extended attributes and access lists

const LONG = "z".repeat(3000);
const ROOT_ONLY = (attributes: Record<string, string>) => AS_ROOT ? attributes : {};

/** Files, a folder, a link and a FIFO with attributes of their own or of others, and such without. */
function attributed(root: string, more: Record<string, string> = {}): Entry[] {
  const shared = { "user.kind": "shared", "user.empty": "" };
  return [
    folder(root, { mode: 0o755, ...OLD, attributes: { "user.root": "r", ...more } }),
    file(`${root}/plain`, "1", OLD),
    file(`${root}/one`, "one", {
      ...OLD,
      attributes: { ...shared, "user.bin": "\0\xff\n", "user.long": LONG, ...more },
    }),
    file(`${root}/two`, "two", { ...OLD, attributes: shared }),
    file(`${root}/sub/three`, "three", { ...OLD, mode: 0o444, attributes: shared }),
    file(`${root}/sub/secret`, "4", { ...OLD, attributes: ROOT_ONLY({ "trusted.t": "t", "security.s": "s" }) }),
    folder(`${root}/sub`, { mode: 0o755, ...OLD, attributes: { "user.folder": "f", ...more } }),
    link(`${root}/link`, "one", { ...OLD, attributes: ROOT_ONLY({ "trusted.l": "l", ...rooted(more) }) }),
    special(`${root}/pipe`, Kind.fifo, { ...OLD, attributes: ROOT_ONLY({ "trusted.p": "p" }) }),
  ];
}

/** The same attributes in a namespace that links may have. */
function rooted(more: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(more).map(([name, value]) => [name.replace("user.", "trusted."), value]));
}

const ACCESS = "system.posix_acl_access";
const DEFAULT = "system.posix_acl_default";
const [OWNER, USER, GROUP_OWNER, GROUP, MASK, OTHER] = [1, 2, 4, 8, 16, 32];
const forUser = (uid: number, perms: number, mask = 6) =>
  acl([OWNER, 6], [USER, perms, uid], [GROUP_OWNER, 4], [MASK, mask], [OTHER, 4]);
const FOR_FOLDER = acl([OWNER, 7], [USER, 5, 2], [GROUP_OWNER, 5], [GROUP, 1, 3], [MASK, 5], [OTHER, 5]);

/** A file for more readers, a folder that hands its list on, and such without. */
function listed(root: string, perms = 6): Entry[] {
  return [
    folder(root, { mode: 0o755, ...OLD }),
    file(`${root}/plain`, "1", { ...OLD, mode: 0o644 }),
    file(`${root}/many`, "2", { ...OLD, attributes: { [ACCESS]: forUser(1, perms) } }),
    folder(`${root}/sub`, { ...OLD, attributes: { [DEFAULT]: FOR_FOLDER, [ACCESS]: FOR_FOLDER } }),
    file(`${root}/sub/bare`, "3", {
      ...OLD,
      mode: 0o640,
      attributes: { [ACCESS]: acl([OWNER, 6], [GROUP_OWNER, 4], [OTHER, 0]) },
    }),
    folder(`${root}/sub/inner`, { mode: 0o755, ...OLD }),
    file(`${root}/unknown`, "5", { ...OLD, attributes: { [ACCESS]: forUser(4_000_000, 4) } }),
  ];
}

const XATTRS = { extra: ["xattrs"] } as const;
const ACLS = { extra: ["acls", "xattrs"] } as const;
const S_X = attributed("s");
const D_X = attributed("d");
const D_BARE = attributed("d").map(({ attributes: _, ...entry }) => entry);
const S_A = listed("s");
const D_A = listed("d");
const D_A_BARE = [folder("d", OLD), file("d/plain", "1", OLD), file("d/many", "2", OLD), folder("d/sub", OLD)];
const scene = (name: string, options: string, entries: Entry[], more: Partial<Scenario> = {}): Scenario => {
  return { name, options, entries, ...more };
};

testScenarios("metadata", [
  scene("-X into nothing", "-aXi", [...S_X, folder("d", OLD)], XATTRS),
  scene("-X into a folder that is not there", "-aXv", S_X, { ...XATTRS, target: "new" }),
  scene("-X -n into nothing", "-aXni", [...S_X, folder("d", OLD)], XATTRS),
  scene("-X where all is as it should be", "-aXii", [...S_X, ...D_X], XATTRS),
  scene("-X where the target has none", "-aXi", [...S_X, ...D_BARE], XATTRS),
  scene("-X -n where the target has none", "-aXni", [...S_X, ...D_BARE], XATTRS),
  scene("-X -v where the target has none", "-aXv", [...S_X, ...D_BARE], XATTRS),
  scene("-X -vv where the target has none", "-aXvv", [...S_X, ...D_BARE], XATTRS),
  scene("-X where the target has more", "-aXi", [...S_X, ...attributed("d", { "user.more": "1" })], XATTRS),
  scene(
    "-X where values differ",
    "-aXi",
    [...S_X, ...attributed("d", { "user.kind": "other", "user.root": "o" })],
    XATTRS,
  ),
  scene("-X of changed content", "-aXi", [
    ...attributed("s").map((entry) => entry.path === "s/one" ? { ...entry, ...NEW, data: [] } : entry),
    ...attributed("d", { "user.more": "1" }),
  ], XATTRS),
  scene("no -X where attributes differ", "-ai", [...S_X, ...D_BARE], XATTRS),
  scene("no -X of changed content", "-aIi", [...S_X, ...D_X], { ...XATTRS, without: ["mtime"] }),
  scene("-rX", "-rXi", [...S_X, ...D_BARE], { ...XATTRS, without: ["mtime"] }),
  scene("-X of one file", "-aXi", [...S_X, folder("d", OLD)], {
    ...XATTRS,
    sources: ["s/one"],
    target: "d/new",
    without: ["mtime"],
  }),
  scene("-X -c", "-aXci", [...S_X, ...attributed("d", { "user.more": "1" })], XATTRS),
  scene(
    "-X --delete",
    "-aXi --delete",
    [...S_X, ...D_X, file("d/gone", "", { ...OLD, attributes: { "user.x": "1" } })],
    XATTRS,
  ),
  scene("-X with access lists, which stay behind", "-aXi", [...S_A, folder("d", OLD)], ACLS),
  scene("-HX", "-aHXi", [
    ...S_X,
    sameAs("s/again", "s/one"),
    ...D_BARE,
    file("d/again", "one", OLD),
  ], { extra: ["xattrs", "links"] }),
  ...[
    "--filter=-x_user.k*",
    "--filter=-xr_user.k*",
    "--filter=-xs_user.k*",
    "--filter=+x_user.k* --filter=-x_*",
    "--filter=-x!_user.*",
  ].map((rules) =>
    scene(
      `-X ${rules}`,
      `-aXi ${rules}`,
      [...S_X, ...attributed("d", { "user.kind": "other", "user.kept": "k", "user.more": "1" })],
      XATTRS,
    )
  ),
  scene("-A into nothing", "-aAi", [...S_A, folder("d", OLD)], ACLS),
  scene("-A into a folder that gives its list", "-aAi", [
    ...S_A,
    folder("d", { ...OLD, attributes: { [DEFAULT]: FOR_FOLDER } }),
  ], ACLS),
  scene("no -A into a folder that gives its list", "-ai", [
    file("s/f", "1", { ...OLD, mode: 0o644 }),
    folder("d", { ...OLD, attributes: { [DEFAULT]: FOR_FOLDER } }),
  ], { ...ACLS, without: ["mtime"] }),
  scene("-A where all is as it should be", "-aAii", [...S_A, ...D_A], ACLS),
  scene("-A where the target has none", "-aAi", [...S_A, ...D_A_BARE], ACLS),
  scene("-A -n where the target has none", "-aAni", [...S_A, ...D_A_BARE], ACLS),
  scene("-A -v where the target has none", "-aAv", [...S_A, ...D_A_BARE], ACLS),
  scene("-A -vv where lists differ", "-aAvv", [...S_A, ...listed("d", 4)], ACLS),
  scene("-A where lists differ", "-aAi", [...S_A, ...listed("d", 4)], ACLS),
  scene("-A where the source has none", "-aAi", [
    folder("s", OLD),
    file("s/many", "2", { ...OLD, mode: 0o644 }),
    folder("s/sub", { ...OLD, mode: 0o755 }),
    ...D_A,
  ], ACLS),
  scene("-rA implies -p", "-rAi", [...S_A, ...D_A_BARE], { ...ACLS, without: ["mtime"] }),
  scene("-A --numeric-ids", "-aAi --numeric-ids", [...S_A, folder("d", OLD)], ACLS),
  scene("-AX", "-aAXi", [...S_A, ...D_A_BARE], ACLS),
]);

testScenarios("metadata", [
  links("-H into nothing", "-aHi", SOURCE),
  links("-H into a folder that is not there", "-aHv", SOURCE, { target: "new" }),
  links("-H -n into nothing", "-aHni", SOURCE),
  links("-H --stats into nothing", "-aH --stats", SOURCE),
  links("-H where all is as it should be", "-aHii", PAIR),
  links("-H -vv where all is as it should be", "-aHvv", PAIR),
  links("-H where the names are files of their own", "-aHi", [...SOURCE, ...apart("d")]),
  links("-H -n where the names are files of their own", "-aHni", [...SOURCE, ...apart("d")]),
  links("-H -v where the names are files of their own", "-aHv", [...SOURCE, ...apart("d")]),
  links("no -H", "-ai", [...SOURCE, ...linked("d")]),
  links("-H of a changed file", "-aHi", [...linked("s", { data: [], ...NEW }), ...linked("d")]),
  links("-H -n of a changed file", "-aHni", [...linked("s", { data: [], ...NEW }), ...linked("d")]),
  links("-H of a changed mode", "-aHi", [...linked("s", { mode: 0o600 }), ...linked("d")]),
  links("-H with the first name gone at the source", "-aHi --delete", [
    ...without(linked("s"), "s/l", "s/m"),
    ...linked("d"),
  ]),
  links("-H with the first name missing at the target", "-aHi", [
    ...SOURCE,
    file("d/x/b", "one", { ...OLD, mode: 0o644 }),
    sameAs("d/y/c", "d/x/b"),
  ]),
  links("-H with an old second name and no first", "-aHi", [...SOURCE, file("d/x/b", "an old one", NEW)]),
  links("-H with other kinds in the way", "-aHi", [
    ...SOURCE,
    ...without(linked("d"), "d/x/b", "d/y/c"),
    link("d/x/b", "elsewhere", OLD),
    folder("d/y/c", { mode: 0o755, ...OLD }),
  ]),
  links("-H with a full folder in the way and --delete", "-aHi --delete", [
    ...SOURCE,
    ...without(linked("d"), "d/x/b"),
    file("d/x/b/full", "1", OLD),
  ]),
  links("-H where the target links too much", "-aHi", [
    ...SOURCE,
    ...without(linked("d"), "d/l", "d/m", "d/alone"),
    sameAs("d/l", "d/a"),
    sameAs("d/alone", "d/a"),
  ]),
  links("-H with a name left out by a rule", "-aHi --exclude=/a", SOURCE),
  links("-H with a rule and --delete", "-aHi --exclude=b --delete", PAIR),
  links("-H of a part of the names", "-aHi", SOURCE, { sources: ["s/x/"] }),
  links("-H across source arguments", "-aHi", SOURCE, {
    sources: ["s/x", "s/y", "s/a"],
    without: ["mtime"],
  }),
  links("-H of one name to a name", "-aHi", SOURCE, { sources: ["s/a"], target: "d/z", without: ["mtime"] }),
  links("-H without -t", "-rHi", [...SOURCE, ...apart("d")], { without: ["mtime"] }),
  links("-H without -t, links", "-rlHi", [...SOURCE, ...apart("d")], { without: ["mtime"] }),
  links("-H -c", "-aHci", [...SOURCE, ...apart("d")]),
  links("-H -I", "-aHIi", PAIR),
  links("-H with other owners at the target", "-aHi", [
    ...SOURCE,
    ...without(apart("d"), "d/x/b"),
    file("d/x/b", "one", { ...OLD, mode: 0o600, ...(AS_ROOT ? { uid: 1, gid: 1 } : {}) }),
  ]),
]);
