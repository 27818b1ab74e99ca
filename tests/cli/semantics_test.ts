// What a run does to a tree (A01, A02, A06, A08, A09, A12, A14): everything is equal afterwards, a second run changes nothing, a
// dry run tells what the real one does. Seen on the compiled programs, judged by find, sha256sum and strace.

import assert from "node:assert/strict";
import { nastyTree } from "../support/nasty_tree.ts";
import { fingerprint, layout, manifest, same } from "../support/manifest.ts";
import { Random } from "../support/random.ts";
import { changedTree, randomTree } from "../support/random_tree.ts";
import { AS_ROOT, quietly, type Ran, run, withPlace } from "../support/run.ts";
import { changingCalls, straceWords } from "../support/changing_calls.ts";
import { otherMachine, PULL, PUSH, testEach, type Topology, useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link, name, plant } from "../support/trees.ts";

useOtherMachine();

/** Runs with strace around whichever process writes the target; what that would have changed at or below it. */
async function traced(
  way: Topology,
  options: string[],
  source: string,
  target: string,
): Promise<Ran & { changes: string[] }> {
  const log = await Deno.makeTempFile({ prefix: "tsync-strace-" });
  const words = straceWords(log);
  const ran = way === PUSH
    ? await way.sync(["--rsync-path", [...words, "tsync-remote"].join(" "), ...options], source, target)
    : await way.sync(options, source, target, { before: words });
  const changes = await changingCalls(log, target);
  await Deno.remove(log);
  return { ...ran, changes };
}

function statNumber(out: string, label: string): number {
  const value = new RegExp(`^${label}: ([0-9,]+)`, "m").exec(out)?.[1];
  assert.ok(value !== undefined, `no "${label}" in:\n${out}`);
  return Number(value.replaceAll(",", ""));
}

/** Demands that a run sends no content and changes nothing below the target. */
async function quietSecondRun(way: Topology, source: string, target: string): Promise<void> {
  const before = await fingerprint(target);
  const { code, out, err, changes } = await traced(way, ["-ai", "--stats"], source, target);
  assert.equal(`${code} ${err}`, "0 ");
  assert.equal(out.split("\n")[0], "", `nothing is itemized: ${out.slice(0, 500)}`);
  assert.equal(statNumber(out, "Literal data"), 0);
  assert.equal(statNumber(out, "Number of regular files transferred"), 0);
  assert.deepEqual(changes, []);
  assert.equal(await fingerprint(target), before);
}

async function makeSource(place: string, entries: readonly Entry[]): Promise<void> {
  await Deno.mkdir(`${place}/s`);
  plant(`${place}/s`, entries);
}

testEach("-a makes a tree of a thousand entries of all kinds equal, and the next run is quiet", async (way) => {
  await withPlace(async (place) => {
    const options = { entries: 1000, privileged: AS_ROOT };
    const tree = randomTree(new Random(20), options);
    await makeSource(place, tree);
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    await same(`${place}/s`, `${place}/d`);
    await quietSecondRun(way, `${place}/s/`, `${place}/d`);

    await Deno.mkdir(`${place}/later`);
    plant(`${place}/later`, changedTree(new Random(21), tree, options));
    const ran = await way.sync(["-a", "--delete"], `${place}/later/`, `${place}/d`);
    assert.equal(`${ran.code} ${ran.err}`, "0 ");
    await same(`${place}/later`, `${place}/d`);
    await quietSecondRun(way, `${place}/later/`, `${place}/d`);
  });
});

testEach(
  "-a keeps the nasty tree: names, targets, modes, times, kinds, holes, closed and empty folders",
  async (way) => {
    await withPlace(async (place) => {
      await makeSource(place, nastyTree(AS_ROOT));
      await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
      await same(`${place}/s`, `${place}/d`);
      await quietSecondRun(way, `${place}/s/`, `${place}/d`);
    });
  },
);

