// --trash, tsync undo and tsync history on the compiled programs, local, push and pull: what is replaced or deleted is kept, comes back
// exactly, and what changed since stops undo before it begins.

import assert from "node:assert/strict";
import { type Extra, fingerprint, type Found, layout, manifest } from "../support/manifest.ts";
import { quietly, type Ran, run, tsync, withPlace } from "../support/run.ts";
import { otherMachine, testEach, type Topology, useOtherMachine } from "../support/topology.ts";
import { file, folder, link, plant, sameAs, special } from "../support/trees.ts";
import { Kind } from "../../lib/os/os.ts";

useOtherMachine();

const RUN = /^[0-9]{8}-[0-9]{6}-[0-9a-f]{8}/;

async function makeTrees(place: string): Promise<void> {
  for (const name of ["s", "d"]) await Deno.mkdir(`${place}/${name}`);
  plant(`${place}/s`, [
    file("same", "same", { sec: 1e9 }),
    file("changed", "the new content"),
    folder("fresh", { mode: 0o711 }),
    ...Array.from({ length: 30 }, (_, i) => file(`fresh/f${i}`, `new ${i}`)),
    file("was a folder", "a file now"),
    folder("was a file"),
    file("was a file/in it", "x"),
    file("odd \xff name", "newer"),
    file("large", "n".repeat(300_000)),
  ]);
  plant(`${place}/d`, [
    file("same", "same", { sec: 1e9, mode: 0o600 }),
    file("changed", "the old content", { mode: 0o640, sec: 1_234_567_890, ns: 123_456_789 }),
    folder("gone", { mode: 0o700, sec: 1_111_111_111 }),
    file("gone/deep", "kept in the trash"),
    link("gone/link", "nowhere"),
    special("gone/fifo", Kind.fifo),
    folder("was a folder"),
    file("was a folder/old", "old"),
    file("was a file", "old"),
    file("odd \xff name", "old"),
    file("large", "o".repeat(200_000)),
  ]);
}

/** The entries of a target without its trash. */
async function seen(root: string, extra: Extra[] = []): Promise<Map<string, Found>> {
  const found = await manifest(root, true, extra);
  return new Map([...found].filter(([path]) => !path.includes(".tsync-")));
}

/** How the target is named on the command line. */
function targetOf(way: Topology, path: string): { words: string[]; path: string } {
  if (way.name !== "push") return { words: [], path };
  const { rsh, host } = otherMachine();
  return { words: ["-e", rsh], path: `${host}:${path}` };
}

async function undo(way: Topology, root: string, ...more: string[]): Promise<Ran> {
  const { words, path } = targetOf(way, root);
  return await tsync(["undo", ...words, ...more, path]);
}

testEach(
  "--trash keeps what a run replaces and deletes; history tells of it, undo brings all of it back",
  async (way) => {
    await withPlace(async (place) => {
      await makeTrees(place);
      const root = `${place}/d`;
      const before = await seen(root);
      await quietly(way.sync(["-a", "--delete", "--trash"], `${place}/s/`, root));
      assert.deepEqual([...(await seen(root)).keys()].sort(), [...(await seen(`${place}/s`)).keys()].sort());
      const { words, path } = targetOf(way, root);
      const history = await quietly(tsync(["history", ...words, path]));
      assert.match(history.out, RUN);
      assert.match(history.out, /8 kept, 3\d new, /, (await layout(`${root}/.tsync-trash`)).join("\n"));

      const after = await seen(root);
      const dry = await quietly(undo(way, root, "-n"));
      assert.match(dry.out, /restoring changed\n/);
      assert.match(dry.out, /would be undone: .* \(DRY RUN\)\n$/);
      assert.deepEqual(await seen(root), after);
      const run = RUN.exec(history.out)![0];
      const real = await quietly(undo(way, root, run));
      assert.match(real.out, new RegExp(`^run ${run} is undone: \\d+ restored, 3\\d removed\n$`));
      assert.deepEqual(await seen(root), before);

      assert.match((await quietly(tsync(["history", ...words, path]))).out, / {2}undone\n$/);
      const again = await undo(way, root);
      assert.equal(again.code, 3);
      assert.match(again.err, /no run in the trash/);
    });
  },
);

