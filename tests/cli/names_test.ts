// Names are bytes (B01-B10): whatever the kernel takes arrives as it is, in trees, as operands and in what is printed; nothing
// is executed, expanded or taken for an option; what cannot be carried is refused by name and harms no sibling.

import assert from "node:assert/strict";
import { concatBytes, fromLatin1, utf8 } from "../../lib/base/bytes.ts";
import { byteNames, linkTargets, LOSSY_NAMES, ODD_NAMES, oddNames } from "../support/nasty_tree.ts";
import { layout, manifest, same } from "../support/manifest.ts";
import { quietly, sweep, tsync, withPlace, type Word } from "../support/run.ts";
import { LOCAL, otherMachine, PULL, PUSH, testEach, type Topology, useOtherMachine } from "../support/topology.ts";
import { disk, type Entry, file, folder, good, link, name, plant } from "../support/trees.ts";

useOtherMachine();

const WHEN = { sec: 1_111_111_111, ns: 11 };

async function makeSource(place: string, entries: readonly Entry[]): Promise<void> {
  await Deno.mkdir(`${place}/s`);
  plant(`${place}/s`, [folder("", WHEN), ...entries]);
}

/** A path below `place` whose last part is raw bytes. */
function below(place: string, latin1Name: string): Uint8Array {
  return concatBytes(utf8(`${place}/`), fromLatin1(latin1Name));
}

testEach(
  "a name of each byte, odd names, names of 255 bytes and link targets of any form arrive as they are",
  async (way) => {
    await withPlace(async (place) => {
      await makeSource(place, [
        ...byteNames("bytes"),
        ...oddNames("odd"),
        ...linkTargets("links"),
        file(`${"n".repeat(255)}`, "long", WHEN),
        file(`${"d".repeat(255)}/${name("ü").repeat(127)}x`, "long", WHEN),
      ]);
      const { out } = await quietly(way.sync(["-ai"], `${place}/s/`, `${place}/d`, { cwd: place }));
      await same(`${place}/s`, `${place}/d`);
      assert.deepEqual(
        [...Deno.readDirSync(place)].map((entry) => entry.name).sort(),
        ["d", "s"],
        "nothing was executed here",
      );
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(out, /[\x00-\x08\x0b-\x1f\x7f-\x9f]/, "what is printed is printable");
      for (const plain of ["__proto__", "constructor", "hasOwnProperty", "-1", "1e3", "--delete", "$(touch PWNED)"]) {
        assert.ok(out.split("\n").some((line) => line.slice(12) === `odd/${plain}`), `${plain} is listed as it is`);
      }
      assert.equal((await quietly(way.sync(["-ai"], `${place}/s/`, `${place}/d`))).out, "");
    });
  },
);

testEach("names that text would make alike are three files, and --delete removes the right one", async (way) => {
  await withPlace(async (place) => {
    const names = ["\x80", "\xff", name("\ufffd"), name("é"), name("e\u0301"), "A", "a"];
    const kept = names.filter((one) => one !== "\xff" && one !== "A");
    await makeSource(place, kept.map((one) => file(`in/${one}`, one, WHEN)));
    await Deno.mkdir(`${place}/d`);
    plant(`${place}/d`, names.map((one) => file(`in/${one}`, one, WHEN)));
    const { out } = await quietly(way.sync(["-ai", "--delete"], `${place}/s/`, `${place}/d`));
    assert.deepEqual((await layout(`${place}/d`)).length, kept.length + 1);
    await same(`${place}/s`, `${place}/d`);
    assert.match(out, /^\*deleting {3}in\/\\#377$/m);
    assert.match(out, /^\*deleting {3}in\/A$/m);
  });
});

function isText(one: string): boolean {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(fromLatin1(one)) !== "";
  } catch {
    return false;
  }
}

/** Operand words: every odd name that is text as the last part of a source. */
const OPERANDS = [...ODD_NAMES, ...LOSSY_NAMES].filter(isText);