/** A tree and a target that needs fifty changes, of every kind there is. */
async function fiftyChanges(place: string): Promise<void> {
  const random = new Random(50);
  const same = randomTree(random, { entries: 30, privileged: false });
  const when = { sec: 1_400_000_000, ns: 4 };
  const numbered = (count: number, make: (i: number) => Entry) => Array.from({ length: count }, (_, i) => make(i));
  await makeSource(place, [
    folder("", when),
    ...same,
    ...numbered(10, (i) => file(`new/${i}`, `new ${i}`, when)),
    ...numbered(10, (i) => file(`content/${i}`, `content ${i}`, when)),
    ...numbered(8, (i) => file(`mode/${i}`, "m", { mode: 0o640, ...when })),
    ...numbered(5, (i) => file(`time/${i}`, "t", when)),
    ...numbered(4, (i) => link(`link/${i}`, `new target ${i}`, when)),
    ...numbered(3, (i) => file(`kind/${i}`, "a file", when)),
    folder("kind/3", when),
    file("kind/3/in", "x", when),
  ]);
  await Deno.mkdir(`${place}/d`);
  plant(`${place}/d`, [
    ...same,
    ...numbered(10, (i) => file(`content/${i}`, `old ${i}`, when)),
    ...numbered(8, (i) => file(`mode/${i}`, "m", { mode: 0o600, ...when })),
    ...numbered(5, (i) => file(`time/${i}`, "t", { sec: 1_300_000_000 })),
    ...numbered(4, (i) => link(`link/${i}`, `old target ${i}`, when)),
    ...numbered(3, (i) => i === 0 ? folder(`kind/${i}`) : link(`kind/${i}`, "x")),
    file("kind/3", "a file where a folder comes", when),
    ...numbered(8, (i) => file(`extra/${i}/inside`, "old")),
    folder("also extra"),
  ]);
}

testEach("-n tells what the real run tells and changes nothing", async (way) => {
  await withPlace(async (place) => {
    await fiftyChanges(place);
    const [before, home] = [await fingerprint(`${place}/d`), await layout(otherMachine().home)];
    const options = ["-ai", "--delete", "--no-guard"];
    const dry = await traced(way, ["-n", ...options], `${place}/s/`, `${place}/d`);
    assert.equal(`${dry.code} ${dry.err}`, "0 ");
    assert.deepEqual(dry.changes, []);
    assert.equal(await fingerprint(`${place}/d`), before);
    assert.deepEqual(await layout(otherMachine().home), home, "the other machine's home is as it was");
    const real = await traced(way, options, `${place}/s/`, `${place}/d`);
    assert.equal(`${real.code} ${real.err}`, "0 ");
    assert.ok(real.changes.length > 50, "the judge of dry runs sees what a real run changes");
    assert.equal(dry.out, real.out);
    assert.ok(real.out.split("\n").length >= 50, real.out);
    await same(`${place}/s`, `${place}/d`);
    const others = (await layout(otherMachine().home)).filter((line) =>
      !/^\.tsync\/(bin\/(tsync-remote-[0-9a-f]{64} .*)?|state\/(source-[0-9a-f]{32} .*)?)?$/.test(line)
    );
    assert.deepEqual(others, [], "the other machine's home holds the agent, notes of sources and nothing else");
  });
});

testEach("-n into a missing target names what would come and makes nothing", async (way) => {
  await withPlace(async (place) => {
    await makeSource(place, randomTree(new Random(3), { entries: 60 }));
    const dry = await quietly(way.sync(["-nai"], `${place}/s/`, `${place}/d`));
    await assert.rejects(Deno.lstat(`${place}/d`));
    assert.equal(dry.out, (await quietly(way.sync(["-ai"], `${place}/s/`, `${place}/d`))).out);
  });
});

testEach("equal size and time mean equal content, unless -c or -I say otherwise", async (way) => {
  await withPlace(async (place) => {
    const when = { sec: 1_500_000_000, ns: 77 };
    await makeSource(place, [file("a", "new content", when), file("b", "same", when), folder("", when)]);
    await Deno.mkdir(`${place}/d`);
    plant(`${place}/d`, [file("a", "old content", when), file("b", "same", when), folder("", when)]);
    const read = () => Deno.readTextFile(`${place}/d/a`);
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    assert.equal(await read(), "old content");
    const byDigest = await quietly(way.sync(["-aci"], `${place}/s/`, `${place}/d`));
    assert.equal(await read(), "new content");
    assert.match(byDigest.out, /^[<>]fc\.{8} a$/m);
    assert.doesNotMatch(byDigest.out, / b$/m);
    await same(`${place}/s`, `${place}/d`);
    const again = await quietly(way.sync(["-aIi"], `${place}/s/`, `${place}/d`));
    assert.equal(again.out.split("\n").filter((line) => /^[<>]f/.test(line)).length, 2, again.out);
  });
});

