// Deletion (J01-J03, J05, J07, law 4): only after a complete list from a source that could be read whole, never past the guards,
// never what filters protect, never the target root. Where rsync keeps fewer promises the cases say so.

import assert from "node:assert/strict";
import { fingerprint, layout, manifest } from "../support/manifest.ts";
import { withMounts } from "../support/mounts.ts";
import { give, PLAIN_USER, usePlainUser } from "../support/plain_user.ts";
import { AS_ROOT, openUp, quietly, tsync, withPlace } from "../support/run.ts";
import { LOCAL, testEach, type Topology, useOtherMachine } from "../support/topology.ts";
import { type Entry, file, folder, link, plant } from "../support/trees.ts";

useOtherMachine();
usePlainUser();

async function makeTrees(place: string, source: readonly Entry[], target: readonly Entry[]): Promise<void> {
  await Deno.mkdir(`${place}/s`);
  await Deno.mkdir(`${place}/d`);
  plant(`${place}/s`, source);
  plant(`${place}/d`, target);
}

const thousand = () => Array.from({ length: 1000 }, (_, i) => file(`d${i % 20}/f${i}`, "x"));

testEach(
  "--delete from an empty source is refused: exit 25, nothing removed, the option named; --allow-empty-source lets it",
  async (way) => {
    await withPlace(async (place) => {
      await makeTrees(place, [], thousand());
      const before = await fingerprint(`${place}/d`);
      for (const options of [["-a", "--delete"], ["-a", "--delete", "--delete-limit=100%"], ["-an", "--delete"]]) {
        const { code, err } = await way.sync(options, `${place}/s/`, `${place}/d`);
        assert.equal(code, 25, err);
        assert.match(err, /--allow-empty-source/);
        assert.equal(await fingerprint(`${place}/d`), before);
      }
      const { code, err } = await way.sync(["-a", "--delete", "--allow-empty-source"], `${place}/s/`, `${place}/d`);
      assert.equal(code, 25, "the guard on the count is another one");
      assert.match(err, /--delete-limit/);
      await quietly(
        way.sync(["-a", "--delete", "--allow-empty-source", "--delete-limit=100%"], `${place}/s/`, `${place}/d`),
      );
      assert.deepEqual(await layout(`${place}/d`), [], "all gone but the target root");
    });
  },
);

Deno.test("--delete from an empty source over a connection that fails: one error, no trace of the program's inside", async () => {
  await withPlace(async (place) => {
    await Deno.mkdir(`${place}/s`);
    const { code, err } = await tsync(["-a", "--delete", "-e", "false", `${place}/s/`, "there:d"]);
    assert.ok([25, 255, 12, 1].includes(code), `${code}`);
    assert.doesNotMatch(err, /Uncaught|internal error|\.js:|\.ts:/);
    assert.match(err, /^tsync: .*\ntsync error: .* \(code \d+\)\n$/);
  });
});

testEach("--no-guard lets an empty source delete everything", async (way) => {
  await withPlace(async (place) => {
    await makeTrees(place, [], thousand());
    await quietly(way.sync(["-a", "--delete", "--no-guard"], `${place}/s/`, `${place}/d`));
    assert.deepEqual(await layout(`${place}/d`), []);
  });
});

Deno.test({
  name:
    "--delete from a source that is another device than last time is refused, exit 25; --allow-other-device lets it",
  ignore: !AS_ROOT,
  async fn() {
    await withPlace(async (place) => {
      await makeTrees(place, [file("kept", "1"), file("also", "2")], []);
      const sync = (...options: string[]) =>
        tsync(["-a", "--delete", ...options, `${place}/s/`, `${place}/d`], { env: { HOME: place } });
      await quietly(sync());
      await withMounts(place, ["s"], async () => {
        plant(`${place}/s`, [file("kept", "1")]);
        const before = await fingerprint(`${place}/d`);
        const { code, err } = await sync();
        assert.equal(code, 25, err);
        assert.match(err, /another device .*--allow-other-device/);
        assert.equal(await fingerprint(`${place}/d`), before);
        await quietly(sync("--allow-other-device"));
        assert.deepEqual((await layout(`${place}/d`)).map((line) => line.split(" ")[0]), ["kept"]);
      });
    });
  },
});

testEach("--delete from a source that is missing, dangling, or a file: nothing is removed", async (way) => {
  await withPlace(async (place) => {
    await makeTrees(place, [], [file("keep/1", "1"), file("keep/2", "2"), file("s", "also a target")]);
    plant(place, [link("dangling", "nowhere"), file("a file", "now a file")]);
    const before = await fingerprint(`${place}/d`);
    for (const source of ["missing", "missing/", "dangling/", "a file/", "a file/."]) {
      const { code, err } = await way.sync(["-a", "--delete"], `${place}/${source}`, `${place}/d`);
      assert.ok(code === 3 || code === 23, `${source}: ${code} ${err}`);
      assert.notEqual(err, "");
      assert.equal(await fingerprint(`${place}/d`), before, source);
    }
    // The link itself and the file itself are what is meant: they are copied into the target, which is otherwise left alone.
    for (const source of ["dangling", "a file"]) {
      await quietly(way.sync(["-a", "--delete"], `${place}/${source}`, `${place}/d/`));
    }
    assert.deepEqual((await layout(`${place}/d`)).map((line) => line.split(" ").slice(0, 2).join(" ")).length, 6);
  });
});

