// F19, F20, I10, P11: `tsync-remote serve --root` as a forced command, met by a client that knows nothing of it. Whatever the client
// says, the agent's own words count. What a hostile client can do is in evil_served_test.ts.

import assert from "node:assert/strict";
import { AGENT, type Field, withField } from "../support/served_field.ts";
import { attack, photograph } from "../support/race.ts";
import { LONG } from "../support/random.ts";
import { exists, type Ran, run } from "../support/run.ts";
import { look } from "../fault/workload.ts";

function served(claim: string, test: (field: Field) => Promise<void>): void {
  Deno.test(`serve --root: ${claim}`, () => withField(test));
}

const text = (path: string) => Deno.readTextFileSync(path);
const tree = (folder: string) => [...look(folder)].map(([path, state]) => `${path} ${state}`).sort();

function ended({ code, out, err }: Ran, expected: number, words = /^$/): void {
  assert.match(err, words, out);
  assert.equal(code, expected, err);
}

served("x, /x, ~/x and a link in it are the same folder to push to and to pull from", async (f) => {
  const words = ["data", "/data", "~/data", "in", "//data/", "./data/../data", "/in/", "~/in/."];
  for (const [i, word] of (LONG ? words : words.slice(0, 4)).entries()) {
    await Deno.writeTextFile(`${f.own}/round`, `round ${i}`);
    ended(await f.sync([], "-a", "own/", `host:${word}`), 0);
    assert.equal(text(`${f.root}/data/round`), `round ${i}`, word);
    const back = `back${i}`;
    ended(await f.sync([], "-a", `host:${word.endsWith("/.") ? word : `${word}/`}`, back), 0);
    assert.deepEqual(tree(`${f.place}/${back}`), tree(`${f.root}/data`), word);
  }
  for (const word of ["", "/", "~", "~/", "."]) ended(await f.sync([], "-a", "own/new", `host:${word}`), 0);
  assert.equal(text(`${f.root}/new`), "new\n");
  ended(await f.sync([], "-a", "own/", "host:made"), 0);
  ended(await f.sync([], "-a", "--mkpath", "own/", "host:/some/where/else"), 0);
  assert.equal(text(`${f.root}/some/where/else/new`), "new\n");
});

served("what leads out of it is refused, by words and by links, in both directions", async (f) => {
  const out = /served root|No such file/;
  const words = [
    f.canary,
    "../canary",
    "out",
    "absolute",
    "..",
    "/..",
    "~/../canary",
    "data/../../canary",
    "absolute in",
  ];
  for (const word of LONG ? words : words.slice(0, 4)) {
    const pushed = await f.sync([], "-a", "own/", `host:${word}/`);
    ended(pushed, word === f.canary ? 11 : 3, out);
    // An absolute path is one below the root, where it is not there.
    ended(await f.sync([], "-a", `host:${word}/`, "back"), word === f.canary ? 23 : 3, out);
    assert.ok(!exists(`${f.place}/back`), word);
    ended(
      await f.sync([], "-a", "--mkpath", "own/new", `host:${word}/a/b/`),
      word === f.canary ? 0 : 3,
      /^$|served root/,
    );
  }
  assert.ok(exists(`${f.root}${f.canary}/a/b/new`), "a path that is absolute is one below the root");
  ended(await f.sync([], "-a", "host:../own/new", "back"), 3, out);
  ended(await f.sync([], "-aR", "host:out/secret", "back"), 3, out);
  assert.ok(!exists(`${f.place}/back/out/secret`));
});

served("links that are followed at the source stay inside, what leads out is told and left out", async (f) => {
  await Deno.remove(`${f.root}/data/sub/again`);
  ended(await f.sync([], "-rL", "host:data/", "copied"), 0);
  assert.equal(text(`${f.place}/copied/sub/up/list`), "file\nsub/deep\n");
  const whole = await f.sync([], "-rL", "host:/", "whole");
  ended(whole, 23, /leads? out of the root that the other side serves/);
  assert.ok(
    exists(`${f.place}/whole/in/file`) && !exists(`${f.place}/whole/out`) && !exists(`${f.place}/whole/absolute`),
  );
  const unsafe = await f.sync([], "-a", "--copy-unsafe-links", "host:/", "unsafe");
  ended(unsafe, 23, /leads out/);
  assert.ok(!exists(`${f.place}/unsafe/out`) && exists(`${f.place}/unsafe/data/file`));
  ended(await f.sync([], "-rlk", "host:/", "folders"), 0);
  assert.ok(exists(`${f.place}/folders/in/file`) && Deno.lstatSync(`${f.place}/folders/out`).isSymlink);
});

