// Backups and alternative destinations against planted links, names of the list that lead into their folders, and other file systems;
// PLACED from a target that was not asked, or claims what cannot be.

import assert from "node:assert/strict";
import { fingerprint } from "../support/manifest.ts";
import { withPlace } from "../support/run.ts";
import { LOCAL, testEach, useOtherMachine } from "../support/topology.ts";
import { file, folder, link, plant } from "../support/trees.ts";

useOtherMachine();

const OLD = { sec: 1_000_000_000, ns: 0 };
const NEW = { sec: 1_100_000_000, ns: 0 };

/** Options for folders beside the tree in the target, and the exit code where one cannot be used. */
const BESIDE: [string[], number][] = [
  [["-b", "--backup-dir=side"], 1],
  [["-b", "--backup-dir=side/not/there"], 1],
  [["--temp-dir=side/deep"], 1],
  [["--link-dest=side/deep"], 1],
  [["--copy-dest=./side/deep/"], 1],
  [["--trash=side"], 3],
];

testEach("a link planted in the folder of backups is replaced by a folder, not followed", async (way) => {
  await withPlace(async (place) => {
    plant(place, [
      file("s/sub/f", "new", NEW),
      file("d/sub/f", "old", OLD),
      folder("kept"),
      link("kept/sub", "../outside"),
      file("outside/f", "canary"),
    ]);
    const ran = await way.sync(["-a", "--backup-dir=../kept"], `${place}/s/`, `${place}/d`);
    assert.equal(ran.code, 0, ran.err);
    assert.equal(await Deno.readTextFile(`${place}/outside/f`), "canary");
    assert.equal((await Deno.lstat(`${place}/kept/sub`)).isDirectory, true);
    assert.equal(await Deno.readTextFile(`${place}/kept/sub/f`), "old");
  });
});

testEach("a link planted at a backup's name is replaced, what it points to is not", async (way) => {
  await withPlace(async (place) => {
    plant(place, [
      file("s/f", "new", NEW),
      file("d/f", "old", OLD),
      link("d/f~", "../canary"),
      file("canary", "canary"),
    ]);
    assert.equal((await way.sync(["-ab"], `${place}/s/`, `${place}/d`)).code, 0);
    assert.equal(await Deno.readTextFile(`${place}/canary`), "canary");
    assert.deepEqual([await Deno.readTextFile(`${place}/d/f~`), (await Deno.lstat(`${place}/d/f~`)).isFile], [
      "old",
      true,
    ]);
  });
});

for (const kind of ["compare", "copy", "link"]) {
  testEach(`--${kind}-dest does not look through links below its folder`, async (way) => {
    await withPlace(async (place) => {
      plant(place, [
        file("s/sub/f", "same", OLD),
        file("s/g", "same", OLD),
        folder("d"),
        folder("p"),
        link("p/sub", "../outside"),
        link("p/g", "../outside/f"),
        file("outside/f", "same", OLD),
      ]);
      const ran = await way.sync(["-ai", `--${kind}-dest=../p`], `${place}/s/`, `${place}/d`);
      assert.equal(ran.code, 0, ran.err);
      for (const path of ["d/sub/f", "d/g"]) {
        const found = await Deno.lstat(`${place}/${path}`);
        assert.deepEqual([found.isFile, found.nlink], [true, 1], path);
      }
    });
  });
}

// A peer sends such a link in one run and has it followed in the next; who made it cannot be told later.
for (const [words, code] of BESIDE) {
  testEach(`${words.join(" ")}: a link in the target that leads out of it is refused, nothing changes`, async (way) => {
    await withPlace(async (place) => {
      for (const target of way === LOCAL ? ["../outside", `${place}/outside`] : ["../outside"]) {
        plant(place, [
          file("s/f", "new", NEW),
          file("d/f", "old", OLD),
          link("d/side", target),
          file("outside/deep/f", "canary", OLD),
        ]);
        const before = [await fingerprint(`${place}/d`), await fingerprint(`${place}/outside`)];
        const ran = await way.sync(["-a", ...words], `${place}/s/`, `${place}/d`);
        assert.match(ran.err, /a link on the way leads out of the target; name the folder itself/);
        assert.equal(ran.code, code);
        assert.deepEqual([await fingerprint(`${place}/d`), await fingerprint(`${place}/outside`)], before);
        await Deno.remove(`${place}/d`, { recursive: true });
        await Deno.remove(`${place}/s`, { recursive: true });
        await Deno.remove(`${place}/outside`, { recursive: true });
      }
    });
  });
}