/** Extras at the top, beside and below a folder of the source that its reader may not read. */
function unreadable(depth: string): { source: Entry[]; target: Entry[] } {
  const source = [
    file("a/f", "1"),
    file(`${depth}/inner`, "secret"),
    folder(depth, { mode: 0o000 }),
    file("z/f", "2"),
    file("new", "arrives all the same"),
  ];
  const target = [
    file("a/f", "old"),
    file("a/extra", "x"),
    file("extra", "x"),
    file(`${depth}/inner`, "old"),
    file(`${depth}/extra`, "x"),
    file("z/extra", "x"),
    file("zz/extra", "x"),
  ];
  return { source, target };
}

testEach("--delete removes nothing anywhere when a folder of the source cannot be read: exit 23", async (way) => {
  for (const depth of ["locked", "a/locked", "z/m/n/locked"]) {
    await withPlace(async (place) => {
      await Deno.chmod(place, 0o755);
      const { source, target } = unreadable(depth);
      await makeTrees(place, source, target);
      await give(place);
      const ran = await way.sync(["-a", "--delete", "--no-guard"], `${place}/s/`, `${place}/d`);
      assert.equal(ran.code, 23, ran.err);
      assert.match(ran.err, /locked" failed: Permission denied \(13\)/);
      await openUp(`${place}/d`);
      const found = [...(await manifest(`${place}/d`)).keys()];
      for (const { path } of target) assert.ok(found.includes(path), `${path} was removed`);
      assert.equal(await Deno.readTextFile(`${place}/d/new`), "arrives all the same");
      assert.equal(await Deno.readTextFile(`${place}/d/z/f`), "2");
    });
  }
}, PLAIN_USER);

testEach(
  "--delete removes nothing when a file of the source cannot be read: exit 23, the others arrive",
  async (way) => {
    await withPlace(async (place) => {
      await Deno.chmod(place, 0o755);
      await makeTrees(place, [file("a", "1"), file("b", "2", { mode: 0 }), file("c", "3")], [file("extra", "x")]);
      await give(place);
      const { code, err } = await way.sync(["-a", "--delete", "--no-guard"], `${place}/s/`, `${place}/d`);
      assert.equal(code, 23, err);
      assert.match(err, /\[sender\] open ".*b" failed: Permission denied \(13\)/);
      assert.deepEqual((await layout(`${place}/d`)).map((line) => line.split(" ")[0]), ["a", "c", "extra"]);
    });
  },
  PLAIN_USER,
);

testEach("without --delete an unreadable folder costs only itself: exit 23", async (way) => {
  await withPlace(async (place) => {
    await Deno.chmod(place, 0o755);
    await makeTrees(place, unreadable("a/locked").source, []);
    await give(place);
    const { code } = await way.sync(["-a"], `${place}/s/`, `${place}/d`);
    assert.equal(code, 23);
    await openUp(`${place}/d`);
    const names = (await layout(`${place}/d`)).map((line) => line.split(" ")[0]);
    assert.deepEqual(names, ["a/", "a/f", "a/locked/", "new", "z/", "z/f"]);
  });
}, PLAIN_USER);

testEach(
  "--delete that would take more than half and more than a hundred is refused with counts: exit 25; --delete-limit lets it",
  async (way) => {
    await withPlace(async (place) => {
      // 1,000 files in one folder: 600 would go.
      const files = (from: number) =>
        Array.from({ length: 1000 - from }, (_, i) => file(`d/f${from + i}`, "x", { sec: 5 }));
      await makeTrees(place, [...files(600), file("new", "n")], files(0));
      const before = await manifest(`${place}/d`);
      const { code, err } = await way.sync(["-a", "--delete"], `${place}/s/`, `${place}/d`);
      assert.equal(code, 25, err);
      assert.match(err, /refusing to delete 600 of 1001 entries .*--delete-limit=600/s);
      const after = await manifest(`${place}/d`);
      for (const path of before.keys()) assert.ok(after.has(path), `${path} is gone`);
      assert.ok(after.has("new"), "what does not delete is done");
      assert.equal(after.size, 1003);
      for (const [limit, expected] of [["599", 25], ["600", 0]] as const) {
        const ran = await way.sync(["-a", "--delete", `--delete-limit=${limit}`], `${place}/s/`, `${place}/d`);
        assert.equal(ran.code, expected, `${limit}: ${ran.err}`);
        assert.equal((await manifest(`${place}/d`)).size, expected === 25 ? 1003 : 403, limit);
      }
    });
  },
);

testEach("--delete is not stopped at half of few, nor at few of many", async (way) => {
  await withPlace(async (place) => {
    const some = (count: number, from = 0) =>
      Array.from({ length: count }, (_, i) => file(`f${from + i}`, "x", { sec: 5 }));
    await makeTrees(place, some(1), some(101));
    await quietly(way.sync(["-a", "--delete"], `${place}/s/`, `${place}/d`));
    assert.equal((await layout(`${place}/d`)).length, 1);
    plant(`${place}/s`, some(500, 1000));
    plant(`${place}/d`, [...some(500, 1000), ...some(400, 5000)]);
    await quietly(way.sync(["-a", "--delete"], `${place}/s/`, `${place}/d`));
    assert.equal((await layout(`${place}/d`)).length, 501);
  });
});

testEach("--delete-limit=0 deletes nothing and says so", async (way) => {
  await withPlace(async (place) => {
    await makeTrees(place, [file("a", "1")], [file("b", "2")]);
    const { code } = await way.sync(["-a", "--delete", "--delete-limit=0"], `${place}/s/`, `${place}/d`);
    assert.equal(code, 25);
    assert.equal((await layout(`${place}/d`)).length, 2);
  });
});

testEach("--delete leaves alone what filters protect, as rsync does", async (way) => {
  const source = [file("a/keep", "1"), file("a/x.o", "excluded here"), file("b/f", "2")];
  const target = [
    ...[file("a/y.o", "protected"), file("a/extra", "goes"), file("gone/z.o", "protected"), file("gone/other", "goes")],
    ...[file("x.o/inner", "protected with its folder"), file("deep/a/b/c", "goes"), file("cache/1", "protected")],
    ...[file("sub/cache/2", "anchored: goes"), folder("empty"), link("dangling", "nowhere")],
  ];
  const sets = [
    [],
    ["--exclude=*.o"],
    ["--exclude=*.o", "--exclude=/cache/"],
    ["--include=y.o", "--exclude=*.o"],
    ["--exclude=/gone/***"],
    ["--exclude=a"],
    ["--exclude=**/c", "--include=*"],
  ];
  for (const filters of way === LOCAL ? sets : sets.slice(2, 4)) {
    const results: { tree: string[]; code: number; deleted: string[] }[] = [];
    for (const program of ["sync", "rsync"] as const) {
      await withPlace(async (place) => {
        await makeTrees(place, source, target);
        const { code, out } = await way[program](["-ai", "--delete", ...filters], `${place}/s/`, `${place}/d`);
        const deleted = out.split("\n").filter((line) => line.startsWith("*deleting")).sort();
        results.push({ tree: await layout(`${place}/d`), code, deleted });
      });
    }
    assert.deepEqual(results[0], results[1], filters.join(" "));
  }
});

testEach("--delete leaves a closed folder as it was when something in it is protected", async (way) => {
  await withPlace(async (place) => {
    await Deno.chmod(place, 0o755);
    await makeTrees(place, [file("a", "1")], [
      ...[file("closed/f", "x"), file("closed/protected.o", "x"), folder("closed", { mode: 0o555 })],
    ]);
    await give(place);
    await quietly(way.sync(["-a", "--delete", "--exclude=*.o"], `${place}/s/`, `${place}/d`));
    const found = await manifest(`${place}/d`);
    assert.deepEqual([...found.keys()].sort(), ["", "a", "closed", "closed/protected.o"]);
    assert.equal(found.get("closed")!.mode, "0555");
  });
}, PLAIN_USER);

testEach("--delete looks into closed folders of its own user and removes them", async (way) => {
  await withPlace(async (place) => {
    await Deno.chmod(place, 0o755);
    await makeTrees(place, [file("a", "1")], [
      ...[file("closed/f", "x"), folder("closed", { mode: 0o555 })],
      ...[file("locked/f", "x"), folder("locked", { mode: 0o000 })],
    ]);
    await give(place);
    const ran = await way.sync(["-a", "--delete"], `${place}/s/`, `${place}/d`);
    const byRsync = await oracle(way, place);
    await openUp(`${place}/d`);
    assert.deepEqual({ code: ran.code, left: await layout(`${place}/d`) }, byRsync, ran.err);
  });
}, PLAIN_USER);

/** What rsync makes of the same two trees in another place. */
async function oracle(way: Topology, place: string): Promise<{ code: number; left: string[] }> {
  await Deno.mkdir(`${place}/rsync`);
  plant(`${place}/rsync`, [
    ...[file("closed/f", "x"), folder("closed", { mode: 0o555 })],
    ...[file("locked/f", "x"), folder("locked", { mode: 0o000 })],
  ]);
  await give(`${place}/rsync`);
  const { code } = await way.rsync(["-a", "--delete"], `${place}/s/`, `${place}/rsync`);
  await openUp(`${place}/rsync`);
  return { code, left: await layout(`${place}/rsync`) };
}