served("folders and files that options name lie inside, too", async (f) => {
  const own = (...words: string[]) => f.sync([], "-a", ...words, "own/", "host:data");
  ended(await own("--backup", "--backup-dir=../kept"), 0);
  assert.equal(text(`${f.root}/kept/file`), "old content\n");
  await Deno.writeTextFile(`${f.own}/file`, "third\n");
  ended(await own("--backup", "--backup-dir=/also"), 0);
  assert.equal(text(`${f.root}/also/file`), "a newer content, longer\n");
  await Deno.writeTextFile(`${f.own}/file`, "the fourth\n");
  for (const word of ["../../canary/kept", "../out/kept", "/absolute/kept"]) {
    const { code, err } = await own("--backup", `--backup-dir=${word}`);
    assert.ok(code === 23 || code === 11, `${word}: ${code} ${err}`);
    assert.match(err, /served root|the root that the other side serves/);
    assert.equal(text(`${f.root}/data/file`), "third\n", "it is not replaced without its backup");
  }
  for (const option of ["link", "copy", "compare"]) {
    ended(await f.sync([], "-a", `--${option}-dest=../data`, "own/", `host:${option}`), 0);
    assert.equal(exists(`${f.root}/${option}/sub/deep`), option !== "compare");
    const { err } = await f.sync([], "-a", `--${option}-dest=${"../".repeat(9)}${f.canary}`, "own/", `host:${option}2`);
    assert.match(err, /served root/);
  }
  assert.equal(Deno.statSync(`${f.root}/link/sub/deep`).nlink, 2);
});

served("a file of names on its side is read below it only", async (f) => {
  ended(await f.sync([], "-a", "--files-from=:names/list", "host:data", "named"), 0);
  assert.equal(text(`${f.place}/named/sub/deep`), "deep\n");
  for (const word of ["../canary/secret", "/out/secret", "absolute/secret"]) {
    ended(await f.sync([], "-a", `--files-from=:${word}`, "host:data", "named2"), 1, /served root/);
  }
  await Deno.writeTextFile(`${f.root}/names/bad`, "../canary/secret\nsub/up/list\n");
  const { err } = await f.sync([], "-a", "--files-from=:names/bad", "host:data", "named3");
  assert.ok(!err.includes("canary secret"));
});

served("--read-only sends and takes nothing", async (f) => {
  const before = await photograph(f.root);
  ended(await f.sync(["--read-only"], "-a", "host:data/", "back"), 0);
  ended(await f.sync(["--read-only"], "-ac", "host:data/", "back"), 0);
  ended(await f.sync(["--read-only"], "-a", "own/", "host:data"), 4, /served root is read-only/);
  ended(await f.sync(["--read-only"], "-an", "own/", "host:data"), 4, /served root is read-only/);
  ended(await f.sync(["--read-only"], "-a", "--remove-source-files", "host:data/", "back"), 4, /not allowed/);
  assert.equal(await photograph(f.root), before);
});

served("--write-only takes and sends nothing of what is there, signatures and digests included", async (f) => {
  const big = new Uint8Array(200_000).map((_, i) => (i * 7919) >>> 5);
  await Deno.writeFile(`${f.root}/data/big`, big);
  big[100_000] ^= 1;
  await Deno.writeFile(`${f.own}/big`, big);
  await Deno.utime(`${f.own}/big`, 1e9, 1e9);
  const pushed = await f.sync(["--write-only"], "-a", "--stats", "--no-compress", "own/", "host:data");
  ended(pushed, 0);
  // All of it crossed: no delta was made against what was there.
  assert.match(pushed.out, /Literal data: 200,0\d\d/);
  assert.match(pushed.out, /Matched data: 0/);
  assert.deepEqual(await Deno.readFile(`${f.root}/data/big`), big);
  ended(await f.sync(["--write-only"], "-a", "--delete", "--no-guard", "own/", "host:data"), 0);
  assert.ok(!exists(`${f.root}/data/extra`));
  ended(await f.sync(["--write-only"], "-a", "host:data/", "back"), 4, /served root is write-only/);
  ended(await f.sync(["--write-only"], "--list-only", "host:data/", "back"), 4, /served root is write-only/);
  ended(await f.sync(["--write-only"], "-ac", "own/", "host:data"), 4, /write-only: --checksum/);
  // What cannot be copied there comes from here.
  ended(await f.sync(["--write-only"], "-a", "--copy-dest=../data", "own/", "host:copy"), 0);
  assert.deepEqual(await Deno.readFile(`${f.root}/copy/big`), big);
});