testEach("any name is a source argument, taken literally, as folder or file", async (way) => {
  await withPlace(async (place) => {
    const entries = OPERANDS.map((one, i) =>
      i % 2 ? file(one, `file ${i}`, WHEN) : file(`${one}/inner`, `inner ${i}`, WHEN)
    );
    const folders = OPERANDS.filter((_, i) => i % 2 === 0).map((one) => folder(one, WHEN));
    await makeSource(place, [...entries, ...folders]);
    await Deno.mkdir(`${place}/d`);
    await Deno.mkdir(`${place}/elsewhere`);
    const sources: Word[] = OPERANDS.map((one) => below(`${place}/s`, one));
    await quietly(way.sync(["-a"], sources, `${place}/d/`, { cwd: `${place}/elsewhere` }));
    await same(`${place}/s`, `${place}/d`, { belowRoot: true });
    assert.deepEqual([...Deno.readDirSync(`${place}/elsewhere`)], []);
  });
});

testEach("any name is a target argument, taken literally", async (way) => {
  await withPlace(async (place) => {
    await makeSource(place, [file("f", "content", WHEN)]);
    await Deno.mkdir(`${place}/t`);
    for (const one of ["-rf", `it's "a b" $(touch PWNED)`, name("ü"), "new\nline", "back\\slash*"]) {
      await quietly(way.sync(["-a"], `${place}/s/`, below(`${place}/t`, one), { cwd: place }));
    }
    const found = await manifest(`${place}/t`);
    assert.equal([...found.keys()].filter((path) => path.endsWith("/f")).length, 5);
    assert.ok(found.has("new\nline/f") && found.has(`${name("ü")}/f`) && found.has("back\\slash*/f"));
    assert.deepEqual([...Deno.readDirSync(place)].map((entry) => entry.name).sort(), ["s", "t"]);
  });
});

Deno.test("an operand that is no UTF-8 ends the program before it does anything (a limit of compiled Deno programs); the folder above can be named", async () => {
  await withPlace(async (place) => {
    await makeSource(place, [file("\xff/f", "x", WHEN)]);
    const { code } = await tsync(["-a", below(`${place}/s`, "\xff"), `${place}/d`]);
    assert.notEqual(code, 0);
    await assert.rejects(Deno.lstat(`${place}/d`));
    await quietly(tsync(["-a", `${place}/s/`, `${place}/d`]));
    await same(`${place}/s`, `${place}/d`);
  });
});

testEach("operands with a leading dash come behind --, with a colon behind ./", async (way) => {
  await withPlace(async (place) => {
    await makeSource(place, []);
    plant(`${place}`, [file("-v", "dash", WHEN), file("host:file", "colon", WHEN), file("--delete", "x", WHEN)]);
    await Deno.mkdir(`${place}/d`);
    if (way === LOCAL) await quietly(way.sync(["-a", "--"], ["-v", "./host:file", "--delete"], "d", { cwd: place }));
    else if (way === PUSH) {
      await quietly(way.sync(["-a"], ["--", "-v", "./host:file", "--delete"], `${place}/d`, { cwd: place }));
    } else {
      // The other end starts in its home.
      plant(otherMachine().home, [
        file("-v", "dash", WHEN),
        file("host:file", "colon", WHEN),
        file("--delete", "x", WHEN),
      ]);
      await quietly(way.sync(["-a"], ["-v", "host:file", "--delete"], `${place}/d`));
      for (const one of ["-v", "host:file", "--delete"]) await Deno.remove(`${otherMachine().home}/${one}`);
    }
    assert.deepEqual((await layout(`${place}/d`)).map((line) => line.split(" ")[0]), ["--delete", "-v", "host:file"]);
  });
});