testEach("-c takes a file with another time and the same content for equal, and sets the time", async (way) => {
  await withPlace(async (place) => {
    await makeSource(place, [file("a", "x".repeat(300_000), { sec: 1_500_000_000 }), folder("", { sec: 5 })]);
    await Deno.mkdir(`${place}/d`);
    plant(`${place}/d`, [file("a", "x".repeat(300_000), { sec: 1_400_000_000 }), folder("", { sec: 5 })]);
    const { out } = await quietly(way.sync(["-aci", "--stats"], `${place}/s/`, `${place}/d`));
    assert.match(out, /^\.f\.\.t\.{6} a$/m);
    assert.equal(statNumber(out, "Literal data"), 0);
    await same(`${place}/s`, `${place}/d`);
  });
});

testEach(
  "times: 1 ns, 1 us, 1 ms and 1 s apart are differences, unless one side has no nanoseconds or --modify-window says so",
  async (way) => {
    await withPlace(async (place) => {
      const at = (sec: number, ns: number) => ({ sec: 1_500_000_000 + sec, ns });
      const pairs: [string, { sec: number; ns: number }, { sec: number; ns: number }, string][] = [
        ["equal", at(0, 500), at(0, 500), ""],
        ["ns", at(0, 501), at(0, 500), "default"],
        ["us", at(0, 1500), at(0, 500), "default"],
        ["ms", at(0, 1_000_500), at(0, 500), "default"],
        ["source without", at(0, 0), at(0, 500), "exact"],
        ["target without", at(0, 500), at(0, 0), "exact"],
        ["second", at(1, 0), at(0, 0), "default"],
        ["almost two", at(1, 900_000_000), at(0, 0), "default"],
        ["two", at(2, 0), at(0, 0), "default window"],
        ["over two", at(2, 1), at(0, 0), "default window"],
        ["below zero", { sec: -2, ns: 999_999_999 }, { sec: -1, ns: 1 }, "default"],
      ];
      const plantBoth = async () => {
        await run(["rm", "-rf", `${place}/s`, `${place}/d`]);
        await makeSource(place, [folder("", at(0, 0)), ...pairs.map(([path, time]) => file(path, "1", time))]);
        await Deno.mkdir(`${place}/d`);
        plant(`${place}/d`, [folder("", at(0, 0)), ...pairs.map(([path, , time]) => file(path, "1", time))]);
      };
      const cases: [string[], (when: string) => boolean][] = [
        [[], (when) => /default/.test(when)],
        [["--modify-window=1"], (when) => /window/.test(when)],
        [["--modify-window=-1"], (when) => when !== ""],
      ];
      for (const [options, differs] of cases) {
        await plantBoth();
        const { out } = await quietly(way.sync(["-ai", ...options], `${place}/s/`, `${place}/d`));
        const copied = out.split("\n").filter((line) => /^[<>]f/.test(line)).map((line) => line.slice(12));
        assert.deepEqual(
          copied.sort(),
          pairs.filter(([, , , when]) => differs(when)).map(([path]) => path).sort(),
          options[0],
        );
      }
    });
  },
);

testEach("a change of equal size within the same second is copied", async (way) => {
  await withPlace(async (place) => {
    const sec = 1_700_000_000;
    await makeSource(place, [file("f", "one", { sec, ns: 100_000_000 })]);
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    plant(`${place}/s`, [file("g", "two", { sec, ns: 900_000_000 })]);
    await Deno.rename(`${place}/s/g`, `${place}/s/f`);
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    assert.equal(await Deno.readTextFile(`${place}/d/f`), "two");
  });
});