served("--no-delete: names stay and stay what they are; a file may get new content", async (f) => {
  ended(await f.sync(["--no-delete"], "-a", "own/", "host:data"), 0);
  assert.equal(text(`${f.root}/data/file`), "a newer content, longer\n");
  for (const option of ["--delete", "--force", "--inplace", "--trash"]) {
    ended(await f.sync(["--no-delete"], "-a", option, "own/", "host:data"), 4, /keeps what is there.*not allowed/);
  }
  ended(await f.sync(["--no-delete"], "-a", "--remove-source-files", "host:data/", "back"), 4, /not allowed/);
  await Deno.remove(`${f.own}/new`);
  await Deno.mkdir(`${f.own}/new`);
  await Deno.remove(`${f.own}/file`);
  await Deno.symlink("elsewhere", `${f.own}/file`);
  await Deno.remove(`${f.own}/sub`, { recursive: true });
  await Deno.writeTextFile(`${f.own}/sub`, "no folder");
  const before = tree(`${f.root}/data`);
  ended(await f.sync(["--no-delete"], "-a", "own/", "host:data"), 23, /does not allow it|stands in the way/);
  assert.deepEqual(tree(`${f.root}/data`), before);
  ended(await f.sync(["--no-delete"], "-aP", "own/", "host:fresh"), 0);
  assert.ok(exists(`${f.root}/extra`) === false && exists(`${f.root}/data/extra`));
});

served(
  "a trash, undo and history work within it, and reach no other folder; a root that keeps what is there has none",
  async (f) => {
    const before = tree(`${f.root}/data`);
    ended(await f.sync([], "-a", "--delete", "--no-guard", "--trash", "own/", "host:data"), 0);
    assert.notDeepEqual(tree(`${f.root}/data`), before);
    for (const words of [["undo"], ["history"]]) {
      ended(await f.sync(["--append-new"], ...words, "host:data"), 4, /not allowed/);
      ended(
        await f.sync(["--read-only"], ...words, "host:data"),
        4,
        /is read-only: tsync \w+ is not allowed; use a key/,
      );
      ended(
        await f.sync(["--write-only"], ...words, "host:data"),
        4,
        /is write-only: tsync \w+ would read.*; use a key/,
      );
      ended(await f.sync([], ...words, `host:../canary`), 3, /served root|cannot open/);
      ended(await f.sync([], ...words, "--trash=../../canary", "host:data"), 3, /served root|cannot open/);
    }
    assert.match((await f.sync([], "history", "host:data")).out, /kept/);
    ended(await f.sync([], "undo", "host:data"), 0);
    const now = tree(`${f.root}/data`);
    assert.deepEqual(now.filter((line) => !line.includes(".tsync-")), before);
  },
);