testEach("history of a target without a trash says so and ends; undo of it is refused", async (way) => {
  await withPlace(async (place) => {
    await Deno.mkdir(`${place}/d`);
    const { words, path } = targetOf(way, `${place}/d`);
    for (const more of [[], ["--clean", "--trash-keep=1d"]]) {
      const told = await quietly(tsync(["history", "--timeout=30", ...words, ...more, path]));
      assert.equal(told.out, "no runs in the trash\n");
    }
    assert.equal((await undo(way, `${place}/d`)).code, 3);
  });
});

testEach("history -n --clean shows what would go, and removes nothing", async (way) => {
  await withPlace(async (place) => {
    await makeTrees(place);
    const root = `${place}/d`;
    await quietly(way.sync(["-a", "--delete", "--trash"], `${place}/s/`, root));
    const before = await layout(root);
    const { words, path } = targetOf(way, root);
    const clean = ["history", "--clean", "--trash-keep=1k", ...words, path];
    const dry = await quietly(tsync([...clean, "-n"]));
    assert.match(dry.out, /^would remove [0-9a-f-]{24}\nno runs in the trash \(DRY RUN\)\n$/);
    assert.deepEqual(await layout(root), before);
    assert.match((await quietly(tsync(clean))).out, /^removed [0-9a-f-]{24}\nno runs in the trash\n$/);
  });
});

testEach("undo where something changed since: each is told, exit 25, and nothing is changed", async (way) => {
  await withPlace(async (place) => {
    await makeTrees(place);
    const root = `${place}/d`;
    await quietly(way.sync(["-a", "--delete", "--trash"], `${place}/s/`, root));
    await Deno.writeTextFile(`${root}/changed`, "by hand");
    await Deno.writeTextFile(`${root}/fresh/mine`, "by hand");
    const now = await fingerprint(root);
    const { code, err } = await undo(way, root);
    assert.equal(code, 25, err);
    assert.match(err, /restore ".*\/changed" failed: it is neither what that run left nor what was there before/);
    assert.match(err, /restore ".*\/fresh\/mine" failed/);
    assert.match(err, /2 entries changed since that run: nothing was undone/);
    assert.equal(await fingerprint(root), now);
  });
});

Deno.test("a trash is no part of the tree: a second run changes nothing, a copy of the target leaves it out, --delete spares it (B08)", async () => {
  await withPlace(async (place) => {
    await makeTrees(place);
    const words = ["-a", "--delete", "--trash"];
    await quietly(tsync([...words, `${place}/s/`, `${place}/d`]));
    const runs = await layout(`${place}/d/.tsync-trash`);
    const second = await quietly(tsync(["-ai", "--delete", "--trash", `${place}/s/`, `${place}/d`]));
    assert.equal(second.out.includes("f"), second.out.includes("sent"), second.out);
    assert.deepEqual(await layout(`${place}/d/.tsync-trash`), runs, "a run that changes nothing makes no trash");
    await quietly(tsync(["-a", `${place}/d/`, `${place}/copy`]));
    assert.deepEqual((await layout(`${place}/copy`)).filter((path) => path.includes(".tsync")), []);
    await Deno.mkdir(`${place}/e`);
    await quietly(tsync(["-a", "--delete", "--allow-empty-source", "--no-guard", `${place}/e/`, `${place}/d`]));
    assert.deepEqual(await layout(`${place}/d/.tsync-trash`), runs);
  });
});

Deno.test("--trash=DIR lies where it says; undo needs the same word; two runs are undone one after the other", async () => {
  await withPlace(async (place) => {
    await makeTrees(place);
    const root = `${place}/d`;
    const first = await seen(root);
    await quietly(tsync(["-a", "--delete", "--trash=../bin", `${place}/s/`, root]));
    const second = await seen(root);
    await Deno.writeTextFile(`${place}/s/changed`, "and once more");
    await quietly(tsync(["-a", "--delete", "--trash=../bin", `${place}/s/`, root]));
    assert.equal((await tsync(["undo", root])).code, 3);
    await quietly(tsync(["undo", "--trash=../bin", root]));
    assert.deepEqual(await seen(root), second);
    await quietly(tsync(["undo", "--trash=../bin", root]));
    assert.deepEqual(await seen(root), first);
  });
});