testEach(
  "folders beside the tree: a link in the target that stays in it is used, ../ is the operator's word",
  async (way) => {
    await withPlace(async (place) => {
      plant(place, [
        ...[file("s/f", "new", NEW), file("s/same", "same", OLD), file("d/f", "old", OLD), folder("d/real/deep")],
        ...[link("d/side", "real/deep/../deep"), link("latest", "prev"), file("prev/same", "same", OLD)],
      ]);
      const words = ["-a", "-b", "--backup-dir=./side/new//kept", "-T", "x/../side", "--link-dest=../latest"];
      const ran = await way.sync(words, `${place}/s/`, `${place}/d`);
      assert.equal(`${ran.code} ${ran.err}`, "0 ");
      assert.equal(await Deno.readTextFile(`${place}/d/real/deep/new/kept/f`), "old");
      assert.equal((await Deno.stat(`${place}/d/same`)).nlink, 2);
      assert.deepEqual([...Deno.readDirSync(`${place}/d/real/deep`)].map(({ name }) => name), ["new"]);
    });
  },
);

testEach(
  "nothing listed is put into a folder of backups that lies in the target, and nothing in it is deleted",
  async (way) => {
    await withPlace(async (place) => {
      plant(place, [
        file("s/kept/day/f", "from the source", NEW),
        file("s/g", "new", NEW),
        file("d/g", "old", OLD),
        file("d/kept/day/f", "a backup", OLD),
        file("d/kept/day/deep/h", "another", OLD),
        file("d/kept/else", "extra", OLD),
      ]);
      const ran = await way.sync(["-a", "--delete", "--backup-dir=kept/day"], `${place}/s/`, `${place}/d`);
      assert.equal(ran.code, 23);
      assert.match(ran.err, /"\S*kept\/day" failed: that folder at the target is the one of --backup-dir/);
      const text = (path: string) => Deno.readTextFile(`${place}/d/kept/day/${path}`);
      assert.deepEqual([await text("f"), await text("deep/h"), await text("g")], ["a backup", "another", "old"]);
    });
  },
);

testEach(
  "a folder of backups that the source lacks is not deleted, nor given up for a file of its name",
  async (way) => {
    await withPlace(async (place) => {
      plant(place, [
        file("s/kept", "a file"),
        file("s/g", "new", NEW),
        file("d/g", "old", OLD),
        file("d/kept/f", "a backup"),
      ]);
      const ran = await way.sync(["-a", "--delete", "--backup-dir=kept"], `${place}/s/`, `${place}/d`);
      assert.equal(ran.code, 23);
      assert.equal(await Deno.readTextFile(`${place}/d/kept/f`), "a backup");
      assert.equal(await Deno.readTextFile(`${place}/d/g`), "new");
    });
  },
);

Deno.test("backups and links over the border of a file system become copies, with their metadata", async () => {
  const other = await Deno.makeTempDir({ dir: "/tmp", prefix: "tsync-other-" });
  try {
    await withPlace(async (place) => {
      const isBorder = (await Deno.stat(place)).dev !== (await Deno.stat(other)).dev;
      assert.ok(isBorder, "the test needs two file systems");
      plant(place, [
        file("s/f", "new", NEW),
        file("d/f", "old", { mode: 0o640, ...OLD }),
        link("d/link", "nowhere", OLD),
        file("d/gone/g", "gone", OLD),
        file("s/same", "same", OLD),
      ]);
      plant(other, [file("kept/f", "older"), file("p/same", "same", OLD)]);
      const words = ["-a", "--delete", `--backup-dir=${other}/kept`, `--link-dest=${other}/p`];
      const ran = await LOCAL.sync(words, `${place}/s/`, `${place}/d`);
      assert.equal(ran.code, 0, ran.err);
      const kept = await Deno.stat(`${other}/kept/f`);
      assert.deepEqual([kept.mode! & 0o777, kept.mtime!.getTime()], [0o640, OLD.sec * 1000]);
      assert.equal(await Deno.readTextFile(`${other}/kept/f`), "old");
      assert.equal(await Deno.readLink(`${other}/kept/link`), "nowhere");
      assert.equal(await Deno.readTextFile(`${other}/kept/gone/g`), "gone");
      assert.deepEqual([...Deno.readDirSync(`${place}/d`)].map(({ name }) => name).sort(), ["f", "same"]);
      const same = await Deno.stat(`${place}/d/same`);
      assert.deepEqual([same.nlink, same.mtime!.getTime()], [1, OLD.sec * 1000]);
    });
  } finally {
    await Deno.remove(other, { recursive: true });
  }
});