testEach("a change of metadata alone sends no content and writes no data", async (way) => {
  await withPlace(async (place) => {
    const content = new Uint8Array(2_000_000).fill(3);
    await makeSource(place, [file("f", content, { sec: 1_000_000, ns: 1, mode: 0o600 }), folder("", { sec: 1 })]);
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    const inode = (await Deno.stat(`${place}/d/f`)).ino;
    await Deno.chmod(`${place}/s/f`, 0o4711);
    const { out, code } = await traced(way, ["-ai", "--stats"], `${place}/s/`, `${place}/d`);
    assert.equal(code, 0);
    assert.match(out, /^\.f\.\.\.p\.{5} f$/m);
    assert.equal(statNumber(out, "Literal data"), 0);
    assert.ok(statNumber(out, "Total bytes sent") + statNumber(out, "Total bytes received") < 4096, out);
    assert.equal((await Deno.stat(`${place}/d/f`)).ino, inode);
    await same(`${place}/s`, `${place}/d`);
  });
});

testEach("source and target on two file systems, and a third one mounted inside the target", async (way) => {
  if (!AS_ROOT) {
    await withPlace((place) => acrossFileSystems(way, place), "disk");
    return;
  }
  await withPlace(async (place) => {
    await Deno.mkdir(`${place}/d/mounted`, { recursive: true });
    await quietly(run(["mount", "-t", "tmpfs", "-o", "size=16m", "tsync-test", `${place}/d/mounted`]));
    try {
      await acrossFileSystems(way, place);
    } finally {
      await quietly(run(["umount", `${place}/d/mounted`]));
    }
  }, "disk");
});

async function acrossFileSystems(way: Topology, place: string): Promise<void> {
  await withPlace(async (other) => {
    await Deno.mkdir(`${other}/s`);
    const files = Array.from(
      { length: 100 },
      (_, i) => file(`${i % 2 ? "mounted" : "plain"}/f${i}`, `content ${i}`, { sec: 1000 + i }),
    );
    plant(`${other}/s`, [...files, file("mounted/large", new Uint8Array(3_000_000).fill(1))]);
    await quietly(way.sync(["-a"], `${other}/s/`, `${place}/d`));
    await same(`${other}/s`, `${place}/d`);
  });
}