served("--append-new: new names only; what is there is not touched, and told where it differs", async (f) => {
  await Deno.utime(f.own, 1e9, 1e9);
  await Deno.chmod(`${f.own}/sub`, 0o700);
  const before = await photograph(`${f.root}/data/file`);
  const kept = ["file", "extra", "sub/deep"].map((name) => Deno.statSync(`${f.root}/data/${name}`));
  const first = await f.sync(["--append-new"], "-a", "own/", "host:data");
  ended(first, 23, /"data\/file" failed: the root that the other side serves takes new names only/);
  assert.equal(first.err.match(/failed:/g)?.length, 1, first.err);
  assert.equal(text(`${f.root}/data/new`), "new\n");
  assert.equal(await photograph(`${f.root}/data/file`), before);
  ["file", "extra", "sub/deep"].forEach((name, i) => {
    const { ino, mtime, ctime, mode } = Deno.statSync(`${f.root}/data/${name}`);
    assert.deepEqual([ino, mtime, ctime, mode], [kept[i].ino, kept[i].mtime, kept[i].ctime, kept[i].mode], name);
  });
  assert.equal(Deno.statSync(`${f.root}/data/sub`).mode! & 0o777, 0o755);
  // A whole new tree goes there as anywhere, folder times included, and a second run finds nothing to do.
  ended(await f.sync(["--append-new"], "-a", "own/", "host:fresh"), 0);
  assert.deepEqual(tree(`${f.root}/fresh`), tree(f.own));
  const again = await f.sync(["--append-new"], "-ai", "own/", "host:fresh");
  ended(again, 0);
  assert.equal(again.out, "");
  // A snapshot of what is there: further names for it are new names.
  ended(await f.sync(["--append-new"], "-a", "--link-dest=../fresh", "own/", "host:fresh2"), 0);
  assert.equal(Deno.statSync(`${f.root}/fresh2/new`).ino, Deno.statSync(`${f.root}/fresh/new`).ino);
  const both = await f.sync(["--append-new", "--write-only"], "-a", "host:fresh/", "back");
  ended(both, 4, /write-only/);
});

served("words that are none of its own, and a root that is not there, end it before anything is served", async (f) => {
  const wrong = await f.sync(["--read-only", "--append-new"], "-a", "own/", "host:data");
  ended(wrong, 5, /stands alone[^]*command of its own: correct that/);
  assert.equal(wrong.err.split("stands alone").length - 1, 1, "it is told once");
  await Deno.rename(f.root, `${f.place}/away`);
  ended(await f.sync([], "-a", "own/", "host:data"), 5, /served root cannot be opened: No such file/);
});

served("tsync agent says that there is nothing to manage, and what to do; the agent's own help is help", async (f) => {
  for (const verb of ["list", "remove", "verify"]) {
    const words = /far side cannot \w+ agents: this login has a command of its own.*replace that file/;
    ended(await f.sync(["--append-new"], "agent", verb, "host"), 5, words);
  }
  for (const word of ["--help", "-h"]) {
    const { code, out, err } = await run([...AGENT, word]);
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /usage: tsync-remote serve.*\n[^]*--append-new/);
  }
  for (const word of ["--version", "-V"]) assert.match((await run([...AGENT, word])).out, /^tsync-remote \d/);
  ended(await run([...AGENT, "serve"]), 5, /no launch line came: this is for tsync/);
});

// F19, swapped: what the client names, and folders on the way, turn into links to the canary and back.
served("what turns into a link that leads out while a run works leads no run out", async (f) => {
  const pairs: string[][] = [];
  for (const name of ["data", "data2"]) {
    await Deno.mkdir(`${f.root}/${name}/sub`, { recursive: true });
    await Deno.writeTextFile(`${f.root}/${name}/sub/f`, "harmless");
    await Deno.writeTextFile(`${f.root}/${name}/leaf`, "harmless");
    await Deno.symlink("../canary", `${f.root}/aside ${name}`);
    pairs.push([`${f.root}/${name}`, `${f.root}/aside ${name}`]);
  }
  // Followed at the source: a link that stays inside, exchanged with one that leads out.
  await Deno.mkdir(`${f.root}/held`);
  await Deno.writeTextFile(`${f.root}/held/f`, "harmless");
  await Deno.symlink("held", `${f.root}/moving`);
  await Deno.symlink(f.canary, `${f.root}/aside moving`);
  pairs.push([`${f.root}/moving`, `${f.root}/aside moving`]);
  const secrets = async (folder: string) => (await run(["grep", "-rl", "canary", folder])).out;
  const { flips } = await attack(f.place, pairs, async (round) => {
    await Deno.writeTextFile(`${f.own}/round`, `round ${round}`);
    const pushed = await f.sync([], "-a", "own/", round % 2 ? "host:data" : "host:/data2/sub");
    assert.ok([0, 3, 11, 23, 24].includes(pushed.code), `exit ${pushed.code}: ${pushed.err}`);
    const back = `${f.place}/back${round % 4}`;
    const pulled = await f.sync([], "-rL", round % 2 ? "host:data" : "host:moving/", back);
    assert.ok([0, 3, 23, 24].includes(pulled.code), `exit ${pulled.code}: ${pulled.err}`);
    if (exists(back)) assert.equal(await secrets(back), "", `round ${round}`);
  });
  assert.ok(flips > 0);
});