async function home(way: Topology): Promise<void> {
  const { home } = otherMachine();
  plant(home, [
    file("~root/f", "tilde", WHEN),
    file("*/f", "star", WHEN),
    file("$HOME/f", "dollar", WHEN),
    file("a b/f", "space", WHEN),
  ]);
  await withPlace(async (place) => {
    for (const word of ["~root", "*", "$HOME", "a b"]) {
      if (way === PULL) await quietly(way.sync(["-a"], `${word}/`, `${place}/out`));
      else {
        await Deno.mkdir(`${place}/in`);
        plant(`${place}/in`, [file("f", await Deno.readTextFile(`${home}/${word}/f`))]);
        await quietly(way.sync(["-aI"], `${place}/in/`, word));
        await sweep(`${place}/in`);
        await Deno.mkdir(`${place}/out`);
        await Deno.copyFile(`${home}/${word}/f`, `${place}/out/f`);
      }
      const words: Record<string, string> = { "~root": "tilde", "*": "star", "$HOME": "dollar", "a b": "space" };
      assert.equal(await Deno.readTextFile(`${place}/out/f`), words[word]);
      await sweep(`${place}/out`);
    }
  });
  for (const word of ["~root", "*", "$HOME", "a b"]) await sweep(`${home}/${word}`);
  const left = [...Deno.readDirSync(home)].map((entry) => entry.name).filter((one) => one !== ".tsync");
  assert.deepEqual(left, []);
}

testEach("remote paths are not expanded by any shell: ~user, *, $HOME and blanks are names below the home", home, [
  PUSH,
  PULL,
]);

/** A chain of folders below the folder `root`, made one below the other, since no path reaches so deep; a file in each of `at`. */
function plantDeep(root: string, part: string, levels: number, at: ReadonlySet<number>): void {
  const os = disk();
  const bytes = fromLatin1(part);
  let handle = good(os.openRoot(utf8(root)), "open");
  for (let level = 1; level <= levels; level++) {
    good(os.makeFolder(handle, bytes, 0o755), "mkdir");
    const inner = good(os.openFolder(handle, bytes), "open");
    os.close(handle);
    handle = inner;
    if (!at.has(level)) continue;
    const made = good(os.openFile(handle, utf8("f"), 1, 0o644), "create");
    os.close(made);
  }
  os.close(handle);
}

testEach("a path of 4,095 bytes is carried", async (way) => {
  await withPlace(async (place) => {
    await makeSource(place, []);
    // 15 parts of 255 bytes and their slashes are 3,840 bytes; the last part and "/f" make it 4,095.
    plantDeep(`${place}/s`, "p".repeat(255), 15, new Set());
    const os = disk();
    const deep = Array(15).fill("p".repeat(255)).join("/");
    const root = good(os.openRoot(utf8(`${place}/s`)), "open");
    const handle = good(os.openBeneath(root, utf8(deep)), "open");
    const made = good(os.openFile(handle, utf8("q".repeat(255)), 1, 0o644), "create");
    good(os.writeAll(made, utf8("deep down")), "write");
    for (const one of [made, handle, root]) os.close(one);
    assert.equal(deep.length + 1 + 255, 4095);
    await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
    await same(`${place}/s`, `${place}/d`, { content: false });
    assert.equal((await quietly(way.sync(["-ai"], `${place}/s/`, `${place}/d`))).out, "");
  });
});

testEach("what lies deeper than tsync carries is named, exit 23, and its siblings arrive", async (way) => {
  await withPlace(async (place) => {
    await makeSource(place, [file("sibling/f", "here", WHEN)]);
    plantDeep(`${place}/s`, "x", 1500, new Set([10, 1000, 1400]));
    await Deno.mkdir(`${place}/d`);
    plant(`${place}/d`, [file("extra", "must stay: the list is not complete")]);
    const { code, err } = await way.sync(["-a", "--delete"], `${place}/s/`, `${place}/d`);
    assert.equal(code, 23, err);
    assert.match(err, /the path is longer or deeper than tsync carries/);
    const found = await manifest(`${place}/d`, false);
    assert.equal(
      [...found.keys()].filter((path) => path.endsWith("/f")).length,
      3,
      "two of the deep files and the sibling",
    );
    assert.ok(found.has("sibling/f") && found.has("extra"));
    assert.equal(Math.max(...[...found.keys()].map((path) => path.split("/").length)), 1023);
  });
});