testEach("two thousand source arguments, as a shell's * gives them, need no more than 64 descriptors", async (way) => {
  await withPlace(async (place) => {
    const files = Array.from({ length: 2000 }, (_, i) => file(`${i % 3 ? "a" : "b"}/f${i}`, `${i}`, { sec: i + 1 }));
    await makeSource(place, files);
    await Deno.mkdir(`${place}/d`);
    const sources = files.map(({ path }) => `${place}/s/${path}`);
    await quietly(way.sync(["-a"], sources, `${place}/d/`, { before: ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh"] }));
    assert.equal((await layout(`${place}/d`)).length, 2000);
    assert.equal(await Deno.readTextFile(`${place}/d/f1999`), "1999");
    assert.equal((await quietly(way.sync(["-ai"], sources, `${place}/d/`))).out, "");
  });
});

/** Every kind in the place of every other. */
const KINDS: [string, (path: string) => Entry[]][] = [
  ["file", (path) => [file(path, `content of ${path}`, { sec: 50, ns: 5 })]],
  ["link", (path) => [link(path, "somewhere", { sec: 60, ns: 6 })]],
  ["empty folder", (path) => [folder(path, { sec: 70, mode: 0o755 })]],
  ["full folder", (path) => [folder(path, { sec: 80, mode: 0o755 }), file(`${path}/in`, "inner", { sec: 81 })]],
];
const PAIRS = KINDS.flatMap((from) => KINDS.filter((to) => to !== from).map((to) => [from, to] as const))
  .filter(([from, to]) => !(from[0].endsWith("folder") && to[0].endsWith("folder")));

async function plantKinds(place: string): Promise<void> {
  await makeSource(place, [folder("", { sec: 9 }), ...PAIRS.flatMap(([from, to]) => to[1](`${from[0]} to ${to[0]}`))]);
  await Deno.mkdir(`${place}/d`);
  plant(`${place}/d`, PAIRS.flatMap(([from, to]) => from[1](`${from[0]} to ${to[0]}`)));
}

testEach("--delete turns every kind into every other", async (way) => {
  await withPlace(async (place) => {
    await plantKinds(place);
    await quietly(way.sync(["-a", "--delete"], `${place}/s/`, `${place}/d`));
    await same(`${place}/s`, `${place}/d`);
  });
});

testEach(
  "without --delete a folder that is not empty stays in the way of a file or link: exit 23, the rest is done",
  async (way) => {
    await withPlace(async (place) => {
      await plantKinds(place);
      const before = await manifest(`${place}/d`);
      const { code, err } = await way.sync(["-a"], `${place}/s/`, `${place}/d`);
      assert.equal(code, 23, err);
      const [wanted, found] = [await manifest(`${place}/s`), await manifest(`${place}/d`)];
      for (const [path, entry] of found) {
        if (path === "") continue;
        const { allocated: _, ...is } = entry;
        const { allocated: __, ...shall } = path.startsWith("full folder to") ? before.get(path)! : wanted.get(path)!;
        assert.deepEqual(is, shall, path);
      }
      for (const [from, to] of PAIRS.filter(([from]) => from[0] === "full folder")) {
        assert.match(err, new RegExp(`"[^"]*${from[0]} to ${to[0]}" failed: .*not empty`));
      }
      assert.equal(found.size, wanted.size + 2, "the two folders' own files are still there");
    });
  },
);

testEach("TSYNC_OS=portable: Deno's own calls synchronise too, and the next run is quiet", async (way) => {
  await withPlace(async (place) => {
    const random = new Random(77);
    // Deno's calls know milliseconds only.
    const tree = Array.from({ length: 120 }, (_, i) => {
      const when = { sec: 1_500_000_000 + i, ns: 123_000_000 };
      const path = `d${i % 7}/${random.below(3)}-${name("ü")}${i}`;
      if (i % 10 === 3) return link(path, `target ${i}`, when);
      return file(path, random.bytes(random.pick([0, 10, 5000, 200_000])), { mode: 0o640, ...when });
    });
    const folders = ["", "empty", "closed", ...Array.from({ length: 7 }, (_, i) => `d${i}`)];
    const when = { sec: 1_400_000_000, ns: 7_000_000 };
    await makeSource(place, [
      ...tree,
      ...folders.map((path) => folder(path, { mode: 0o755, ...when })),
      file("closed/f", "x", when),
    ]);
    const before = ["env", "TSYNC_OS=portable"];
    const options = way === PUSH ? ["--rsync-path", "TSYNC_OS=portable exec tsync-remote"] : [];
    const sync = (more: string[]) => way.sync([...options, ...more], `${place}/s/`, `${place}/d`, { before });
    await quietly(sync(["-a"]));
    await same(`${place}/s`, `${place}/d`);
    const { out } = await quietly(sync(["-ai", "--stats"]));
    assert.equal(out.split("\n")[0], "", out);
    assert.equal(statNumber(out, "Literal data"), 0);
    plant(`${place}/s`, [file("one more", "later", { sec: 1_600_000_000, ns: 1 })]);
    await Deno.remove(`${place}/s/empty`);
    await quietly(sync(["-a"]));
    assert.deepEqual(await layout(`${place}/d`), [...await layout(`${place}/s`), "empty/"].sort());
    const { mtime } = (await manifest(`${place}/d`)).get("one more")!;
    assert.equal(mtime, "1600000000.000000000", "it really was the portable implementation that wrote this");
    const refused = await sync(["-a", "--delete"]);
    assert.equal(
      refused.code,
      way === PULL ? 0 : 4,
      "names that its reader of the source cannot see must not be deleted",
    );
    assert.equal((await layout(`${place}/d`)).includes("empty/"), way !== PULL);
  });
});

for (const way of [PUSH, PULL]) {
  Deno.test(`rules that are too many for the launch line are obeyed all the same (${way.name})`, async () => {
    await withPlace(async (place) => {
      const names = Array.from({ length: 400 }, (_, i) => `a file that is left out ${i}`);
      await makeSource(place, [...names.map((text) => file(text, text)), file("kept", "kept")]);
      const excludes = names.map((text) => `--exclude=/${text}`);
      const { code, err } = await way.sync(["-a", ...excludes], `${place}/s/`, `${place}/t`);
      assert.equal(`${code} ${err}`, "0 ");
      assert.deepEqual([...Deno.readDirSync(`${place}/t`)].map(({ name }) => name), ["kept"]);
    });
  });
}