Deno.test("undo gives back extended attributes and access lists, where they alone changed, too, and the names of one inode", async () => {
  await withPlace(async (place) => {
    for (const name of ["s", "d"]) await Deno.mkdir(`${place}/${name}`);
    const extra: Extra[] = ["xattrs", "acls", "links"];
    plant(`${place}/s`, [
      file("a", "new", { attributes: { "user.x": "new" } }),
      file("only", "same", { sec: 1e9, attributes: { "user.y": "new" } }),
      folder("sub", { sec: 1e9, attributes: { "user.z": "new" } }),
      file("two", "of one"),
      file("one", "of one"),
    ]);
    plant(`${place}/d`, [
      file("a", "older", { mode: 0o640, attributes: { "user.x": "old", "user.gone": "\0\xff" } }),
      file("only", "same", { sec: 1e9, mode: 0o600 }),
      folder("sub", { sec: 1e9, attributes: { "user.z": "old" } }),
      folder("lost", { sec: 1e9, mode: 0o711, attributes: { "user.l": "kept" } }),
      file("one", "old one", { sec: 1e9 }),
      sameAs("two", "one"),
      sameAs("three", "one"),
    ]);
    for (const path of ["only", "lost"]) {
      assert.equal((await run(["setfacl", "-m", "u:12345:rwx", `${place}/d/${path}`])).code, 0);
    }
    const before = await seen(`${place}/d`, extra);
    await quietly(tsync(["-aHAX", "--delete", "--trash", `${place}/s/`, `${place}/d`]));
    assert.notDeepEqual(await seen(`${place}/d`, extra), before);
    await quietly(tsync(["undo", `${place}/d`]));
    assert.deepEqual(await seen(`${place}/d`, extra), before);
  });
});

Deno.test("a trash on another file system takes copies; so does one of files that are written in place", async () => {
  await withPlace(async (place) => {
    const far = await Deno.makeTempDir({ dir: "/tmp", prefix: "tsync-trash-" });
    const isOther = Deno.statSync(far).dev !== Deno.statSync(place).dev;
    try {
      await makeTrees(place);
      const before = await seen(`${place}/d`, ["xattrs"]);
      const words = ["-a", "--delete", `--trash=${far}/bin`, `${place}/s/`, `${place}/d`];
      await quietly(tsync(words));
      await quietly(tsync(["undo", `--trash=${far}/bin`, `${place}/d`]));
      assert.deepEqual(await seen(`${place}/d`, ["xattrs"]), before, isOther ? "across file systems" : "on one");
      await quietly(tsync(["-a", "--inplace", "--delete", "--trash", `${place}/s/`, `${place}/d`]));
      await quietly(tsync(["undo", `${place}/d`]));
      assert.deepEqual(await seen(`${place}/d`, ["xattrs"]), before, "written in place");
    } finally {
      await Deno.remove(far, { recursive: true });
    }
  });
});

Deno.test("--trash does not go together with backups or -K; without it nothing is kept", async () => {
  await withPlace(async (place) => {
    await makeTrees(place);
    for (const more of ["-b", "--backup-dir=x", "-K"]) {
      const { code, err } = await tsync(["-a", "--trash", more, `${place}/s/`, `${place}/d`]);
      assert.equal(code, 1);
      assert.match(err, /--trash and .* contradict each other/);
    }
    await quietly(tsync(["-a", "--delete", "--trash", "--no-trash", `${place}/s/`, `${place}/d`]));
    assert.match((await tsync(["undo", `${place}/d`])).err, /there is no trash of/);
    const asRsync = await tsync([
      "--as-rsync",
      "-a",
      "--ts-trash",
      "--ts-trash-keep=9d",
      `${place}/d/`,
      `${place}/undo`,
    ]);
    assert.equal(asRsync.code, 0, asRsync.err);
    assert.equal((await tsync(["--as-rsync", "undo", "d"], { cwd: place })).code, 0);
  });
});