testEach(
  "names in tsync's own name space: never deleted, never taken for ours; refused by name at the source",
  async (way) => {
    await withPlace(async (place) => {
      const looksAlike = ".tsync-01234567-0123456789abcdef01234567";
      const plain = [
        ".tsync-",
        ".tsync-partial2",
        ".tsync-01234567-0123456789abcdef0123456",
        ".tsyncrc",
        ".tsync-journal",
      ];
      await makeSource(place, [...plain.map((one) => file(one, one, WHEN)), file("f", "x", WHEN)]);
      await quietly(way.sync(["-a"], `${place}/s/`, `${place}/d`));
      await same(`${place}/s`, `${place}/d`);

      plant(`${place}/s`, [
        file(looksAlike, "the user's", WHEN),
        file(".tsync-partial/mine", "the user's", WHEN),
        folder("", WHEN),
      ]);
      plant(`${place}/d`, [
        file(`sub/${looksAlike}`, "also the user's", WHEN),
        file(".tsync-partial/theirs", "x", WHEN),
      ]);
      const ran = await way.sync(["-a", "--delete"], `${place}/s/`, `${place}/d`);
      assert.equal(ran.code, 23, ran.err);
      assert.match(ran.err, new RegExp(`sender.*${looksAlike}.*rename it at the source`));
      assert.match(ran.err, /sender.*\.tsync-partial/);
      const names = [...(await manifest(`${place}/d`)).keys()];
      assert.ok(names.includes(`sub/${looksAlike}`), "a user's file that looks like ours is not deleted");
      assert.ok(names.includes(".tsync-partial/theirs"));
      assert.ok(!names.includes(looksAlike) && !names.includes(".tsync-partial/mine"));
    });
  },
);

testEach(
  "a source argument may have blanks, quotes, dollars and backslashes: one level of quoting, the user's own",
  async (way) => {
    await withPlace(async (place) => {
      const odd = `it's "a" $(touch PWNED) \\n ~ * ;id`;
      await makeSource(place, [file(`${odd}/inner ${odd}`, "content", WHEN), folder(odd, WHEN)]);
      await Deno.mkdir(`${place}/d`);
      await quietly(way.sync(["-a"], `${place}/s/${odd}`, `${place}/d`, { cwd: place }));
      await same(`${place}/s`, `${place}/d`, { belowRoot: true });
      await quietly(way.sync(["-a"], `${place}/s/${odd}/inner ${odd}`, `${place}/d/${odd} 2`, { cwd: place }));
      assert.equal(await Deno.readTextFile(`${place}/d/${odd} 2`), "content");
      assert.deepEqual([...Deno.readDirSync(place)].map((entry) => entry.name).sort(), ["d", "s"]);
    });
  },
);

Deno.test("a trailing slash behind a link to a folder follows it, a link without one is copied as a link", async () => {
  await withPlace(async (place) => {
    plant(place, [file("real/f", "x", WHEN), link("to-folder", "real", WHEN)]);
    await quietly(tsync(["-a", `${place}/to-folder/`, `${place}/d1`]));
    assert.deepEqual((await layout(`${place}/d1`)).length, 1);
    await Deno.mkdir(`${place}/d2`);
    await quietly(tsync(["-a", `${place}/to-folder`, `${place}/d2/`]));
    assert.deepEqual(await layout(`${place}/d2`), ["to-folder -> real"]);
    assert.equal((await Deno.lstat(`${place}/d2/to-folder`)).isSymlink, true);
  });
});
