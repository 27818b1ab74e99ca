// Options that are taken back (--X --no-X), beside rsync's: what is left is as if neither had been said. The trees are such that the option
// by itself would show.

import assert from "node:assert/strict";
import { acl, type Entry, file, folder, link, sameAs, special } from "../support/trees.ts";
import { Kind } from "../../lib/os/os.ts";
import { LOCAL, testEach, useOtherMachine } from "../support/topology.ts";
import { ask } from "./oracle.ts";
import { type Scenario, testScenarios } from "./scenario.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 5 };
const NEW = { sec: 1_100_000_000, ns: 7 };
const ACCESS = "system.posix_acl_access";
/** For user 1: owner, that user, group, mask and others. */
const FOR_ONE = acl([1, 6], [2, 6, 1], [4, 4], [16, 6], [32, 4]);

/** Something for each of the options. */
function source(): Entry[] {
  return [
    folder("s", { mode: 0o755, ...NEW }),
    folder("s/empty", { mode: 0o755, ...OLD }),
    folder("s/sub", { mode: 0o750, ...OLD }),
    file("s/changed", "new content", { mode: 0o644, ...NEW }),
    file("s/same", "same", { mode: 0o644, ...OLD }),
    file("s/sub/inner", "inner", { mode: 0o644, ...OLD, attributes: { "user.kind": "x" } }),
    file("s/sub/listed", "listed", { mode: 0o644, ...OLD, attributes: { [ACCESS]: FOR_ONE } }),
    file("s/one", "one", { mode: 0o644, ...OLD }),
    sameAs("s/two", "s/one"),
    link("s/link", "changed", OLD),
    link("s/away", "/nowhere/at/all", OLD),
    special("s/pipe", Kind.fifo, OLD),
    file("s/way", "a file", { mode: 0o644, ...OLD }),
  ];
}

/** An older version, in which a folder is in the way of a file, and two names are one. */
function target(): Entry[] {
  return [
    folder("d", { mode: 0o755, ...OLD }),
    folder("d/sub", { mode: 0o750, ...NEW }),
    file("d/changed", "old content", { mode: 0o600, ...OLD }),
    sameAs("kept", "d/changed"),
    file("d/same", "same", { mode: 0o644, ...OLD }),
    file("d/sub/extra", "extra", { mode: 0o644, ...OLD }),
    link("d/link", "elsewhere", NEW),
    file("d/way/in it", "in the way", { mode: 0o644, ...OLD }),
  ];
}

/** Without what is in the way of a file. */
const open = (entries: Entry[]) => entries.filter(({ path }) => !path.includes("/way"));

const back = (name: string, options: string, more: Partial<Scenario> = {}): Scenario => {
  return { name, options, entries: open([...source(), ...target()]), ...more };
};

testScenarios("taken back", [
  back("-m", "-ai -m --no-m"),
  back("--munge-links", "-ai --munge-links --no-munge-links"),
  back("--drop-D", "-ai --drop-D --no-drop-D"),
  back("-O", "-ai -O --no-O"),
  back("-J", "-ai -J --no-J"),
  back("-A", "-ai -A --no-A", { extra: ["acls", "xattrs"] }),
  back("-X", "-ai -X --no-X", { extra: ["xattrs"] }),
  back("-H", "-ai -H --no-H", { extra: ["links"] }),
  back("-b", "-ai -b --no-backup"),
  back("-i", "-a -i --no-itemize-changes"),
  back("-8", "-ai -8 --no-8-bit-output", {
    entries: [...open([...source(), ...target()]), file("s/\xe4", "odd", OLD)],
  }),
  back("--msgs2stderr", "-ai --msgs2stderr --no-msgs2stderr"),
  back("--progress", "-a --progress --no-progress"),
  back("--mkpath", "-ai --mkpath --no-mkpath", { target: "new/deep/d" }),
  back("--inplace", "-ai --inplace --no-inplace", { extra: ["links"] }),
  back("--delay-updates", "-ai --inplace --delay-updates --no-delay-updates", { extra: ["links"] }),
  back("-0", "-ai -0 --no-from0 --exclude-from=rules", { entries: [...open([...source(), ...target()]), rules()] }),
]);

/** Rules that end with a line feed. */
function rules(): Entry {
  return file("rules", "sub\nsame\n", { mode: 0o644, ...OLD });
}

testEach(
  "taken back: -W: what changed of a file is sent, but on one machine, where it is copied whole (declared)",
  async (way) => {
    const bytes = new Uint8Array(300_000).map((_, i) => (i * 2_654_435_761) >>> 13);
    const literal = async (...options: string[]) => {
      const entries = [file("s/changed", bytes.with(100_000, bytes[100_000] ^ 1), NEW), file("d/changed", bytes, OLD)];
      const { tsync, rsync } = await ask(way, {
        entries,
        options: ["-a", "--stats", "--no-h", ...options],
        sources: ["s/"],
        target: "d",
      });
      return [tsync, rsync].map(({ lines }) => Number(/^Literal data: (\d+) bytes/m.exec(lines.join("\n"))![1]));
    };
    assert.deepEqual(await literal("-W"), [bytes.length, bytes.length]);
    const [ours, theirs] = await literal("-W", "--no-W");
    assert.ok(theirs < bytes.length / 10);
    assert.ok(way === LOCAL ? ours === bytes.length : ours < bytes.length / 10, `${ours}`);
  },
);

testEach(
  "taken back: --force: a folder stays in the way of a file, which each program tells in its own words",
  async (way) => {
    const options = ["-a", "--force", "--no-force"];
    const { tsync, rsync } = await ask(way, {
      entries: [...source(), ...target()],
      options,
      sources: ["s/"],
      target: "d",
    });
    assert.deepEqual([tsync.code, rsync.code], [23, 23], tsync.err);
    assert.ok(tsync.tree.has("d/way/in it"));
    assert.deepEqual([...tsync.tree.keys()].sort(), [...rsync.tree.keys()].sort());
  },
  [LOCAL],
);