Deno.test("--trash-keep takes old runs out at the end of a run, history --clean at once; neither takes the others", async () => {
  await withPlace(async (place) => {
    for (const name of ["s", "d"]) await Deno.mkdir(`${place}/${name}`);
    const keep = async (content: string, ...words: string[]) => {
      await Deno.writeTextFile(`${place}/s/a`, content);
      await quietly(tsync(["-aI", "--trash", ...words, `${place}/s/`, `${place}/d`]));
      return (await Array.fromAsync(Deno.readDir(`${place}/d/.tsync-trash`))).map(({ name }) => name).sort();
    };
    await keep("one");
    const [, two] = await keep("two");
    assert.deepEqual(await keep("three", "--trash-keep=30d", "--trash-keep=1M").then((names) => names.length), 3);
    // A run of long ago, by its name.
    await Deno.rename(`${place}/d/.tsync-trash/${two}`, `${place}/d/.tsync-trash/20010101-000000-00000000`);
    const { out } = await quietly(tsync(["history", "--clean", "--trash-keep=30d", `${place}/d`]));
    assert.match(out, /^removed 20010101-000000-00000000\n/);
    assert.equal((await keep("four", "--trash-keep=0b")).length, 0);
    assert.equal((await tsync(["history", "--clean", `${place}/d`])).code, 1);
    assert.equal((await tsync(["-a", "--clean", `${place}/s/`, `${place}/d`])).code, 1);
  });
});

Deno.test("undo and history are subcommands, unless a file has that name: then nothing is done but to say so", async () => {
  await withPlace(async (place) => {
    await Deno.mkdir(`${place}/undo`);
    await Deno.mkdir(`${place}/d`);
    const ran = await tsync(["undo", "d"], { cwd: place });
    assert.equal(ran.code, 1);
    assert.match(ran.err, /subcommand and a file here; write \.\/undo/);
    assert.equal((await tsync(["history", "d"], { cwd: place })).out, "no runs in the trash\n");
    assert.match((await tsync(["undo", "x", "d"], { cwd: `${place}/d` })).err, /"x" is no run/);
    const aside = await tsync(["history", "--json", "--trash=../d", "d"], { cwd: place });
    assert.equal(aside.code, 1);
    assert.match(aside.err, /an option that was given means nothing to "history"/);
    const keep = await tsync(["-a", "--trash-keep=1d", "d/", "e"], { cwd: place });
    assert.equal(keep.code, 1);
    assert.match(keep.err, /--trash-keep needs --trash/);
    const both = await tsync(["-ab", "--trash", "undo", "d"], { cwd: place });
    assert.equal(both.code, 1);
  });
});

Deno.test("--trash with --fake-super: undo that is told so brings back what the notes say; one that is not told is refused and changes nothing", async () => {
  await withPlace(async (place) => {
    const [first, second, root] = [`${place}/1`, `${place}/2`, `${place}/d`];
    for (const [folder, content] of [[first, "old"], [second, "newer"]]) {
      await Deno.mkdir(folder);
      await Deno.writeTextFile(`${folder}/a`, content);
      await Deno.chmod(`${folder}/a`, content === "old" ? 0o4711 : 0o2755);
    }
    await Deno.writeTextFile(`${first}/gone`, "gone");
    await Deno.chmod(`${first}/gone`, 0o4700);
    await quietly(tsync(["-a", "--fake-super", `${first}/`, root]));
    await quietly(tsync(["-a", "--fake-super", "--delete", "--no-guard", "--trash", `${second}/`, root]));
    const after = await fingerprint(root);
    const untold = await tsync(["undo", root]);
    assert.equal(untold.code, 25, untold.err);
    assert.equal(await fingerprint(root), after);
    await quietly(tsync(["undo", "--fake-super", root]));
    assert.equal((await tsync(["-ain", "--fake-super", "--delete", `${first}/`, root])).out, "");
  });
});
